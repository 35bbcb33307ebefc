/**
 * The only file that reads the time, sets timers or draws random numbers. Everything else is given a `Clock`,
 * so that tests and the simulation can put a manual one in its place.
 */

/** A timer that may still fire. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time in ms since the epoch. May jump; used for what users see and for `runAt`. */
  now(): number;
  /** Ms on a scale that never goes back and that all threads of the process share. Used for durations. */
  monotonic(): number;
  /**
   * Calls `fire` once, not before `delayMs` of monotonic time has passed. Any delay from 0 upwards is legal. A timer does not
   * keep the process alive.
   */
  setTimer(delayMs: number, fire: () => void): Timer;
  /** Calls `run` when the present turn of the event loop, with all its messages, is over. */
  endOfTurn(run: () => void): void;
  /** In [0, 1). */
  random(): number;
  /** Keeps the process alive until the returned function is called. */
  hold(): () => void;
}

/**
 * Taken when this is loaded, before any code of a user: in a thread, jobs share these globals, and may put fake ones in their place.
 * Whoever counts deadlines and finds who is to blame must not believe those.
 */
const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = globalThis;
const sinceStart = performance.now.bind(performance);
const wallTime = Date.now.bind(Date);
const random = Math.random.bind(Math);

/** Node fires a timeout longer than this at once, so longer waits are made of several. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * `performance.now()` counts from the start of its own thread; the clock below it is one for the whole process. Asking that
 * clock directly costs three times as much. Read a few times, because on a busy machine much time may pass between the two.
 */
const PERFORMANCE_ZERO = Math.max(...Array.from({ length: 5 }, () => Number(process.hrtime.bigint()) / 1e6 - sinceStart()));

export function systemClock(): Clock {
  return { now: wallTime, monotonic, setTimer, endOfTurn: (run) => void setImmediate(run), random, hold: holder() };
}

function monotonic(): number {
  return sinceStart() + PERFORMANCE_ZERO;
}

function setTimer(delayMs: number, fire: () => void): Timer {
  const dueAt = monotonic() + delayMs;
  let timeout: NodeJS.Timeout;
  const arm = (waitMs: number): void => {
    timeout = setTimeout(onTimeout, Math.min(Math.ceil(waitMs), LONGEST_TIMEOUT_MS)).unref();
  };
  // Checked on waking, because Node may fire a fraction of a millisecond early.
  const onTimeout = (): void => {
    const leftMs = dueAt - monotonic();
    if (leftMs > 0) arm(leftMs);
    else fire();
  };
  arm(Math.max(delayMs, 0));
  return { cancel: () => clearTimeout(timeout) };
}

function holder(): Clock["hold"] {
  let holds = 0;
  let handle: NodeJS.Timeout | undefined;
  return () => {
    let isHeld = true;
    holds += 1;
    handle ??= setInterval(() => undefined, LONGEST_TIMEOUT_MS);
    return () => {
      if (!isHeld) return;
      isHeld = false;
      holds -= 1;
      if (holds > 0) return;
      clearInterval(handle);
      handle = undefined;
    };
  };
}
