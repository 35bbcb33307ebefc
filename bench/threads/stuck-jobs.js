// The jobs module of the benchmark of kills. Each says when it starts and then holds its thread.

import { defineJob, defineJobs } from "millrace/jobs";

const KINDS = {
  loop: function stuckInLoop() {
    for (;;);
  },
  calls: function stuckInCalls() {
    const square = (value) => value * value;
    let sum = 0;
    for (;;) sum += square(sum % 7);
  },
  regex: function stuckInRegex() {
    return /^(a+)+$/.test(`${"a".repeat(60)}b`);
  },
  sort: function stuckInSort() {
    for (;;) Array.from({ length: 1_000 }, (_, index) => (index * 7) % 13).sort((a, b) => a - b);
  },
  microtasks: async function stuckInMicrotasks() {
    for (;;) await null;
  },
};

const stuck = defineJob({
  name: "stuck",
  run: async (kind, ctx) => {
    ctx.log.info("stuck", { at: Date.now() });
    await KINDS[kind]();
  },
});

/** Works on its own, next to a job that is stuck. */
const neighbour = defineJob({
  name: "neighbour",
  run: async (_payload, ctx) => {
    ctx.log.info("running", { at: Date.now() });
    await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
  },
});

export default defineJobs({ jobs: [stuck, neighbour] });
