/**
 * One statement of the behaviour contract: what a user of a job engine of this kind relies on. There are 99, numbered in the
 * order of sections A to I; each is in the table exactly once.
 */

import type { Stage } from "./stage.js";

/** `KEEP`: worth having as it always was. `FIX`: known to be done wrong elsewhere. `DECIDE`: either would do, so it is written down. */
export type Tag = "KEEP" | "FIX" | "DECIDE";

export type Check = (stage: Stage) => Promise<void>;

/** By what each shows. */
export type Checks = Readonly<Record<string, Check>>;

interface Common {
  readonly number: number;
  readonly tag: Tag;
  readonly says: string;
  /** The end of the name of a decision record, without its number. */
  readonly decision?: string;
}

interface Tested extends Common {
  readonly verdict: "tested";
  readonly checks: Checks;
}

interface Overridden extends Common {
  readonly verdict: "overridden";
  /** The sentence of the design that says something else, and where it stands. */
  readonly by: { readonly page: "product" | "architecture"; readonly sentence: string };
  /** What holds instead, and what still holds of the statement. */
  readonly checks: Checks;
}

interface Later extends Common {
  readonly verdict: "later";
  /** What it waits for. */
  readonly until: string;
}

export type Statement = Tested | Overridden | Later;

export interface Section {
  readonly title: string;
  readonly statements: readonly Statement[];
}
