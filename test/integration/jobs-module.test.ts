/** Jobs modules that are broken, and odd ones that work. */

import { JobsModuleError } from "millrace";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { jobsModule, newEngine, rejection, startEngine } from "./engines.js";
import { runProcess } from "./processes.js";

const queues = { default: { threads: 2 } } as const;
/** For those that need it: they never end by themselves. */
const bootTimeout = 300;

describe("a jobs module", () => {
  it.each([
    ["that is missing", "missing.js", "Error", /missing\.js/],
    ["with a syntax error", "syntax-error.js", "SyntaxError", /Unexpected end of input/],
    ["that throws", "throws.js", "RangeError", /^broken at load$/],
    ["that throws null", "throws-null.js", "NonError", /null/],
    ["that rejects", "rejects.js", "RangeError", /^rejected at load$/],
    ["that exports nothing", "nothing.js", "Error", /default export.*defineJobs.*exports nothing/],
    ["that exports something else", "wrong.js", "Error", /default export.*defineJobs.*exports default/],
    ["that has no default export", "named.js", "Error", /default export.*exports jobs, other/],
    ["with two jobs of one name", "two-of-a-name.js", "OptionsError", /"twin"/],
    ["that imports what is not there", "needs-missing.js", "Error", /not-there-either/],
    ["that ends its thread", "exits.js", "Error", /code 3/],
    ["that never loads", "hangs.js", "Error", /300 ms|code 13/],
    ["that never ends", "loops.js", "Error", /300 ms/],
    ["that is a folder", "", "Error", /import|directory/i],
  ] as const)("%s makes start reject with the file and the cause", async (...[title, name, causeName, message]) => {
    const jobs = new URL(`../fixtures/broken/${name}`, import.meta.url);
    const engine = newEngine({ jobs, queues, ...(title.includes("never") ? { bootTimeout } : {}) });
    const startedAt = performance.now();
    const error = await rejection(engine.start());
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(error).toBeInstanceOf(JobsModuleError);
    expect(error).toMatchObject({ code: "MILLRACE_JOBS_MODULE", file: fileURLToPath(jobs) });
    const { cause } = error as { cause: Error };
    expect(cause).toMatchObject({ name: causeName, message: expect.stringMatching(message) as string });
    expect((error as Error).message).toContain(fileURLToPath(jobs));
    expect((error as Error).message).toContain(cause.message);
    expect((error as Error).message).toContain('"default"');
    if (name === "throws.js") expect(cause.cause).toMatchObject({ name: "TypeError", message: "deep inside" });
    // It is no runner any more, but still a client.
    expect(await (await engine.enqueue("echo", 1)).info()).toMatchObject({ state: "waiting" });
    expect(await engine.stop()).toEqual({ completed: 0, returned: 0 });
  });

  it("that cannot be loaded leaves nothing behind: the process ends by itself", async () => {
    const files = ["missing.js", "syntax-error.js", "throws.js", "nothing.js", "exits.js", "hangs.js", "loops.js"];
    const { lines, code } = await runProcess("broken-modules.js", files);
    expect(lines).toEqual([...files.map((file) => `${file} MILLRACE_JOBS_MODULE`), "ended"]);
    expect(code).toBe(0);
  });

  it("that is mended lets a second start succeed", async () => {
    const engine = newEngine({ queues, jobs: new URL("../fixtures/broken/state.js", import.meta.url), env: { MOOD: "throws" } });
    await expect(engine.start()).rejects.toBeInstanceOf(JobsModuleError);
    await expect(engine.start()).rejects.toBeInstanceOf(JobsModuleError);
    const other = await startEngine({ jobs: new URL("../fixtures/broken/state.js", import.meta.url), env: { MOOD: "none" } });
    expect(await other.run("echo", 1)).toBe(1);
  });

  it("compiled to CommonJS from a default export works", async () => {
    const engine = await startEngine({ jobs: jobsModule("compiled.cjs") });
    expect(await engine.run("echo", 1)).toBe(1);
  });

  it("given as a path or with a query works", async () => {
    const byPath = await startEngine({ jobs: fileURLToPath(jobsModule("basics.js")) });
    expect(await byPath.run("echo", 1)).toBe(1);
    const withQuery = await startEngine({ jobs: `${jobsModule("basics.js").href}?v=2` });
    expect(await withQuery.run("echo", 1)).toBe(1);
  });
});

describe("a state factory", () => {
  it.each([
    ["throws", "RangeError", /^no codec$/],
    ["rejects", "RangeError", /^no codec$/],
    ["throws null", "NonError", /null/],
    ["hangs", "Error", /300 ms/],
    ["loops", "Error", /300 ms/],
    ["exits", "Error", /code 4/],
  ])("that %s makes start reject with the file and the cause", async (mood, causeName, message) => {
    const jobs = new URL("../fixtures/broken/state.js", import.meta.url);
    const isEndless = mood === "hangs" || mood === "loops";
    const engine = newEngine({ jobs, queues, env: { MOOD: mood }, ...(isEndless ? { bootTimeout } : {}) });
    const error = await rejection(engine.start());
    expect(error).toBeInstanceOf(JobsModuleError);
    expect(error).toMatchObject({ file: fileURLToPath(jobs), cause: { name: causeName, message: expect.stringMatching(message) as string } });
  });

  it("that fails for one of several queues makes start reject, and nothing runs on", async () => {
    const jobs = new URL("../fixtures/broken/state.js", import.meta.url);
    const engine = newEngine({ jobs, env: { MOOD: "throws" }, queues: { one: { threads: 1 }, two: { threads: 1 } } });
    await expect(engine.start()).rejects.toBeInstanceOf(JobsModuleError);
    const { queues } = await engine.stats();
    expect(Object.values(queues).map(({ threads }) => threads)).toEqual([0, 0]);
  });
});
