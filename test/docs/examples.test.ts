import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function runExample(file: string, args: readonly string[] = []): Promise<Ended> {
  const path = fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [path, ...args], (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }));
  });
}

/** A row of the table at the end of the demo: what the main thread did, and what Millrace did. */
function rowOf(stdout: string, name: string): readonly string[] {
  const line = stdout.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return (line ?? "").slice(name.length).trim().split(/\s{2,}/);
}

it("first-job prints the result of its job and ends", { timeout: 60_000 }, async () => {
  expect(await runExample("first-job/main.js")).toEqual({ code: 0, stdout: "9227465\n", stderr: "" });
});

it("minify does the same on the main thread and as jobs, and says what it measured", { timeout: 120_000 }, async () => {
  const { code, stdout, stderr } = await runExample("minify/demo.js", ["--seconds", "1"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const files = rowOf(stdout, "files");
  expect(files[0]).toMatch(/^[1-9]/);
  expect(files[1]).toBe(files[0]);
  for (const name of ["bytes before", "bytes after", "of these refused by terser", "retries"]) {
    const [mainThread, millrace] = rowOf(stdout, name);
    expect(millrace, name).toBe(mainThread);
  }
  expect(rowOf(stdout, "HTTP requests failed")).toEqual(["0", "0"]);
  for (const name of ["jobs/s", "cores used (CPU time / time)", "cores busy with other processes", "HTTP p50", "HTTP p99"]) {
    expect(rowOf(stdout, name), name).toEqual([expect.stringMatching(/^\d+\.\d/), expect.stringMatching(/^\d+\.\d/)]);
  }
  expect(stdout).toContain("Both ways gave the same output");
});

it("minify retries a module it took for a script, and counts what terser refuses", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-minify-"));
  try {
    const padding = `/* ${"long enough to be chosen ".repeat(50)} */\n`;
    await writeFile(join(folder, "a-script.js"), `${padding}console.log("script");`);
    await writeFile(join(folder, "b-module.js"), `${padding}await import("./a-script.js");`);
    await writeFile(join(folder, "c-broken.js"), `${padding}const = 1;`);
    await writeFile(join(folder, "d-small.js"), "console.log(1);");
    await writeFile(join(folder, "e.min.js"), `${padding}console.log("minified");`);
    const { code, stdout } = await runExample("minify/demo.js", ["--seconds", "1", "--folder", folder]);
    expect(code).toBe(0);
    expect(rowOf(stdout, "files")).toEqual(["3", "3"]);
    expect(rowOf(stdout, "of these refused by terser")).toEqual(["1", "1"]);
    expect(rowOf(stdout, "retries")).toEqual(["2", "2"]);
    expect(stdout).toContain("Refused: c-broken.js: Name expected");
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("minify with --durable goes on where it was killed", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-"));
  const demo = fileURLToPath(new URL("../../examples/minify/main.js", import.meta.url));
  const args = [demo, "--durable", "--files", "60", "--store", join(folder, "jobs.db")];
  try {
    const first = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    for await (const text of first.stdout) {
      printed += String(text);
      // As soon as some are done.
      if (/ [1-9]\d* of 60 files/.test(printed)) first.kill("SIGKILL");
    }
    const { code, stdout, stderr } = await new Promise<Ended>((resolve) => {
      execFile(process.execPath, args, (error, out, err) => resolve({ code: error === null ? 0 : error.code, stdout: out, stderr: err }));
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/: [1-9]\d* of 60 jobs were done before, 0 were not stored yet/);
    expect(stdout).toMatch(/60 files minified, 0 refused/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
