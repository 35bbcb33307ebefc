/** Whether a file has lost its end. SQLite finds that by itself, but not while there is a log beside it. */

import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import type { Database } from "./driver.js";
import { number } from "./row.js";

const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** As a rule pages that the file is short of are in its log. Only if they are not, all others are looked at. */
export function lacksPages(database: Database, path: string): boolean {
  const pages = number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
  const pageSize = number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
  const whole = Math.floor(statSync(path).size / pageSize);
  if (whole >= pages) return false;
  const logged = loggedPages(`${path}-wal`, pageSize);
  for (let page = whole + 1; page <= pages; page += 1) if (!logged.has(page)) return !isSound(database);
  return false;
}

/** Some that are free were never written. */
function isSound(database: Database): boolean {
  return database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"] === "ok";
}

function loggedPages(log: string, pageSize: number): ReadonlySet<number> {
  const pages = new Set<number>();
  if (!existsSync(log)) return pages;
  const handle = openSync(log, "r");
  try {
    const header = Buffer.alloc(LOG_HEADER_BYTES);
    const frame = Buffer.alloc(FRAME_HEADER_BYTES);
    readSync(handle, header, 0, LOG_HEADER_BYTES, 0);
    // Frames of another salt are left over from before the log began anew.
    const salt = header.subarray(16, 24);
    for (let at = LOG_HEADER_BYTES; readSync(handle, frame, 0, FRAME_HEADER_BYTES, at) === FRAME_HEADER_BYTES; at += FRAME_HEADER_BYTES + pageSize) {
      if (!frame.subarray(8, 16).equals(salt)) break;
      pages.add(frame.readUInt32BE(0));
    }
    return pages;
  } finally {
    closeSync(handle);
  }
}
