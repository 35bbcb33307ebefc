/** The life of engines: each has its own clock, its own threads and its own way to the one storage, so that it can die alone. */

import type { HostApi } from "../../src/protocol/host-api.js";
import { Engine } from "../../src/engine.js";
import type { Storage } from "../../src/storage/storage.js";
import { type FlakyStorage, flakyStorage } from "../../src/testing/flaky-storage.js";
import type { Control } from "./controls.js";
import { type LedgerStorage, ledgerStorage } from "./ledger-storage.js";
import { STORAGE_FAULTS } from "./plan.js";
import type { Connection, SharedStorage } from "./shared-storage.js";
import { SimClock } from "./sim-clock.js";
import { SimPool } from "./sim-pool.js";
import type { World } from "./world.js";

const ONE_THREAD = { threads: 1, concurrency: 1, timeoutMs: null, maxJobs: null };

/** An engine, and what keeps it alive. */
export interface Life {
  readonly tag: string;
  readonly engine: Engine;
  readonly clock: SimClock;
  readonly storageClock: SimClock;
  readonly connection: Connection;
  readonly view: LedgerStorage;
  readonly flaky: FlakyStorage;
  readonly pools: SimPool[];
  phase: "new" | "starting" | "running" | "stopping" | "stopped" | "crashed";
}

/** A call that must settle. */
interface Pending {
  readonly what: string;
  readonly life: Life;
  readonly since: number;
  readonly limitMs: number;
}

export class Lives {
  readonly world: World;
  readonly storage: Storage;
  readonly all: Life[] = [];
  /** The one that is to run the jobs. */
  current: Life;
  readonly #shared: SharedStorage;
  readonly #control: Control;
  readonly #pending = new Set<Pending>();

  constructor(world: World, { shared, control }: { readonly shared: SharedStorage; readonly control: Control }) {
    this.world = world;
    this.storage = control.storage(shared.outside, world);
    this.#shared = shared;
    this.#control = control;
    this.current = this.make();
    world.ledger.isRunning = (runner): boolean => this.all.some(({ phase, view }) => phase === "running" && [...view.runners].at(-1) === runner);
  }

  get stepsAtRest(): number {
    return this.#shared.stepsAtRest;
  }

