import type { Storage } from "../storage/storage.js";
import { attachments } from "./storage-suite/attachments.js";
import { claims } from "./storage-suite/claims.js";
import { completion } from "./storage-suite/completion.js";
import { control } from "./storage-suite/control.js";
import { enqueuing } from "./storage-suite/enqueuing.js";
import { lifetime } from "./storage-suite/lifetime.js";
import { notifications } from "./storage-suite/notifications.js";
import { ordering } from "./storage-suite/ordering.js";
import { limits } from "./storage-suite/limits.js";
import { ownership } from "./storage-suite/ownership.js";
import { reading } from "./storage-suite/reading.js";
import { retention } from "./storage-suite/retention.js";
import type { Case, Section } from "./storage-suite/section.js";
import { settings } from "./storage-suite/settings.js";
import { uniqueKeys } from "./storage-suite/unique-keys.js";

/** What the suite needs of a test framework. Vitest, Jest, Mocha and `node:test` all have it. */
export interface SuiteRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => void | Promise<void>): void;
}

const SECTIONS: readonly Section[] = [
  ...[lifetime, enqueuing, limits, uniqueKeys, ordering, claims, completion, control],
  ...[ownership, settings, retention, reading, notifications, attachments],
];

/**
 * Holds a store to the contract in `storage.ts`, as far as its `supports` goes. A store that passes can run an engine.
 *
 * @param make gives a new, empty store that is not open yet; it is called for every test
 * @example
 * import { describe, it } from "vitest";
 * storageSuite({ describe, it }, () => myStorage());
 */
export function storageSuite(runner: SuiteRunner, make: () => Promise<Storage> | Storage): void {
  for (const { title, cases } of SECTIONS) {
    runner.describe(title, () => {
      for (const each of cases) runner.it(each.title, async () => runCase(each, await make()));
    });
  }
}

async function runCase({ when, run }: Case, storage: Storage): Promise<void> {
  if (when?.(storage.supports) === false) return;
  await storage.open();
  try {
    await run(storage);
  } finally {
    await storage.close();
  }
}
