/** What became of each job: as the engine tells it, and as the jobs themselves wrote it down. */

import { readFileSync } from "node:fs";
import type { Engine, JobEvent } from "millrace";
import type { Ending, Kind } from "./plan.js";

export interface JobRecord {
  readonly kind: Kind;
  readonly queue: string;
  /** `null` of a job that another job enqueued. */
  readonly expected: Ending | null;
  readonly isLate: boolean;
  /** What it says its own number is. */
  readonly index: number | null;
  /** The numbers that were said in its name, by its log and its progress; 0 where none was. */
  readonly said: Set<number>;
  /** Ends, as events told them. */
  readonly ends: Ending["state"][];
  attempts: number;
  handed: number;
  /** Runs that were interrupted by the end of a thread and not charged. */
  free: number;
  lateErrors: number;
  /** By attempt: how many runs began, and how many ended, as the jobs wrote it down. */
  readonly began: Map<number, number>;
  readonly ended: Map<number, number>;
}

export interface Recording {
  readonly jobs: ReadonlyMap<string, JobRecord>;
  /** Ends of threads by reason. */
  readonly exits: ReadonlyMap<string, number>;
  /** Threads that had not exited a quarter of a second after they were told to, as happens on a busy machine. */
  readonly lateExits: number;
  /** How often the threads of a queue could not be started. */
  readonly unhealthy: readonly string[];
}

const ENDS = ["completed", "dead", "cancelled"] as const;

export class Recorder implements Recording {
  readonly jobs: Map<string, JobRecord> = new Map();
  readonly exits: Map<string, number> = new Map();
  readonly unhealthy: string[] = [];
  lateExits = 0;

  /** Listens to everything that a started engine tells. */
  listen(engine: Engine): void {
    engine.on("started", (event) => void (this.#of(event).handed += 1));
    engine.on("late-error", (event) => void (this.#of(event).lateErrors += 1));
    engine.on("log", (event) => void (event.message === "here" && this.#of(event).said.add(Number(event.fields["index"]))));
    engine.on("progress", (event) => void this.#of(event).said.add(Number(event.detail)));
    for (const state of ENDS) {
      engine.on(state, (event) => {
        const record = this.#of(event);
        record.ends.push(state);
        record.attempts = event.attempt;
      });
    }
    engine.on("thread:exited", ({ reason, returned, suspects }) => {
      this.exits.set(reason, (this.exits.get(reason) ?? 0) + 1);
      // All of them were handed to a thread, so they are known.
      for (const id of [...returned, ...suspects]) this.jobs.get(id)!.free += 1;
    });
    engine.on("thread:leaked", () => void (this.lateExits += 1));
    engine.on("unhealthy", ({ queue, error }) => void this.unhealthy.push(`${queue}: ${error.message}`));
  }

  /** Says what must become of a job, which may have ended already. */
  expect(id: string, planned: Pick<JobRecord, "kind" | "queue" | "expected" | "isLate" | "index">): void {
    const { kind, queue } = planned;
    this.jobs.set(id, { ...(this.jobs.get(id) ?? blank(kind, queue)), ...planned });
  }

  readLedger(path: string): void {
    for (const line of readFileSync(path, "utf8").split("\n")) {
      if (line === "") continue;
      const [what, id = "", attempt] = line.split(" ");
      const record = this.jobs.get(id);
      if (record === undefined) throw new Error(`a job ran that nobody was told of: ${line}`);
      const counts = what === "begin" ? record.began : record.ended;
      counts.set(Number(attempt), (counts.get(Number(attempt)) ?? 0) + 1);
    }
  }

  #of({ id, name, queue }: JobEvent): JobRecord {
    const known = this.jobs.get(id);
    if (known !== undefined) return known;
    const record = blank(name as Kind, queue);
    this.jobs.set(id, record);
    return record;
  }
}

function blank(kind: Kind, queue: string): JobRecord {
  return { kind, queue, expected: null, isLate: false, index: null, said: new Set(), ends: [], attempts: 0, handed: 0, free: 0, lateErrors: 0, began: new Map(), ended: new Map() };
}
