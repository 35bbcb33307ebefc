/** What all tables of one store share: the connection, and what is kept beside the jobs. */

import type { Changes } from "./changes.js";
import type { Database } from "./driver.js";
import type { Due } from "./due.js";
import type { Tally } from "./tally.js";

export interface Around {
  readonly database: Database;
  readonly tally: Tally;
  readonly due: Due;
  readonly changes: Changes;
}
