/** Good and bad jobs. Each run writes down that it began and, if it gets so far, that it ended. */

import { closeSync, openSync, writeSync } from "node:fs";
import { defineJob, defineJobs } from "millrace/jobs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function burn(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function spin() {
  for (;;);
}

/** By kind; what they return is the payload they were given. */
const kinds = {
  compute: ({ ms }) => burn(ms),
  turns: async ({ ms }) => {
    for (let turn = 0; turn < 3; turn += 1) {
      burn(ms / 3);
      await pause(ms / 3);
    }
  },
  parent: async ({ index }, ctx) => {
    await ctx.enqueue("child", { index, ms: 1 });
  },
  child: ({ ms }) => burn(ms),
  flaky: ({ failures }, ctx) => {
    if (ctx.attempt <= failures) throw new RangeError("not yet");
  },
  throw: () => {
    throw new RangeError("never");
  },
  reject: async () => {
    await null;
    throw null;
  },
  exit: ({ ms }) => {
    burn(ms);
    process.exit(7);
  },
  loop: spin,
  hang: () => new Promise(() => undefined),
  flood: async () => {
    for (;;) await null;
  },
  cancelled: (_, ctx) => {
    ctx.log.info("cancel me");
    spin();
  },
  obedient: async (_, ctx) => {
    ctx.log.info("cancel me");
    for (;;) {
      ctx.throwIfCancelled();
      await pause(1);
    }
  },
  heap: () => {
    let list = null;
    for (;;) list = { list, text: `${Math.random()}` };
  },
  lateThrow: () => {
    setTimeout(() => {
      throw new RangeError("late");
    }, 2);
  },
  lateRejection: () => {
    setImmediate(() => void Promise.reject(new RangeError("late")));
  },
  lateLog: ({ index }, ctx) => {
    const speak = () => {
      ctx.log.info("here", { index });
      ctx.progress(0.5, String(index));
    };
    speak();
    for (const ms of [1, 3, 10]) setTimeout(speak, ms);
  },
  lateExit: () => {
    setTimeout(() => process.exit(9), 2);
  },
};

const jobs = Object.entries(kinds).map(([name, run]) =>
  defineJob({
    name,
    run: async (payload, ctx) => {
      const write = (what) => void writeSync(ctx.state.ledger, `${what} ${ctx.id} ${ctx.attempt}\n`);
      write("begin");
      await run(payload, ctx);
      write("end");
      return payload.index;
    },
  }),
);

export default defineJobs({
  jobs,
  state: () => ({ ledger: openSync(process.env.TORTURE_LEDGER, "a") }),
  dispose: ({ ledger }) => closeSync(ledger),
});
