/**
 * How many jobs fit: a lane may hold as many as it finishes in a moment, so that one message carries many short jobs, and no
 * job waits behind a long one. Kept per queue; pure arithmetic, no clock.
 */

/** The work a slot may hold: long against the cost of waking a thread (some 20 µs), short against what anyone notices. */
const BUDGET_MS = 5;
/** Below this share of it a lane is given more: little by little would cost a message for each job. */
const REFILL_SHARE = 0.5;
/**
 * While a job of up to this runs, the next one waits behind it, so that the thread does not have to wait for the main side
 * in between.
 */
const NEXT_MS = 5;
/** What no timer can tell from nothing; keeps the quotient finite. */
const SHORTEST_MS = 0.001;
/** After a long job was seen, so many short ones must follow before jobs are claimed ahead again. */
const CAUTION = 32;
/** The weight of the newest sample. A job that turns out longer is believed sooner than one that turns out shorter. */
const RISE = 0.5;
const FALL = 0.1;

/** What a lane holds. */
export interface LaneLoad {
  /** Jobs sent and not answered. */
  readonly count: number;
  /** What they are estimated to take. `Infinity` if one is long or unknown. */
  readonly heldMs: number;
  readonly room: number;
}

export class Capacity {
  readonly #concurrency: number;
  readonly #estimateMs = new Map<string, number>();
  #typicalMs = Infinity;
  #caution = 0;

  /** @param concurrency jobs at once per lane */
  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** How long a job of this name takes; `Infinity` if that is unknown, or so long that none may wait behind it. */
  estimateMs(name: string): number {
    const estimate = this.#estimateMs.get(name) ?? Infinity;
    return estimate > NEXT_MS ? Infinity : estimate;
  }

  /** Learns from a job that took (or has already taken) so long. */
  record(name: string, tookMs: number): void {
    const sample = Math.max(tookMs, SHORTEST_MS);
    const known = this.#estimateMs.get(name);
    this.#estimateMs.set(name, known === undefined ? sample : blend(known, sample));
    this.#typicalMs = this.#typicalMs === Infinity ? sample : blend(this.#typicalMs, sample);
    if (this.estimateMs(name) === Infinity) this.#caution = CAUTION;
    else if (this.#caution > 0) this.#caution -= 1;
  }

  /** A job that was claimed ahead did not fit: to claim as many again at once would end the same way, over and over. */
  noteMisfit(name: string): void {
    const estimate = this.estimateMs(name);
    if (estimate === Infinity) this.#caution = CAUTION;
    else this.#typicalMs = Math.max(this.#typicalMs, estimate);
  }

  /** Whether a lane may be given a job of this name now. */
  fits(load: LaneLoad, name: string): boolean {
    if (load.room <= 0) return false;
    if (load.count < this.#concurrency) return true;
    const heldMs = load.heldMs + this.estimateMs(name);
    return heldMs <= BUDGET_MS * this.#concurrency || (heldMs < Infinity && load.count < this.#withNext);
  }

  /** One waits for each that runs. */
  get #withNext(): number {
    return 2 * this.#concurrency;
  }

  /** How many jobs to claim for a lane. What then turns out not to fit is given back. */
  claimable(load: LaneLoad): number {
    const freeSlots = Math.max(this.#concurrency - load.count, 0);
    if (this.#caution > 0 || this.#typicalMs > NEXT_MS) return Math.min(freeSlots, load.room);
    const budgetMs = BUDGET_MS * this.#concurrency;
    if (load.count >= this.#withNext && load.heldMs > budgetMs * REFILL_SHARE) return 0;
    const ahead = Math.floor((budgetMs - load.heldMs) / this.#typicalMs);
    const next = load.heldMs < Infinity ? this.#withNext - load.count : 0;
    return Math.min(Math.max(freeSlots, ahead, next), load.room);
  }
}

function blend(known: number, sample: number): number {
  return known + (sample - known) * (sample > known ? RISE : FALL);
}
