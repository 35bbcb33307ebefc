/** Reads what `shim.c` has written down. */

import { readFileSync } from "node:fs";

export type DiskEvent =
  | { readonly type: "create" | "open"; readonly file: number; readonly path: string }
  | { readonly type: "write"; readonly file: number; readonly at: number; readonly bytes: Buffer }
  | { readonly type: "truncate"; readonly file: number; readonly size: number }
  | { readonly type: "syncing" | "synced"; readonly file: number }
  | { readonly type: "mkdir" | "unlink"; readonly path: string }
  | { readonly type: "link" | "rename"; readonly from: string; readonly to: string };

/** `note`: what the program said of itself. */
export type LogEvent = DiskEvent | { readonly type: "note"; readonly text: string };

const HEADER = 24;

export function readLog(path: string): readonly LogEvent[] {
  const log = readFileSync(path);
  const events: LogEvent[] = [];
  for (let at = 0; at < log.length; ) {
    const length = log.readUInt32LE(at + 4);
    const bytes = log.subarray(at + HEADER, at + HEADER + length);
    events.push(toEvent(String.fromCharCode(log.readUInt32LE(at)), { file: number(log, at + 8), value: number(log, at + 16), bytes }));
    at += HEADER + length;
  }
  return events;
}

function number(log: Buffer, at: number): number {
  return Number(log.readBigUInt64LE(at));
}

function toEvent(letter: string, { file, value, bytes }: { readonly file: number; readonly value: number; readonly bytes: Buffer }): LogEvent {
  const [path = "", to = ""] = letter === "W" ? [] : bytes.toString().split("\0");
  switch (letter) {
    case "C":
      return { type: "create", file, path };
    case "O":
      return { type: "open", file, path };
    case "W":
      return { type: "write", file, at: value, bytes };
    case "T":
      return { type: "truncate", file, size: value };
    case "s":
      return { type: "syncing", file };
    case "S":
      return { type: "synced", file };
    case "M":
      return { type: "mkdir", path };
    case "U":
      return { type: "unlink", path };
    case "L":
      return { type: "link", from: path, to };
    case "R":
      return { type: "rename", from: path, to };
    case "A":
      return { type: "note", text: path };
    default:
      throw new Error(`the log has an event "${letter}"`);
  }
}
