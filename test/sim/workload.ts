/** What users do with engines: calls at random times, most of them to the one that runs the jobs. */

import type { JobHandle } from "../../src/client/handle.js";
import { JobCancelledError, JobError, UnknownJobError } from "../../src/errors.js";
import { exponential, linear } from "../../src/job/backoff.js";
import type { EnqueueOptions } from "../../src/job/enqueue-options.js";
import type { FinishedState, JobId } from "../../src/job/job-record.js";
import type { Life, Lives } from "./life.js";
import { message } from "./life.js";
import { JOB_NAMES, specOf } from "./sim-jobs.js";
import type { World } from "./world.js";

/** Every call makes at most so many storage calls, one after the other, and each of those takes at most half a minute. */
const CALL_LIMIT_MS = 125_000;

type Call = (life: Life) => void;

/** Somebody awaits the result of a job. */
export interface Awaiting {
  readonly id: JobId;
  readonly life: Life;
  isOver: boolean;
}

export class Workload {
  readonly awaiting: Awaiting[] = [];
  readonly #lives: Lives;
  readonly #world: World;
  readonly #calls: readonly (readonly [string | null, number, Call])[];
  #client: Life | undefined;

  constructor(lives: Lives) {
    this.#lives = lives;
    this.#world = lives.world;
    this.#calls = [
      [null, 12, (life) => this.#enqueue(life)],
      ["many", 3, (life) => this.#enqueueMany(life)],
      ["cancels", 4, (life) => this.#change(life, "cancel")],
      ["retries", 4, (life) => this.#change(life, "retry")],
      ["removes", 2, (life) => this.#change(life, "remove")],
      ["pauses", 2, (life) => this.#pause(life)],
      ["schedules", 2, (life) => this.#every(life)],
      ["reads", 2, (life) => this.#read(life)],
      ["restarts", 1, (life) => this.#restart(life)],
      ["crashes", 1, (life) => this.#crash(life)],
      ["takeovers", 1, (life) => this.#takeOver(life)],
      ["jumps", 1, () => this.#jump()],
    ];
  }

  /** Plans all calls. */
  begin(): void {
    const { plan, calls, time } = this.#world;
    const possible = this.#calls.filter(([feature]) => feature === null || this.#world.enabled(feature));
    const weighted = possible.flatMap(([, weight, call]) => new Array<Call>(weight).fill(call));
    this.#client = this.#world.enabled("client") ? this.#lives.make() : undefined;
    for (let index = 0; index < plan.calls; index += 1) {
      const call = calls.pick(weighted);
      time.after(calls.between(0, plan.busyMs), () => call(this.#target()));
    }
  }

  get client(): Life | undefined {
    return this.#client;
  }

  #target(): Life {
    return this.#client !== undefined && this.#world.calls.chance(0.4) ? this.#client : this.#lives.current;
  }

  #enqueue(life: Life): void {
    const count = this.#world.calls.chance(0.2) ? this.#world.calls.int(2, 30) : 1;
    for (let index = 0; index < count; index += 1) {
      const call = life.engine.enqueue(specOf(this.#name()), ...this.#payloadAndOptions());
      void this.#track(life, "enqueue", call).then((handle) => handle !== undefined && this.#hold(life, handle));
    }
  }

  #enqueueMany(life: Life): void {
    const { calls } = this.#world;
    const payloads = Array.from({ length: calls.int(1, 20) }, (_, index) => index);
    const [, options] = this.#payloadAndOptions();
    const { transfer: _transfer, ...rest } = options;
    const call = life.engine.enqueueMany(specOf(this.#name()), calls.chance(0.5) ? payloads : payloads.values(), rest);
    void this.#track(life, "enqueueMany", call).then((handles) => handles?.forEach((handle) => this.#hold(life, handle)));
  }

  /** An enqueue was acknowledged. Half of the callers wait for the result. */
  #hold(life: Life, handle: JobHandle): void {
    this.#world.ledger.acked(handle);
    if (handle.duplicate) this.#world.note("duplicates");
    if (this.#world.calls.chance(0.5)) this.#await(life, handle);
  }

  #await(life: Life, handle: JobHandle): void {
    const { ledger, trace } = this.#world;
    const awaiting: Awaiting = { id: handle.id, life, isOver: false };
    this.awaiting.push(awaiting);
    const heard = (what: FinishedState | "nothing" | "unknown"): void => {
      awaiting.isOver = true;
      trace.write(`${life.tag} result of ${ledger.alias(handle.id)}: ${what}`);
      if (what !== "nothing") ledger.answered(handle.id, what);
    };
    handle.result().then(
      () => heard("completed"),
      (error: unknown) => heard(meaningOf(error)),
    );
  }

  #change(life: Life, action: "cancel" | "retry" | "remove"): void {
    const { suspected } = this.#world.ledger;
    const id = action === "cancel" && suspected.length > 0 ? this.#world.calls.pick(suspected) : this.#anyJob();
    void this.#track<unknown>(life, action, life.engine[action](id)).then((answer) => {
      if (answer === "cancelling") this.#world.ledger.cancelling(id, life.view.runners);
      this.#world.trace.write(`${action} ${this.#world.ledger.alias(id)} answered ${typeof answer === "string" ? answer : ""}`);
      if (action !== "remove" && this.#world.calls.chance(0.3)) this.#await(life, life.engine.job(id));
    });
  }

  #pause(life: Life): void {
    const queue = this.#world.calls.pick(Object.keys(this.#world.plan.queues));
    const { engine } = life;
    const isPause = this.#world.calls.chance(0.5);
    void this.#track(life, "pause", isPause ? engine.pause(queue) : engine.resume(queue));
  }

  #every(life: Life): void {
    const { calls } = this.#world;
    const overlap = calls.chance(0.5) ? "skip" : "allow";
    const name = calls.pick(["a", "b"]);
    const call = life.engine.every(calls.int(500, 20_000), specOf(this.#name()), "tick", { name, overlap });
    void this.#track(life, "every", call).then((schedule) => {
      if (schedule !== undefined && calls.chance(0.5)) void this.#track(life, "cancel schedule", schedule.cancel());
    });
  }

  #read(life: Life): void {
    const { engine } = life;
    const { calls } = this.#world;
    const reads = [
      () => engine.stats(),
      () => engine.list({ limit: calls.int(1, 10) }),
      () => engine.info(this.#anyJob()),
      () => engine.schedules(),
      () => engine.drain({ timeout: calls.int(1, 10_000) }),
    ];
    void this.#track<unknown>(life, "read", calls.pick(reads)());
  }

  // The life of engines.

  #restart(life: Life): void {
    const { calls, time } = this.#world;
    if (life !== this.#lives.current || (life.phase !== "running" && life.phase !== "starting")) return;
    this.#world.note("restarts");
    const stopped = this.#lives.stop(life, calls.pick([0, 10, 1_000, 30_000]));
    // The next one may be started too soon, and has to try again then.
    if (calls.chance(0.5)) this.#lives.replace();
    else void stopped.then(() => time.after(calls.between(0, 500), () => life === this.#lives.current && this.#lives.replace()));
  }

  #crash(life: Life): void {
    if (life !== this.#lives.current) return;
    this.#world.note("crashes");
    this.#lives.crash(life);
    this.#lives.replace();
  }

  /** As if the engine was held up so long that it was believed dead. It lives on for a while. */
  #takeOver(life: Life): void {
    const { calls, time } = this.#world;
    if (life !== this.#lives.current || life.phase !== "running") return;
    this.#world.note("takeovers");
    this.#lives.disown(life);
    this.#lives.replace();
    time.after(calls.between(0, this.#world.plan.busyMs / 2), () => void this.#lives.stop(life, 1_000));
  }

  #jump(): void {
    const { calls, time, trace } = this.#world;
    const longest = calls.pick([10, 2_000, 3_600_000, 86_400_000]);
    const ms = calls.int(-longest, longest);
    this.#world.note("jumps");
    trace.write(`the wall clock jumps by ${ms} ms`);
    time.jump(ms);
  }

  // What calls are made of.

  #name(): string {
    const { calls } = this.#world;
    return this.#world.enabled("unknownNames") && calls.chance(0.1) ? "unheard-of" : calls.pick(JOB_NAMES);
  }

  #anyJob(): JobId {
    const ids = [...this.#world.ledger.jobs.keys()];
    return ids.length === 0 || this.#world.calls.chance(0.05) ? "nobody" : this.#world.calls.pick(ids);
  }

  #payloadAndOptions(): [unknown, EnqueueOptions] {
    const { calls, plan } = this.#world;
    const on = (feature: string, chance: number): boolean => this.#world.enabled(feature) && calls.chance(chance);
    const buffer = on("transfers", 0.2) ? new ArrayBuffer(8) : undefined;
    const options = {
      ...(calls.chance(0.5) ? { queue: calls.pick(Object.keys(plan.queues)) } : {}),
      ...(on("newQueues", 0.1) ? { queue: "new" } : {}),
      ...(on("priorities", 0.5) ? { priority: calls.int(-2, 2) } : {}),
      ...(on("delays", 0.4) ? { delay: calls.pick([1, 100, 5_000, 3_600_000]) } : {}),
      ...(on("policies", 0.5) ? { maxRetries: calls.pick([0, 1, 3, Infinity]), backoff: this.#backoff() } : {}),
      ...(on("timeouts", 0.4) ? { timeout: calls.pick([1, 50, 1_000]) } : {}),
      ...(on("unique", 0.4) ? { unique: { key: calls.pick(["x", "y"]), until: calls.pick(["finished", "started"] as const) } } : {}),
      ...(buffer === undefined ? {} : { transfer: [buffer] }),
    };
    return [buffer ?? "payload", options];
  }

  #backoff(): NonNullable<EnqueueOptions["backoff"]> {
    return this.#world.calls.chance(0.5) ? linear(this.#world.calls.int(0, 3_000)) : exponential({ maxDelay: "20s" });
  }

  /** A call that must settle; whether it succeeds is another matter. */
  async #track<Value>(life: Life, what: string, call: Promise<Value>): Promise<Value | undefined> {
    try {
      return await this.#lives.track(life, { what, limitMs: CALL_LIMIT_MS }, call);
    } catch (error) {
      this.#world.trace.write(`${life.tag} ${what} rejected: ${message(error)}`);
      this.#world.note("calls rejected");
      return undefined;
    }
  }
}

/** What an error of `result()` says of the job. */
function meaningOf(error: unknown): FinishedState | "nothing" | "unknown" {
  if (error instanceof JobError) return "dead";
  if (error instanceof JobCancelledError) return "cancelled";
  return error instanceof UnknownJobError ? "unknown" : "nothing";
}
