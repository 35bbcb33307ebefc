/** Processes that run the jobs of a file, and clients of them. */

import { createEngine, type Engine } from "millrace";
import { sqliteStorage } from "millrace/sqlite";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const SCRIPT = fileURLToPath(new URL("../fixtures/processes/sqlite-owner.js", import.meta.url));

export type Owner = ChildProcessByStdio<Writable, Readable, null>;

/** One that has started. */
export async function startOwner(path: string): Promise<Owner> {
  const owner = spawn(process.execPath, [SCRIPT, path], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(async () => {
    if (owner.exitCode === null && owner.signalCode === null) await kill(owner);
  });
  await once(owner.stdout, "data");
  return owner;
}

export async function kill(owner: Owner): Promise<void> {
  const exit = once(owner, "exit");
  owner.kill("SIGKILL");
  await exit;
}

export function newClient(path: string): Engine {
  const client = createEngine({ storage: sqliteStorage({ path }) });
  onTestFinished(async () => void (await client.stop()));
  return client;
}
