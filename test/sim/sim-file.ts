/**
 * A SQLite file that the engines of one simulated run share. The store is the real one, and the file, too; what is simulated is around
 * it: the threads that the stores run in, the processes that these belong to, and the time.
 */

import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase } from "../../src/storage/sqlite/driver.js";
import { openStore } from "../../src/storage/sqlite/store-file.js";
import { Deaths } from "./deaths.js";
import { Dice } from "./dice.js";
import type { Connection, SharedStorage } from "./shared-storage.js";
import { SimStore } from "./sim-store.js";
import type { World } from "./world.js";

/** No process has this number. */
const NOBODY = 99_999_999;
/** Of a bell, until it is heard. */
const BELL_MS = 20;
/** So often every process looks whether it has missed one. */
const LOOK_MS = 1_000;
/** More than that are not killed by their jobs in one run. */
const MOST_KILLED = 8;

export class SimFile implements SharedStorage {
  readonly world: World;
  readonly path: string;
  readonly dice: Dice;
  readonly outside: SimStore;
  /** Each batch of calls is done in one piece, so answers come in the order of the work. */
  readonly journal = { begin: () => (entry: () => void): void => entry() };
  /** Also, each call takes a step of a thread, and makes others look. */
  readonly stepsAtRest = 1_500;
  readonly #folder: string;
  readonly #database: Database;
  readonly #stores: SimStore[] = [];
  #killed = 0;

  /** @param triggers by which the file undoes what is written */
  constructor(world: World, triggers: string) {
    this.world = world;
    this.dice = new Dice(world.plan.seed, 3);
    this.#folder = newFolder();
    this.path = join(this.#folder, "jobs.db");
    copyFileSync(emptyFile(), this.path);
    this.#database = openDatabase(this.path);
    this.#database.exec(triggers);
    this.outside = new SimStore(this, { isOutside: true, kill: () => undefined });
    void this.outside.open();
    // What was said before the clock was set was said at that time.
    world.time.beforeJump = (): void => this.beat();
    world.ledger.deaths = new Deaths(world.ledger, (what) => world.note(what));
  }

  connect(kill: () => void): Connection {
    const store = new SimStore(this, { isOutside: false, kill });
    this.#stores.push(store);
    return { storage: store, cut: () => store.cut() };
  }

  giveUp(runners: Iterable<string>): void {
    const killed = this.#database.prepare("UPDATE owner SET pid = ? WHERE runner = ?");
    for (const runner of runners) killed.run(NOBODY, runner);
  }

  /** Some time after a claim, as if one of the jobs had done it. */
  mayKill(kill: () => void): void {
    const { world, dice } = this;
    if (world.isCalm || !world.enabled("jobKillsProcess") || this.#killed >= MOST_KILLED || !dice.chance(0.3)) return;
    this.#killed += 1;
    world.time.after(dice.pick([0, dice.between(0, 20), dice.between(0, 2_000)]), () => void (world.isCalm || kill()));
  }

  /** All that are open have said that they live when it was time to. */
  beat(): void {
    for (const store of this.#stores) store.beat();
  }

  /** The others find out after a while. @param isRung whether the bell was rung */
  wrote(by: SimStore, isRung: boolean): void {
    for (const store of this.#stores) {
      if (store === by) continue;
      const isHeard = isRung && this.dice.chance(0.9);
      store.lookWithin(this.dice.between(0, isHeard ? BELL_MS : LOOK_MS));
    }
  }

  end(): string | null {
    try {
      for (const store of [...this.#stores, this.outside]) store.dispose();
      const found = Object.values(this.#database.prepare("PRAGMA integrity_check").get() ?? {})[0];
      this.#database.close();
      return found === "ok" ? null : `the file is damaged: ${String(found)}`;
    } finally {
      rmSync(this.#folder, { recursive: true });
    }
  }
}

let empty: string | undefined;

/** In memory where that is possible: the store still does all that it does, and the disk need not. */
function newFolder(): string {
  return mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "millrace-sim-"));
}

/** Made once, since that waits for the disk. */
function emptyFile(): string {
  if (empty !== undefined) return empty;
  const folder = newFolder();
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  empty = join(folder, "empty.db");
  openStore({ path: empty, durability: "relaxed" }).close();
  return empty;
}
