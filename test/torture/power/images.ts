/** Makes images of what a disk may hold after a loss of power, and has them looked at by processes that know nothing else. */

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Dice } from "../../sim/dice.js";
import { Disk } from "./disk.js";
import { Ledger, type Promised } from "./ledger.js";
import type { LogEvent } from "./log.js";

export interface Image {
  readonly path: string;
  readonly promised: Readonly<Record<string, Promised>>;
}

/** Images that one process looks at, and that lie on the disk at once. */
const TOGETHER = 25;
/** For one process. */
const PATIENCE_MS = 120_000;
const CHECK = fileURLToPath(new URL("./check.ts", import.meta.url));

export interface ImagesOptions {
  readonly events: readonly LogEvent[];
  readonly count: number;
  readonly seed: number;
  /** Of the folder that was watched, and of the store in it. */
  readonly root: string;
  readonly store: string;
  /** For the images. */
  readonly folder: string;
}

export interface Verdict {
  /** Events before the loss. */
  readonly cut: number;
  /** Things that were acknowledged before it. */
  readonly acks: number;
  readonly violations: readonly string[];
}

export function tryImages({ events, count, seed, root, store, folder }: ImagesOptions): readonly Verdict[] {
  const cuts = chooseCuts(events, count, new Dice(seed, 0));
  const disk = new Disk(root);
  const ledger = new Ledger();
  const verdicts: Verdict[] = [];
  for (let from = 0, done = 0; from < cuts.length; from += TOGETHER) {
    const together = cuts.slice(from, from + TOGETHER);
    const made = together.map((cut, index) => {
      for (; done < cut; done += 1) applyTo(disk, ledger, events[done]);
      const image = join(folder, `image-${from + index}`);
      // A disk may keep nothing, all or any part of what was not synced.
      const dice = new Dice(seed, 1 + from + index);
      disk.save(image, { dice, chance: dice.pick([1, 0, dice.random()]) });
      return { cut, acks: ledger.count, path: join(image, store), promised: ledger.promised() };
    });
    const found = lookAt(made, join(folder, "list.json"));
    verdicts.push(...made.map(({ cut, acks }, index) => ({ cut, acks, violations: found[index] ?? [] })));
    for (const index of together.keys()) rmSync(join(folder, `image-${from + index}`), { recursive: true });
  }
  return verdicts;
}

function applyTo(disk: Disk, ledger: Ledger, event: LogEvent | undefined): void {
  if (event === undefined) return;
  if (event.type === "note") ledger.note(event.text);
  else disk.apply(event);
}

/** Some while the store is being made, some right after an acknowledgement, where most is at stake, and some anywhere. */
function chooseCuts(events: readonly LogEvent[], count: number, dice: Dice): readonly number[] {
  const notes = events.flatMap(({ type }, index) => (type === "note" ? [index + 1] : []));
  const [first] = notes;
  if (first === undefined) throw new Error("nothing was acknowledged");
  return Array.from({ length: count }, () => {
    const kind = dice.random();
    if (kind < 0.1) return dice.int(0, first - 1);
    return kind < 0.4 ? dice.pick(notes) : dice.int(first, events.length);
  }).sort((a, b) => a - b);
}

/** An image that ends the process which looks at it is noted, and the rest is looked at by the next. */
function lookAt(images: readonly Image[], list: string): readonly (readonly string[])[] {
  mkdirSync(join(list, ".."), { recursive: true });
  writeFileSync(list, JSON.stringify(images));
  const found: (readonly string[])[] = [];
  while (found.length < images.length) {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", CHECK, list, String(found.length)], { encoding: "utf8", timeout: PATIENCE_MS });
    const lines = stdout.split("\n").filter((line) => line !== "");
    for (const line of lines) if (line !== "begin") found.push(JSON.parse(line) as readonly string[]);
    if (lines.length === 0) throw new Error(`no image was looked at: ${stderr}`);
    if (lines.at(-1) === "begin") found.push([`the process that opened it ended: ${signal ?? status}`]);
  }
  return found;
}
