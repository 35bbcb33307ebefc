/** What `enqueueMany` is given: payloads from any kind of iterable, one after the other. */

import type { Clock } from "../clock.js";
import { OptionsError } from "../errors.js";
import { show } from "../job/duration.js";
import { deferred } from "../waiting.js";

/** A payload that is a promise is no payload, but `for await` would wait for it: so each comes in a box. */
export interface Boxed {
  readonly payload: unknown;
}

/** The source lets us wait. */
export type Pause = null;

/**
 * @param pauseMs after so long without a payload an async source has paused, which is told once each time
 * @throws OptionsError for what is no iterable
 */
export function payloadsOf(payloads: unknown, clock: Clock, pauseMs: number): Iterable<Boxed> | AsyncIterable<Boxed | Pause> {
  if (typeof payloads === "object" && payloads !== null) {
    if (Symbol.asyncIterator in payloads) return boxedLater(payloads as AsyncIterable<unknown>, clock, pauseMs);
    if (Symbol.iterator in payloads) return boxed(payloads as Iterable<unknown>);
  }
  throw new OptionsError(`enqueueMany takes an iterable of payloads, but got ${show(payloads)}`);
}

function* boxed(payloads: Iterable<unknown>): Iterable<Boxed> {
  for (const payload of payloads) yield { payload };
}

async function* boxedLater(payloads: AsyncIterable<unknown>, clock: Clock, pauseMs: number): AsyncIterable<Boxed | Pause> {
  const source = payloads[Symbol.asyncIterator]();
  const pauses = new Pauses(clock, pauseMs);
  let state: "ready" | "asked" | "over" = "ready";
  try {
    for (;;) {
      state = "asked";
      const next = Promise.resolve(source.next());
      if (!(await pauses.isSoon(next))) yield null;
      // If the source fails it is over: it needs no word that nobody wants more.
      const result = await next.catch((error: unknown) => {
        state = "over";
        throw error;
      });
      state = result.done === true ? "over" : "ready";
      if (result.done === true) return;
      yield { payload: result.value };
    }
  } finally {
    pauses.stop();
    const returned = state === "over" ? undefined : source.return?.();
    // A source that is asked for its next payload may answer the word only after that.
    if (state === "ready") await returned;
    else returned?.catch(() => undefined);
  }
}

/** One timer for all payloads that come within it, since most come at once. */
class Pauses {
  readonly #clock: Clock;
  readonly #ms: number;
  #over: Promise<false> | undefined;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** Whether it settles, either way, before the timer that runs is over. */
  async isSoon(promise: Promise<unknown>): Promise<boolean> {
    this.#over ??= this.#start();
    const settled = promise.then(
      () => true,
      () => true,
    );
    return Promise.race([settled, this.#over]);
  }

  stop(): void {
    this.#cancel();
  }

  #start(): Promise<false> {
    const { promise, resolve } = deferred<false>();
    const timer = this.#clock.setTimer(this.#ms, () => {
      this.#over = undefined;
      resolve(false);
    });
    this.#cancel = () => timer.cancel();
    return promise;
  }
}
