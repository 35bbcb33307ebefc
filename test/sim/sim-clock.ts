/** Simulated time: one queue of events for the whole world, and for each part of it a clock of its own that can be cut off. */

import type { Clock, Timer } from "../../src/clock.js";
import { Heap, type Heaped } from "../../src/storage/memory/heap.js";
import { seededRandom } from "../../src/testing/seeded-random.js";

interface Event extends Heaped {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
  readonly owner: SimClock | null;
}

const START = 1_700_000_000_000;

/** The world's time. Goes on from event to event, and after each lets all promises settle. */
export class SimTime {
  monotonic = 0;
  steps = 0;
  /** Called before the wall clock is set. */
  beforeJump: () => void = () => undefined;
  #offset = START;
  readonly #events = new Heap<Event>((a, b) => (a.at === b.at ? a.order < b.order : a.at < b.at));
  #turns: { readonly run: () => void; readonly owner: SimClock }[] = [];
  #order = 0;
  readonly #mostSteps: number;

  constructor(mostSteps: number) {
    this.#mostSteps = mostSteps;
  }

  /** So much has happened that it will never end. */
  get isExhausted(): boolean {
    return this.steps > this.#mostSteps;
  }

  /** Whole milliseconds, like those of `Date.now()`. */
  get wall(): number {
    return this.#offset + Math.floor(this.monotonic);
  }

  /** The wall clock is set forwards or backwards. */
  jump(ms: number): void {
    this.beforeJump();
    this.#offset += ms;
  }

  /** Something will happen in the world, whatever becomes of its parts. */
  after(delayMs: number, fire: () => void): Timer {
    return this.schedule(delayMs, fire, null);
  }

  schedule(delayMs: number, fire: () => void, owner: SimClock | null): Timer {
    const event: Event = { at: this.monotonic + Math.max(delayMs, 0), order: this.#order++, fire, owner, heapIndex: -1 };
    this.#events.push(event);
    return { cancel: () => this.#events.remove(event) };
  }

  endOfTurn(run: () => void, owner: SimClock): void {
    this.#turns.push({ run, owner });
  }

  /** Goes on until `isOver`, or nothing is left to happen before `until`. */
  run(until: number, isOver: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const turn = (): void => {
        if (isOver() || this.isExhausted || !this.#step(until)) resolve();
        else setImmediate(turn);
      };
      setImmediate(turn);
    });
  }

  #step(until: number): boolean {
    this.steps += 1;
    const next = this.#turns.shift();
    if (next !== undefined) {
      if (!next.owner.isCut) next.run();
      return true;
    }
    const event = this.#events.peek();
    if (event === undefined || event.at > until) {
      this.#goTo(until);
      return false;
    }
    this.#events.pop();
    this.#goTo(event.at);
    if (event.owner?.isCut !== true) event.fire();
    return true;
  }

  #goTo(at: number): void {
    if (at !== Infinity && at > this.monotonic) this.monotonic = at;
  }
}

/** The time of an engine, a storage or a thread. */
export class SimClock implements Clock {
  readonly random: () => number;
  readonly #time: SimTime;
  readonly #timers = new Set<Timer>();
  #isCut = false;
  #holds = 0;

  constructor(time: SimTime, seed: number) {
    this.#time = time;
    this.random = seededRandom(seed);
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Timers that have neither fired nor been cancelled. */
  get timers(): number {
    return this.#timers.size;
  }

  /** What keeps the process alive. */
  get holds(): number {
    return this.#holds;
  }

  now(): number {
    return this.#time.wall;
  }

  monotonic(): number {
    return this.#time.monotonic;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const event = this.#time.schedule(
      delayMs,
      () => {
        this.#timers.delete(timer);
        fire();
      },
      this,
    );
    const timer: Timer = {
      cancel: () => {
        this.#timers.delete(timer);
        event.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }

  endOfTurn(run: () => void): void {
    this.#time.endOfTurn(run, this);
  }

  hold(): () => void {
    this.#holds += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds -= 1;
      isHeld = false;
    };
  }

  /** Nothing of it happens any more. */
  cut(): void {
    this.#isCut = true;
    for (const timer of this.#timers) timer.cancel();
  }
}
