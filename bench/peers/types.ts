/** What the parts of the benchmark of peers say to each other. */

/**
 * What a job does: gives its payload back, burns so many steps, says when it started (in ns, by the clock that all threads and
 * processes of a machine share), or sleeps for so many ms and keeps its thread from all others.
 */
export type Kind = "noop" | "burn" | "stamp" | "sleep";

export type Measure = "noops" | "burn" | "http" | "memory" | "start";

export interface Services {
  readonly redisPort?: number;
  readonly postgresUrl?: string;
}

export interface Setup {
  readonly measure: Measure;
  readonly services: Services;
  /** A folder of this contestant's own. */
  readonly folder: string;
  readonly threads: number;
}

/** Told once for each job that ended, with its result. */
export type Done = (result: unknown) => void;

/** A contestant that is at work. */
export interface Running {
  /** Takes a job for each payload. */
  enqueue(kind: Kind, payloads: readonly unknown[]): unknown;
  /** Resolves when all that is done is recorded as done, where `done` comes before. */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

/** How much of it is measured: each cell is to take one to three seconds. */
export interface Sizes {
  /** Jobs that do nothing. */
  readonly noops: number;
  /** Jobs of 1 ms. */
  readonly burns: number;
  /** Jobs that are left waiting. */
  readonly waiting: number;
  /** Jobs that are started one at a time. */
  readonly starts: number;
}

export interface Feed {
  /** Jobs of one call of `enqueue`. */
  readonly chunk: number;
  /** Jobs under way at once: at most where all of them are timed, at least where the work is to be steady. */
  readonly window: number;
}

export interface Contestant {
  /** The package in which it is, if it is one. */
  readonly packages: readonly string[];
  /** What it needs beside Node. */
  readonly service?: "redis" | "postgres";
  /** Where its waiting jobs are, if not in the memory of its process. */
  readonly waitingIn?: "redis" | "disk";
  /** Its settings, in words. */
  readonly settings: string;
  readonly measures: readonly Measure[];
  readonly sizes: Partial<Sizes>;
  /** How it is kept at work in each measurement. */
  readonly feed: Readonly<Record<"noops" | "burn" | "http", Feed>>;
  open(setup: Setup, done: Done): Promise<Running>;
  /** Puts so many jobs that do nothing in a row. Where it is left out, they are enqueued while the threads are asleep. */
  readonly waiting?: (setup: Setup, count: number) => Promise<Waiting>;
}

export interface Waiting {
  /** Where it is not the memory of this process. */
  readonly bytes?: number;
  /** Holds what must not be collected meanwhile. */
  readonly kept?: unknown;
}

/** What a contestant's process is asked. */
export type Request =
  | { readonly op: "describe" }
  | { readonly op: "noops"; readonly setup: Setup; readonly jobs: number }
  | { readonly op: "burn"; readonly setup: Setup; readonly jobs: number; readonly steps: number }
  | { readonly op: "http"; readonly setup: Setup; readonly ms: number; readonly steps: number; readonly requests: number }
  | { readonly op: "memory"; readonly setup: Setup; readonly jobs: number }
  | { readonly op: "start"; readonly setup: Setup; readonly jobs: number; readonly ms: number };

export type Description = Omit<Contestant, "open" | "waiting">;

/** What it answers. Before the answer to `http`, it says on which port it listens. */
export type Reply =
  | { readonly listening: number }
  | { readonly answer: Description | Timing | Bytes | Starts }
  | { readonly error: string };

export interface Timing {
  readonly jobs: number;
  readonly seconds: number;
}

export interface Bytes {
  readonly bytesPerJob: number;
}

export interface Starts {
  readonly us: readonly number[];
}
