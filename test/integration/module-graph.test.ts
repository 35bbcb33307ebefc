/** What threads and jobs modules load, and what they must not: the main side, pools and storages. */

import { defineJob } from "millrace/jobs";
import { describe, expect, it } from "vitest";
import { jobsModule, startEngine } from "./engines.js";
import { runProcess } from "./processes.js";

/** As paths within the package, or within node_modules. */
function within(urls: readonly string[]): string[] {
  return urls
    .map((url) => /\/(dist\/(?:src|workers)\/.*|node_modules\/.*)$/.exec(url)?.[1])
    .filter((path) => path !== undefined)
    .map((path) => path.replace(/^.*node_modules\//, "node_modules/"));
}

const MAIN_SIDE = /^dist\/src\/(dispatch|storage|client|scheduler|testing|engine|rooms|runner|config|events|announce|index)/;

describe("a thread", () => {
  it("loads the jobs, the protocol and itself, and nothing of the main side", async () => {
    // Without what the test runner asks Node to load first.
    const engine = await startEngine({ jobs: jobsModule("loaded.js"), execArgv: [] });
    const scripts = within(await engine.run(defineJob<null, string[]>({ name: "scripts" }), null));
    // It can be seen at all.
    for (const own of ["dist/workers/entry.js", "dist/workers/lane-loop.js", "dist/src/protocol/control-block.js", "dist/src/job/payload.js"]) {
      expect(scripts).toContain(own);
    }
    expect(scripts.filter((path) => MAIN_SIDE.test(path))).toEqual([]);
    expect(scripts.filter((path) => path.startsWith("dist/") && !/^dist\/(workers|src\/(job|protocol))\/|^dist\/src\/(jobs|errors|clock)\.js$/.test(path))).toEqual([]);
    const packages = new Set(scripts.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter((name) => name !== undefined));
    // Piscina's own worker is what started it.
    for (const name of packages) expect(["piscina", "msgpackr", "msgpackr-extract", "node-gyp-build-optional-packages", "detect-libc", "comlink"]).toContain(name);
  });
});

describe("millrace/jobs", () => {
  it("alone loads no pool and no storage", async () => {
    const { lines } = await runProcess("loaded.js");
    const scripts = within(JSON.parse(lines[0] ?? "[]") as string[]);
    expect(scripts).toContain("dist/src/jobs.js");
    expect(scripts.filter((path) => MAIN_SIDE.test(path) || path.startsWith("dist/workers/"))).toEqual([]);
    expect(scripts.filter((path) => /^node_modules\/(piscina|comlink)\//.test(path))).toEqual([]);
  });
});
