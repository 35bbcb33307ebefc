/**
 * The behaviour contract: 99 statements, each a test that carries its number, or listed with what overrides it or what it
 * waits for. The table is in the other files of this folder, a section each.
 */

import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { defining } from "./a-defining.js";
import { enqueuing } from "./a-enqueuing.js";
import { selecting } from "./b-selecting.js";
import { waking } from "./b-waking.js";
import { claiming } from "./b-claiming.js";
import { finishing } from "./c-finishing.js";
import { retrying } from "./c-retrying.js";
import { settling } from "./c-settling.js";
import { crashing } from "./d-crashing.js";
import { storageFailing } from "./d-storage-failing.js";
import { liveness } from "./e-liveness.js";
import { queues } from "./f-queues.js";
import { starting } from "./f-starting.js";
import { threadState } from "./f-thread-state.js";
import { every } from "./g-every.js";
import { stopping } from "./h-stopping.js";
import { counting } from "./i-counting.js";
import { Stage } from "./stage.js";
import type { Section, Statement } from "./statement.js";

const TABLE: readonly Section[] = [
  ...[defining, enqueuing, selecting, waking, claiming, retrying, finishing, settling, crashing, storageFailing],
  ...[liveness, queues, threadState, starting, every, stopping, counting],
];
const STATEMENTS: readonly Statement[] = TABLE.flatMap(({ statements }) => statements);

for (const { title, statements } of TABLE) {
  describe(title, () => {
    for (const statement of statements) {
      if (statement.verdict === "later") continue;
      const { number, says, checks, verdict } = statement;
      const how = verdict === "overridden" ? "overridden: " : "";
      for (const [shows, check] of Object.entries(checks)) {
        it(`${number} · ${says} — ${how}${shows}`, async () => {
          const stage = new Stage();
          try {
            await check(stage);
          } finally {
            await stage.close();
          }
        });
      }
    }
  });
}

describe("the table", () => {
  it("has every number from 1 to 99 exactly once, in order", () => {
    expect(STATEMENTS.map(({ number }) => number)).toEqual(Array.from({ length: 99 }, (_, index) => index + 1));
  });

  it("has a test for each statement that is not for later", () => {
    const untested = STATEMENTS.filter((statement) => statement.verdict !== "later" && Object.keys(statement.checks).length === 0);
    expect(untested.map(({ number }) => number)).toEqual([]);
  });

  it("leaves for later only what sections D and I have of it", () => {
    const later = STATEMENTS.filter(({ verdict }) => verdict === "later").map(({ number }) => number);
    expect(later.filter((number) => number < 49 || (number > 59 && number < 92))).toEqual([]);
  });

  it("has a decision record for everything that was to be decided", () => {
    const records = readdirSync(new URL("../../docs/decisions/", import.meta.url));
    const named = STATEMENTS.flatMap(({ decision }) => (decision === undefined ? [] : [decision]));
    for (const name of named) expect(records.filter((file) => file.endsWith(`-${name}.md`)), name).toHaveLength(1);
    const undecided = STATEMENTS.filter(({ tag, decision }) => tag === "DECIDE" && decision === undefined);
    expect(undecided.map(({ number }) => number)).toEqual([]);
  });
});
