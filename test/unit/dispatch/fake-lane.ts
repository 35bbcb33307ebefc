import type { Lane } from "../../../src/dispatch/pool.js";
import type { ClaimedJob, JobId } from "../../../src/job/job-record.js";
import type { StopReason } from "../../../src/protocol/control-block.js";

/** A lane without a thread: it keeps what it is sent, and jobs start when the test says so. */
export class FakeLane implements Lane {
  readonly thread: number;
  readonly names: readonly string[] = ["job"];
  readonly sent: (readonly JobId[])[] = [];
  readonly starts: Map<JobId, number> = new Map<JobId, number>();
  /** What was asked of it: a job to stop, or itself to end. */
  readonly asked: string[] = [];
  /** Jobs whose stop the thread has noticed. */
  readonly heard: Set<JobId> = new Set<JobId>();
  room: number;

  constructor(thread = 0, room = 256) {
    this.thread = thread;
    this.room = room;
  }

  send(jobs: readonly ClaimedJob[]): void {
    this.sent.push(jobs.map(({ id }) => id));
    this.room -= jobs.length;
  }

  collect(): void {
    // Its answers come when the test says so.
  }

  takeBack(ids: readonly JobId[]): readonly JobId[] {
    return ids.filter((id) => !this.starts.has(id));
  }

  askToStop(id: JobId, reason: StopReason): void {
    this.asked.push(`stop ${id}: ${reason}`);
  }

  heardStop(id: JobId): boolean {
    return this.heard.has(id);
  }

  startedAt(id: JobId): number | null {
    return this.starts.get(id) ?? null;
  }

  progress(): number | null {
    return null;
  }

  retire(): void {
    this.asked.push("retire");
  }

  end(): void {
    this.asked.push("end");
  }

  kill(): void {
    this.asked.push("kill");
  }
}
