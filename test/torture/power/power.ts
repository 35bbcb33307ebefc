/** One program that works on a store while it is watched, and the losses of power that could have come meanwhile. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Dice } from "../../sim/dice.js";
import { compilePreload } from "../../preload.js";
import { Disk } from "./disk.js";
import { tryImages, type Verdict } from "./images.js";
import { type LogEvent, readLog } from "./log.js";

/** `relaxed`: the storage does not wait for the disk. `liar`: the disk says that it has synced, and has not. `folders`: it does so with folders. */
export const CONTROLS = ["relaxed", "liar", "folders"] as const;
export type Control = (typeof CONTROLS)[number];

export interface PowerOptions {
  readonly images: number;
  readonly seed: number;
  /** Of the program: how often each part of it does what it does. */
  readonly rounds: number;
  readonly control?: Control | undefined;
}

export interface PowerReport {
  readonly events: readonly LogEvent[];
  readonly verdicts: readonly Verdict[];
}

/** In a folder of a folder, since both are made, and both could be lost. */
const STORE = join("data", "millrace", "jobs.db");
const SHIM = fileURLToPath(new URL("./shim.c", import.meta.url));
const WORKLOAD = fileURLToPath(new URL("./workload.js", import.meta.url));

export function losePower({ images, seed, rounds, control }: PowerOptions): PowerReport {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-power-")));
  try {
    const root = join(folder, "disk");
    mkdirSync(root);
    const log = watch({ folder, root, durability: control === "relaxed" ? "relaxed" : "full", rounds, seed });
    const gaps = gapsIn(log, root, join(folder, "replayed"));
    if (gaps.length > 0) throw new Error(`not everything that was written was seen: ${gaps.join(", ")}`);
    const events = log.filter((event) => !isIgnored(event, log, control));
    return { events, verdicts: tryImages({ events, count: images, seed, root, store: STORE, folder: join(folder, "images") }) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Watched {
  readonly folder: string;
  readonly root: string;
  readonly durability: string;
  readonly rounds: number;
  readonly seed: number;
}

function watch({ folder, root, durability, rounds, seed }: Watched): readonly LogEvent[] {
  const [shim, log, notes] = [join(folder, "shim.so"), join(folder, "log"), join(folder, "notes")];
  compilePreload(SHIM, shim);
  const env = { ...process.env, LD_PRELOAD: shim, POWER_ROOT: root, POWER_LOG: log, POWER_ACKS: notes };
  const { signal, stderr } = spawnSync(process.execPath, [WORKLOAD, join(root, STORE), notes, durability, String(rounds), String(seed)], { env, encoding: "utf8" });
  if (signal !== "SIGKILL") throw new Error(`the program failed: ${stderr}`);
  return readLog(log);
}

/** Files that are not what the log says of them. */
function gapsIn(events: readonly LogEvent[], root: string, target: string): readonly string[] {
  const disk = new Disk(root);
  for (const event of events) if (event.type !== "note") disk.apply(event);
  disk.save(target, { dice: new Dice(0, 0), chance: 0 });
  const names = new Set([root, target].flatMap((folder) => filesIn(folder).map((file) => relative(folder, file))));
  return [...names].filter((name) => {
    const [written, replayed] = [join(root, name), join(target, name)];
    return !existsSync(written) || !existsSync(replayed) || !readFileSync(written).equals(readFileSync(replayed));
  });
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith("-shm"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Of a disk that says it has synced and has not. */
function isIgnored(event: LogEvent, log: readonly LogEvent[], control: Control | undefined): boolean {
  if (event.type !== "synced" || control === undefined || control === "relaxed") return false;
  return control === "liar" || foldersIn(log).has(event.file);
}

const folders = new WeakMap<readonly LogEvent[], ReadonlySet<number>>();

/** By their numbers: a folder is never made as a file is, and never written to. */
function foldersIn(log: readonly LogEvent[]): ReadonlySet<number> {
  const known = folders.get(log);
  if (known !== undefined) return known;
  const made = new Set(log.flatMap((event) => (event.type === "create" ? [event.file] : [])));
  const found = new Set(log.flatMap((event) => (event.type === "open" && !made.has(event.file) ? [event.file] : [])));
  folders.set(log, found);
  return found;
}
