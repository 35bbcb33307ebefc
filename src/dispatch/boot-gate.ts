/**
 * When missing threads are booted. A boot loads the jobs module and makes a state, which is the user's code, so one that fails
 * must not be repeated in a hot loop:
 *
 *     untried ── one is ready ──▶ sound ── a boot fails, or a new thread ends for no job's fault ──▶ failing
 *      a few at once               all at once        ▲                                    one at a time, each
 *                                                     └── the one tried is ready ─────────  later than the last
 *
 * A thread that got ready and ended by itself proves nothing by getting ready: then the next one has to last for a while first.
 */

import type { Clock, Timer } from "../clock.js";

/** How many boots at once before any has succeeded. */
const FIRST_BOOTS = 3;
const FIRST_DELAY_MS = 2_000;
const LONGEST_DELAY_MS = 60_000;
/** At most so many boots in so long, not counting those that succeeded. */
const MOST_BOOTS = 5;
const WINDOW_MS = 10_000;
/** A thread that lasts so long is a success, and the next failure is a first one. */
const PROOF_MS = 10_000;

/** What went wrong: it did not get ready, or it did and ended though nobody wanted it to. */
export type BootFailure = "boot" | "end";

export class BootGate {
  readonly #clock: Clock;
  readonly #boot: (thread: number) => void;
  /** In the order in which they are tried. */
  readonly #missing = new Set<number>();
  /** When each boot began that is under way. */
  readonly #booting = new Map<number, number>();
  /** When those boots began that were of no use, in order. */
  #failedAt: number[] = [];
  #state: "untried" | "sound" | "failing" = "untried";
  #lastFailure: BootFailure = "boot";
  #failuresInRow = 0;
  #retryTimer: Timer | undefined;
  #proofTimer: Timer | undefined;
  #isStopped = false;

  /** @param boot is followed by `ready` or `failed`, later */
  constructor({ clock, boot }: { readonly clock: Clock; readonly boot: (thread: number) => void }) {
    this.#clock = clock;
    this.#boot = boot;
  }

  /** Tries in a row that failed; threads that were tried together count as one. */
  get failuresInRow(): number {
    return this.#failuresInRow;
  }

  /** A thread is missing, and its own boot is not to blame. It is booted now, unless boots fail too often. */
  want(thread: number): void {
    this.#missing.add(thread);
    if (this.#state !== "failing") return this.#bootAll();
    if (this.#waitForWindow() === 0) this.#start(thread);
    else this.#retryLater(0);
  }

  ready(thread: number): void {
    this.#booting.delete(thread);
    if (this.#isStopped) return;
    if (this.#failuresInRow > 0) this.#awaitProof();
    if (this.#state === "failing" && this.#lastFailure === "end") return;
    this.#trust();
  }

  /** It is tried again, later. */
  failed(thread: number, how: BootFailure): void {
    this.#failedAt.push(this.#booting.get(thread) ?? this.#clock.monotonic());
    this.#booting.delete(thread);
    this.#missing.add(thread);
    this.#state = "failing";
    this.#lastFailure = how;
    this.#proofTimer?.cancel();
    if (this.#retryTimer !== undefined) return;
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** this.#failuresInRow, LONGEST_DELAY_MS);
    this.#failuresInRow += 1;
    // Spread, so that the queues of many processes do not try in step.
    this.#retryLater(delayMs * (0.75 + this.#clock.random() / 4));
  }

  stop(): void {
    this.#isStopped = true;
    this.#retryTimer?.cancel();
    this.#proofTimer?.cancel();
  }

  #trust(): void {
    this.#state = "sound";
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#bootAll();
  }

  #awaitProof(): void {
    this.#proofTimer?.cancel();
    this.#proofTimer = this.#clock.setTimer(PROOF_MS, () => {
      this.#failuresInRow = 0;
      this.#trust();
    });
  }

  #bootAll(): void {
    for (const thread of this.#missing) {
      if (this.#state === "untried" && this.#booting.size >= FIRST_BOOTS) return;
      this.#start(thread);
    }
  }

  #start(thread: number): void {
    if (this.#isStopped) return;
    this.#missing.delete(thread);
    this.#booting.set(thread, this.#clock.monotonic());
    this.#boot(thread);
  }

  #retryLater(delayMs: number): void {
    if (this.#isStopped) return;
    this.#retryTimer ??= this.#clock.setTimer(Math.max(delayMs, this.#waitForWindow()), () => {
      this.#retryTimer = undefined;
      // Others may have been booted meanwhile.
      if (this.#waitForWindow() > 0) return this.#retryLater(0);
      const [thread] = this.#missing;
      if (thread !== undefined) this.#start(thread);
    });
  }

  /** How long until one more boot is not too many. */
  #waitForWindow(): number {
    const now = this.#clock.monotonic();
    this.#failedAt = this.#failedAt.filter((at) => at > now - WINDOW_MS);
    const counted = [...this.#failedAt, ...this.#booting.values()].filter((at) => at > now - WINDOW_MS).toSorted((a, b) => a - b);
    const blocking = counted[counted.length - MOST_BOOTS];
    return blocking === undefined ? 0 : blocking + WINDOW_MS - now;
  }
}
