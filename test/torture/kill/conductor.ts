/** Starts an engine on a file, kills it, starts the next one, and keeps account of what they said. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { seededRandom } from "../../../src/testing/seeded-random.js";
import { type Ledger, newLedger, note } from "./ledger.js";
import { judge, type Verdict } from "./verdicts.js";

export const POINTS: readonly string[] = ["enqueue", "claim", "complete", "reclaim", "migrate"].flatMap((verb) => [`${verb} before commit`, `${verb} after commit`]);
const AT_RANDOM = "at random";
/** After it is ready, an engine that is killed at random lives at most so long. */
const MOST_MS = 400;
/** One that does not come to its point is killed then. */
const PATIENCE_MS = 5_000;
/** The last engine on a file, which waits until all its jobs have ended. With one that is stranded it would wait for ever. */
const DRAIN_MS = 60_000;
const CHILD = fileURLToPath(new URL("./child.js", import.meta.url));
const PRELOAD = pathToFileURL(fileURLToPath(new URL("./preload.js", import.meta.url))).href;

export interface KillReport {
  readonly rounds: number;
  /** By where it was killed. */
  readonly kills: ReadonlyMap<string, number>;
  readonly enqueued: number;
  readonly completed: number;
  /** Runs. */
  readonly effects: number;
  /** Given up, since they were alone when the process was killed for the third time in a row. */
  readonly crashLoops: number;
  readonly violations: readonly string[];
}

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Of so many transactions that enqueue one is lost, though it is acknowledged. */
  readonly loseEvery: number | null;
  readonly drainMs?: number;
}

export async function tortureByKilling({ rounds, seed, loseEvery, drainMs = DRAIN_MS }: KillOptions): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-kill-"));
  const random = seededRandom(seed);
  const kills = new Map<string, number>();
  const files: { readonly path: string; readonly ledger: Ledger }[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      // Every second one at random; the others go through the points.
      const where = round % 2 === 0 ? AT_RANDOM : (POINTS[((round - 1) / 2) % POINTS.length] ?? AT_RANDOM);
      // A file is made only once, so those points need new ones.
      let file = files.at(-1);
      if (file === undefined || where.startsWith("migrate")) files.push((file = { path: join(folder, `jobs-${round}.db`), ledger: newLedger() }));
      const nth = where.startsWith("migrate") || where.startsWith("reclaim") ? 1 : 1 + Math.floor(random() * 20);
      const wasKilled = await live({ ...file, where, nth, lifeMs: random() * MOST_MS, loseEvery });
      const name = wasKilled ? where : `${where} (not reached)`;
      kills.set(name, (kills.get(name) ?? 0) + 1);
    }
    const verdicts: Verdict[] = [];
    for (const { path, ledger } of files) verdicts.push(await finish({ path, ledger, drainMs }));
    const sum = (of: (ledger: Ledger) => number): number => files.reduce((total, { ledger }) => total + of(ledger), 0);
    return {
      ...{ rounds, kills, enqueued: sum(({ enqueued }) => enqueued.size), completed: sum(({ done }) => done.size) },
      effects: sum(({ effects }) => [...effects.values()].reduce((total, count) => total + count, 0)),
      crashLoops: verdicts.reduce((total, { crashLoops }) => total + crashLoops, 0),
      violations: verdicts.flatMap(({ violations }) => violations),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Life {
  readonly path: string;
  readonly where: string;
  readonly nth: number;
  readonly lifeMs: number;
  readonly loseEvery: number | null;
  readonly ledger: Ledger;
}

/** @returns whether it was killed where it was to be */
async function live({ path, where, nth, lifeMs, loseEvery, ledger }: Life): Promise<boolean> {
  const [verb, when] = where.split(" ");
  const said = `${path}.ledger`;
  const env = {
    ...process.env,
    MILLRACE_LEDGER: said,
    ...(where === AT_RANDOM ? {} : { MILLRACE_KILL: JSON.stringify({ verb, when, nth }) }),
    ...(loseEvery === null ? {} : { MILLRACE_CONTROL: String(loseEvery) }),
  };
  const child = spawn(process.execPath, ["--import", PRELOAD, CHILD, path], { env, stdio: ["ignore", "pipe", "inherit"] });
  let isOurs = false;
  const kill = (): void => {
    isOurs = child.kill("SIGKILL");
  };
  let timer = setTimeout(kill, PATIENCE_MS);
  child.stdout.once("data", () => {
    if (where !== AT_RANDOM) return;
    clearTimeout(timer);
    timer = setTimeout(kill, lifeMs);
  });
  await once(child, "close");
  clearTimeout(timer);
  takeDown(said, ledger);
  return (where === AT_RANDOM) === isOurs;
}

function takeDown(said: string, ledger: Ledger): void {
  if (!existsSync(said)) return;
  for (const line of readFileSync(said, "utf8").split("\n")) note(ledger, line);
  rmSync(said);
}

/** Lets all that is left in a file end, and judges it. */
async function finish({ path, ledger, drainMs }: { readonly path: string; readonly ledger: Ledger; readonly drainMs: number }): Promise<Verdict> {
  const said = `${path}.ledger`;
  const child = spawn(process.execPath, [CHILD, path, "drain"], { env: { ...process.env, MILLRACE_LEDGER: said }, stdio: ["ignore", "ignore", "inherit"] });
  let isStuck = false;
  const timer = setTimeout(() => (isStuck = child.kill("SIGKILL")), drainMs);
  await once(child, "close");
  clearTimeout(timer);
  takeDown(said, ledger);
  const verdict = judge(path, ledger);
  if (child.exitCode === 0) return verdict;
  const ending = isStuck ? `was not done after ${drainMs} ms` : `ended with ${child.exitCode ?? child.signalCode}`;
  return { ...verdict, violations: [...verdict.violations, `the last engine ${ending}`] };
}
