/** Whether the memory of the process grows while it runs. */

const SAMPLE_MS = 500;
/** Shorter than this, a process still warms up. */
const LEAST_SAMPLES = 60;
/** What is flat on a machine where samples differ by some per cent. */
const MOST_GROWTH = 1.25;

export interface MemoryReport {
  /** Medians of the second and of the last quarter of the time, in bytes. */
  readonly early: number;
  readonly late: number;
  readonly isLongEnough: boolean;
  readonly isFlat: boolean;
}

export class MemoryWatch {
  readonly #samples: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#samples.push(process.memoryUsage.rss()), SAMPLE_MS);
  }

  stop(): MemoryReport {
    clearInterval(this.#timer);
    const quarter = Math.floor(this.#samples.length / 4);
    const early = median(this.#samples.slice(quarter, 2 * quarter));
    const late = median(this.#samples.slice(-quarter));
    return { early, late, isLongEnough: this.#samples.length >= LEAST_SAMPLES, isFlat: late <= early * MOST_GROWTH };
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
