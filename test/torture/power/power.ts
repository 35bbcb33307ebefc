/** Lets a program use a store, and looks what would be left of it, had the power gone at any moment. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Dice } from "../../sim/dice.js";
import { compileShim } from "./compiler.js";
import { Disk } from "./disk.js";
import { Ledger, type Promised } from "./ledger.js";
import { type LogEvent, readLog } from "./log.js";

/** `relaxed`: the storage is told not to wait for the disk. `liar`: the disk says that it has synced, and has not. */
export type PowerControl = "relaxed" | "liar";

export interface PowerOptions {
  readonly images: number;
  readonly seed: number;
  readonly control: PowerControl | null;
}

export interface PowerReport {
  readonly events: number;
  readonly syncs: number;
  /** Acknowledgements that the images were held to, all together. */
  readonly promises: number;
  /** Of each image with problems, what is wrong. */
  readonly violations: readonly (readonly string[])[];
}

const ROUNDS = 90;
/** Images that one process opens: it starts anew now and then, since it may die of one. */
const BATCH = 25;
const LEAST_CHANCE = 0.05;

export function losePower({ images, seed, control }: PowerOptions): PowerReport {
  const folder = mkdtempSync(join(tmpdir(), "millrace-power-"));
  try {
    const events = record(folder, { seed, durability: control === "relaxed" ? "relaxed" : "full" });
    const dice = new Dice(seed, 0);
    // Before the first promise there is nothing to lose.
    const first = events.findIndex(({ type }) => type === "note");
    const cases: Case[] = [];
    for (let image = 0; image < images; image += 1) {
      const cut = first + dice.int(1, events.length - first);
      const target = join(folder, `image-${image}`);
      const { disk, ledger } = replay(join(folder, "root"), events.slice(0, cut), control === "liar");
      disk.save(target, { dice, chance: dice.between(LEAST_CHANCE, 1) });
      cases.push({ path: join(target, "data", "jobs.db"), promised: ledger.promised(), promises: ledger.count });
    }
    const problems = check(folder, cases);
    return {
      events: events.length,
      syncs: events.filter(({ type }) => type === "synced").length,
      promises: cases.reduce((sum, { promises }) => sum + promises, 0),
      violations: problems.filter((each) => each.length > 0),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Case {
  readonly path: string;
  readonly promised: Readonly<Record<string, Promised>>;
  readonly promises: number;
}

function record(folder: string, { seed, durability }: { readonly seed: number; readonly durability: string }): readonly LogEvent[] {
  const root = join(folder, "root");
  const [shim, log, notes] = ["shim.so", "log", "notes"].map((name) => join(folder, name)) as [string, string, string];
  mkdirSync(root);
  compileShim(fileURLToPath(new URL("./shim.c", import.meta.url)), shim);
  const workload = fileURLToPath(new URL("./workload.js", import.meta.url));
  const env = { ...process.env, LD_PRELOAD: shim, POWER_ROOT: root, POWER_LOG: log, POWER_ACKS: notes };
  const { signal, stderr } = spawnSync(process.execPath, [workload, join(root, "data", "jobs.db"), notes, durability, `${ROUNDS}`, `${seed}`], { env, encoding: "utf8" });
  if (signal !== "SIGKILL") throw new Error(`the program that was to be watched failed: ${stderr}`);
  return readLog(log);
}

function replay(root: string, events: readonly LogEvent[], isLiar: boolean): { readonly disk: Disk; readonly ledger: Ledger } {
  const disk = new Disk(root);
  const ledger = new Ledger();
  for (const event of events) {
    if (event.type === "note") ledger.note(event.text);
    else if (!isLiar || event.type !== "synced") disk.apply(event);
  }
  return { disk, ledger };
}

/** @returns the problems of each image */
function check(folder: string, cases: readonly Case[]): readonly (readonly string[])[] {
  const problems: (readonly string[])[] = [];
  for (let first = 0; first < cases.length; first += BATCH) {
    const batch = cases.slice(first, first + BATCH);
    const list = join(folder, "list.json");
    writeFileSync(list, JSON.stringify(batch));
    const { stdout, status, signal, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL("./check.js", import.meta.url)), list], { encoding: "utf8", maxBuffer: 2 ** 28 });
    const lines = stdout.split("\n").filter((line) => line !== "");
    problems.push(...lines.map((line) => JSON.parse(line) as string[]));
    if (lines.length < batch.length) problems.push([`opening it ended the process: ${signal ?? status} ${stderr}`]);
  }
  return problems;
}