  make(): Life {
    const { world } = this;
    const { plan, time } = world;
    const index = this.all.length;
    const clock = new SimClock(time, plan.seed * 31 + index);
    const storageClock = new SimClock(time, 0);
    const connection = this.#shared.connect(() => this.#killed(life));
    const view = ledgerStorage(this.#control.storage(connection.storage, world), { ledger: world.ledger, journal: this.#shared.journal });
    const rate = world.isCalm ? 0 : plan.storageRate;
    const rates = Object.fromEntries(STORAGE_FAULTS.map((fault) => [fault, world.enabled(fault) ? rate * (WEIGHTS[fault] ?? 1) : 0]));
    const flaky = flakyStorage(view, { seed: plan.seed * 37 + index, rates, clock: storageClock, longestDelayMs: plan.longestDelayMs });
    const pools: SimPool[] = [];
    const retention = world.enabled("tinyRetention") ? { completed: { count: 2 }, dead: { age: 500 } } : {};
    const queues = Object.fromEntries(
      Object.entries(plan.queues).map(([name, { timeoutMs, maxJobs, ...queue }]) => [
        name,
        { ...queue, ...(timeoutMs === null ? {} : { timeout: timeoutMs }), ...(maxJobs === null ? {} : { maxJobsPerThread: maxJobs }) },
      ]),
    );
    const createPool = (queue: string, _config: unknown, { host }: { readonly host: HostApi }): SimPool => {
      const pool = new SimPool({ world, queue, host, ...(plan.queues[queue] ?? ONE_THREAD), control: this.#control });
      pools.push(pool);
      return pool;
    };
    const engine = new Engine({ storage: flaky, queues, retention, grace: plan.graceMs }, { clock, createPool });
    const life: Life = { tag: `e${index}`, engine, clock, storageClock, connection, view, flaky, pools, phase: "new" };
    this.#listen(life);
    this.all.push(life);
    return life;
  }

  /** Starts an engine, again and again if need be, as long as it is wanted. */
  start(life: Life): void {
    const { world } = this;
    if (life.phase !== "new") return;
    life.phase = "starting";
    world.trace.write(`${life.tag} start`);
    void this.track(life, { what: "start", limitMs: 300_000 }, life.engine.start()).then(
      () => {
        if (life.phase === "starting") life.phase = "running";
        world.trace.write(`${life.tag} started`);
      },
      (error: unknown) => {
        world.trace.write(`${life.tag} did not start: ${message(error)}`);
        world.note("start rejected");
        if (life.phase === "starting") life.phase = "new";
        world.time.after(world.calls.between(1, 2_000), () => this.start(life));
      },
    );
  }

  /** Another engine is to run the jobs from now on. */
  replace(): void {
    this.current = this.make();
    this.start(this.current);
  }

  async stop(life: Life, timeoutMs: number): Promise<void> {
    const { world } = this;
    if (life.phase === "stopping" || life.phase === "stopped" || life.phase === "crashed") return;
    life.phase = "stopping";
    world.trace.write(`${life.tag} stop within ${timeoutMs}`);
    const limitMs = timeoutMs + STOP_SLACK_MS;
    const report = await this.track(life, { what: "stop", limitMs }, life.engine.stop({ timeout: timeoutMs }));
    world.trace.write(`${life.tag} stopped: ${report.completed} completed, ${report.returned} returned`);
    life.phase = "stopped";
    if (life.pools.some(({ live }) => live.size > 0)) world.ledger.violate(19, `${life.tag} has stopped and still has threads`);
    if (life.clock.holds > 0) world.ledger.violate(19, `${life.tag} has stopped and still keeps the process alive`);
    const { faults } = life.flaky;
    world.time.after(LEFTOVERS_MS + (faults.late > 0 ? LATE_MS : 0), () => {
      // When the storage does not let go of it, it is free when its process ends.
      if (faults.hang + faults.late > 0) this.#end(life);
      if (life.clock.timers > 0) world.ledger.violate(19, `${life.tag} has stopped and still has ${life.clock.timers} timers`);
    });
  }

  /** Its process dies. What it owned is free: whoever opens a durable store next sees that the owner is dead. */
  crash(life: Life): void {
    if (life.phase === "stopped" || life.phase === "crashed") return;
    this.world.trace.write(`${life.tag} crashes`);
    life.phase = "crashed";
    life.view.cut();
    life.clock.cut();
    life.storageClock.cut();
    for (const pool of life.pools) pool.cut();
    this.#end(life);
  }

  #end(life: Life): void {
    life.connection.cut();
    this.disown(life);
  }

  /** Another engine may take over, though this one lives. */
  disown(life: Life): void {
    this.#shared.giveUp(life.view.runners);
  }

  /** By one of the jobs that it runs. */
  #killed(life: Life): void {
    if (life !== this.current || life.phase === "stopped" || life.phase === "crashed") return;
    this.world.note("killed by a job");
    this.crash(life);
    this.replace();
  }

  /** Notes a call that must settle in time. */
  async track<Value>(life: Life, { what, limitMs }: { readonly what: string; readonly limitMs: number }, call: Promise<Value>): Promise<Value> {
    const { time } = this.world;
    const pending = { what, life, since: time.monotonic, limitMs };
    this.#pending.add(pending);
    try {
      return await call;
    } finally {
      this.#pending.delete(pending);
      this.#checkPending(pending);
    }
  }

  /** Whether every call has settled, or may still take its time. */
  checkAllPending(): void {
    for (const pending of this.#pending) this.#checkPending(pending);
  }

  #checkPending({ what, life, since, limitMs }: Pending): void {
    const tookMs = this.world.time.monotonic - since;
    if (life.phase === "crashed" || tookMs <= limitMs) return;
    this.world.ledger.violate(what === "stop" ? 19 : 16, `${what} on ${life.tag} took ${tookMs} ms, more than ${limitMs}`);
  }

  #listen({ engine, tag }: Life): void {
    const { trace, ledger } = this.world;
    for (const state of ["completed", "dead", "cancelled"] as const) {
      engine.on(state, ({ id }) => {
        trace.write(`${tag} tells ${ledger.alias(id)} ${state}`);
        ledger.told(id, state);
      });
    }
    engine.on("late-error", ({ id }) => {
      trace.write(`${tag} late error of ${ledger.alias(id)}`);
      this.world.note("late errors told");
    });
    engine.on("error", ({ error }) => trace.write(`${tag} error: ${message(error)}`));
  }
}

/** What a start that was cut off begins last may hang for five seconds, and what gives the ownership back is tried for five, and may hang then. */
const LEFTOVERS_MS = 16_000;
/** An ownership that comes so late is given back. */
const LATE_MS = 60_000;
const STOP_SLACK_MS = 25_000;
/** What takes half a minute or more should not happen all the time. */
const WEIGHTS: Readonly<Record<string, number>> = { hang: 0.2, late: 0.2, delay: 3 };

export function message(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
