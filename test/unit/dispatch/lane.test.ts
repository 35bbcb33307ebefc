import { expect, it } from "vitest";
import { FrameLane, type LaneMessage } from "../../../src/dispatch/lane.js";
import type { JobAnswer, PoolListener } from "../../../src/dispatch/pool.js";
import { ControlBlock } from "../../../src/protocol/control-block.js";
import { claimed } from "../sample-job.js";

const nonsense: readonly unknown[] = [undefined, null, 5, {}, { kind: "done" }, { kind: undefined }];

it.each(nonsense)("takes an answer of %o for a run that has failed", (outcome) => {
  const control = new ControlBlock();
  const answers: JobAnswer[] = [];
  const nothing = (): void => undefined;
  const carrier = { post: nothing, retire: nothing, end: nothing, kill: nothing, busy: nothing };
  const others = { ready: nothing, progressed: nothing, logged: nothing, strayed: nothing, heapHigh: nothing, gone: nothing, leaked: nothing, bootFailed: nothing };
  const listener: PoolListener = { ...others, answered: (_, answer) => void answers.push(answer) };
  const lane = new FrameLane({ thread: 0, names: ["job"], control, carrier, listener });
  lane.send([claimed({ id: "a" })]);
  control.start(0, 0);
  control.finish(0);
  lane.receive({ kind: "answer", slot: 0, outcome, tookMs: 1 } as LaneMessage);
  expect(answers).toMatchObject([{ id: "a", tookMs: 1, outcome: { kind: "failed", failure: { reason: "threw" } } }]);
});
