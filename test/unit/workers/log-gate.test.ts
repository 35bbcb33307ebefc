import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.js";
import { ControlBlock } from "../../../src/protocol/control-block.js";
import type { FromThread } from "../../../src/protocol/messages.js";
import { RunContext } from "../../../workers/context.js";
import { LogGate } from "../../../workers/log-gate.js";

const PAYLOAD = { payload: { bytes: new Uint8Array(), start: 0, end: 0 }, attachments: [] };
const JOB = { slot: 0, id: "job-1", name: "job", attempt: 1, maxRetries: 5, depth: 0, meta: {}, customBackoff: false, ...PAYLOAD };
/** As in the file under test. */
const MOST_UNREAD = 1_000;

class Scene {
  readonly control = new ControlBlock();
  readonly lines: string[] = [];
  readonly #environment = {
    ...{ queue: "default", state: undefined, control: this.control, clock: systemClock(), logs: new LogGate(this.control) },
    post: (message: FromThread) => void this.lines.push(message.kind === "log" ? `${message.line.level} ${message.line.message}` : message.kind),
    enqueueAt: () => () => Promise.reject(new Error("nobody asked")),
  };

  newContext(): RunContext {
    return new RunContext(JOB, this.#environment);
  }

  /** The main side reads. */
  read(count: number): void {
    for (let n = 0; n < count; n += 1) this.control.noteLogRead();
  }
}

function write(context: RunContext, count: number): void {
  for (let n = 0; n < count; n += 1) context.log.info("line");
}

describe("log lines that nobody has read yet", () => {
  it("are sent up to a limit; what is lost is told with the next one", () => {
    const scene = new Scene();
    const context = scene.newContext();
    write(context, MOST_UNREAD + 500);
    expect(scene.lines).toHaveLength(MOST_UNREAD);
    scene.read(MOST_UNREAD / 2 + 1);
    write(context, 1);
    expect(scene.lines.slice(MOST_UNREAD)).toEqual(["warn 500 lines were lost: there were more than could be read", "info line"]);
  });

  it("have to be read by half before more are sent, so that there are few gaps", () => {
    const scene = new Scene();
    const context = scene.newContext();
    write(context, MOST_UNREAD + 1);
    scene.read(1);
    write(context, 1);
    expect(scene.lines).toHaveLength(MOST_UNREAD);
  });

  it("count for all runs of a thread, and what is lost is told of the run that lost it, at its end at the latest", () => {
    const scene = new Scene();
    write(scene.newContext(), MOST_UNREAD);
    const context = scene.newContext();
    write(context, 3);
    context.end();
    expect(scene.lines.slice(MOST_UNREAD)).toEqual(["warn 3 lines were lost: there were more than could be read"]);
  });

  it("never add up while the main side keeps pace", () => {
    const scene = new Scene();
    const context = scene.newContext();
    for (let n = 0; n < 5 * MOST_UNREAD; n += 1) {
      write(context, 1);
      scene.read(1);
    }
    expect(scene.lines).toHaveLength(5 * MOST_UNREAD);
  });
});
