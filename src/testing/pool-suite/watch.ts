import { systemClock } from "../../clock.js";
import { deferred } from "../../waiting.js";

/** Long enough for a thread on a machine that is busy with other things. */
const LIMIT_MS = 20_000;
const clock = systemClock();

/** Waits for what others do, without a pause and with a limit. */
export class Watch {
  readonly #checks = new Set<() => void>();

  /** Something has happened. */
  changed(): void {
    for (const check of [...this.#checks]) check();
  }

  /**
   * Resolves to what `find` gives, as soon as that is not `undefined`.
   *
   * @param what for the error when it never is
   */
  until<Value>(what: string, find: () => Value | undefined): Promise<Value> {
    const { promise, resolve, reject } = deferred<Value>();
    const timer = clock.setTimer(LIMIT_MS, () => reject(new Error(`waited in vain for ${what}`)));
    const check = (): void => {
      const found = find();
      if (found !== undefined) resolve(found);
    };
    this.#checks.add(check);
    check();
    return promise.finally(() => {
      this.#checks.delete(check);
      timer.cancel();
    });
  }
}

/** Settles as `promise` does, or rejects when that takes too long. */
export async function inTime<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = deferred<never>();
  const timer = clock.setTimer(LIMIT_MS, () => reject(new Error(`${what} never settled`)));
  return Promise.race([promise, late]).finally(() => timer.cancel());
}
