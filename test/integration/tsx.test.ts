import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const LOADER = import.meta.resolve("tsx");
const CLI = fileURLToPath(import.meta.resolve("tsx/cli"));

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/tsx/${name}`, import.meta.url));
}

async function run(args: readonly string[], nodeOptions?: string): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const options = { env: { ...env, ...(nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }) } };
  return (await promisify(execFile)(process.execPath, args, options)).stdout;
}

describe("a jobs.ts runs under tsx", { timeout: 60_000 }, () => {
  it.each([
    ["named in Node's options", ["--import", "tsx", fixture("main.ts")]],
    ["named in Node's options with =", ["--import=tsx", fixture("main.ts")]],
    ["named by its file", ["--import", LOADER, fixture("main.ts")]],
    ["by its command", [CLI, fixture("main.ts")]],
    ["in the threads only", [fixture("main.js"), "--import", "tsx"]],
  ])("%s", async (_, args) => {
    expect(await run(args)).toBe("42\n");
  });

  it("named in the environment", async () => {
    expect(await run([fixture("main.ts")], "--import tsx")).toBe("42\n");
  });
});
