import type { Lane } from "../../../src/dispatch/pool.js";
import type { ClaimedJob, JobId } from "../../../src/job/job-record.js";

/** A lane without a thread: it keeps what it is sent, and jobs start when the test says so. */
export class FakeLane implements Lane {
  readonly thread: number;
  readonly names: readonly string[] = ["job"];
  readonly sent: (readonly JobId[])[] = [];
  readonly starts: Map<JobId, number> = new Map<JobId, number>();
  room: number;

  constructor(thread = 0, room = 256) {
    this.thread = thread;
    this.room = room;
  }

  send(jobs: readonly ClaimedJob[]): void {
    this.sent.push(jobs.map(({ id }) => id));
    this.room -= jobs.length;
  }

  takeBack(ids: readonly JobId[]): readonly JobId[] {
    return ids.filter((id) => !this.starts.has(id));
  }

  askToStop(): void {
    // Nobody runs here.
  }

  startedAt(id: JobId): number | null {
    return this.starts.get(id) ?? null;
  }

  progress(): number | null {
    return null;
  }

  end(): void {
    // Nothing to end.
  }

  kill(): void {
    // Nothing to end.
  }
}
