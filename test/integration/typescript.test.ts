/** Jobs modules in TypeScript, wherever they are loaded; and the package from CommonJS. tsx.test.ts has more about tsx. */

import { fileURLToPath } from "node:url";
import { createTestEngine } from "millrace/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { greet } from "../fixtures/jobs/typed-jobs.js";
import { jobsModule, startEngine } from "./engines.js";
import { runProcess } from "./processes.js";

const features = process.features as { readonly typescript?: false | string; readonly require_module?: boolean };
const stripsTypes = typeof features.typescript === "string";
const LOADER = import.meta.resolve("tsx");

describe("a TypeScript jobs module", () => {
  it("runs in Vitest, inline, with its types", async () => {
    const engine = createTestEngine({ jobs: () => import("../fixtures/jobs/typed-jobs.js") });
    onTestFinished(async () => void (await engine.stop()));
    await engine.start();
    const greeting: string = await engine.run(greet, { name: "Ada" });
    expect(greeting).toBe("Hello, Ada");
  });

  it("runs in Vitest in threads that load tsx", async () => {
    const engine = await startEngine({ jobs: jobsModule("typed-jobs.ts"), execArgv: ["--import", LOADER] });
    expect(await engine.run(greet, { name: "Ada" })).toBe("Hello, Ada");
  });

  it("runs in a process that was started with tsx", async () => {
    const { lines, errors } = await runProcess("typescript.js", [], ["--import", LOADER]);
    expect({ lines, errors }).toEqual({ lines: ["Hello, Ada"], errors: "" });
  });

  it("runs in threads that load tsx, of a process that does not", async () => {
    expect((await runProcess("typescript.js", ["--import", LOADER])).lines).toEqual(["Hello, Ada"]);
  });

  it.skipIf(!stripsTypes)("just runs where Node strips types", async () => {
    expect((await runProcess("typescript.js")).lines).toEqual(["Hello, Ada"]);
  });

  it.skipIf(stripsTypes)("is refused where Node cannot load it, with what to do", async () => {
    const { lines } = await runProcess("typescript.js");
    const file = fileURLToPath(jobsModule("typed-jobs.ts"));
    expect(lines.slice(0, 2)).toEqual(["MILLRACE_JOBS_MODULE", file]);
    for (const advice of [file, "tsx", 'execArgv: ["--import", "tsx"]', "22.18", "build"]) expect(lines[2]).toContain(advice);
  });
});

describe("require", () => {
  it.skipIf(features.require_module !== true)("gives CommonJS the whole package, where Node can require ES modules", async () => {
    const { lines, code } = await runProcess("required.cjs");
    expect({ lines, code }).toEqual({ lines: ["from CommonJS", "true"], code: 0 });
  });
});
