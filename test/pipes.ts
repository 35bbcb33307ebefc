/** Named pipes, which hold whoever reads them for as long as a test wants. */

import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A pipe that nobody writes to. Its reader is let go when the test is over: a process cannot end before. */
export function newPipe(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  onTestFinished(() => {
    openedForReader(path)?.();
    rmSync(folder, { recursive: true });
  });
  return path;
}

/** Waits until somebody reads the pipe. @returns what lets him go */
export async function whenRead(path: string): Promise<() => void> {
  for (;;) {
    const letGo = openedForReader(path);
    if (letGo !== null) return letGo;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** `null` if nobody reads it. */
function openedForReader(path: string): (() => void) | null {
  try {
    const file = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    return () => closeSync(file);
  } catch {
    return null;
  }
}
