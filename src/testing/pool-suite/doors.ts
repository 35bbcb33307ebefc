import type { JobRequest } from "../../job/job-request.js";
import { decode } from "../../job/payload.js";
import type { HostApi } from "../../protocol/host-api.js";
import { deferred, type Deferred } from "../../waiting.js";
import { AT_DOOR } from "./jobs.js";
import { Watch } from "./watch.js";

/**
 * Where code on the lanes stops until the test lets it go on: jobs, state factories, `dispose`. They call the host, which every
 * pool connects them to, and the test is the host.
 */
export class Doors {
  readonly #shut = new Map<string, Deferred<void>>();
  readonly #watch = new Watch();
  /** Every door that was reached, in order. */
  readonly visits: string[] = [];
  /** What was enqueued otherwise. */
  readonly requests: JobRequest[] = [];
  /** Called first of all when a door is reached. */
  onVisit: (door: string) => void = () => undefined;

  readonly host: HostApi = {
    enqueue: async (request) => {
      if (request.name !== AT_DOOR) {
        this.requests.push(request);
        return { id: `stored ${this.requests.length}`, duplicate: false };
      }
      const door = String(decode({ bytes: request.payload, attachments: [] }));
      this.visits.push(door);
      this.onVisit(door);
      this.#watch.changed();
      await this.#shut.get(door)?.promise;
      return { id: door, duplicate: false };
    },
  };

  /** Whoever comes to these doors waits. All others are open. */
  shut(...doors: readonly string[]): void {
    for (const door of doors) this.#shut.set(door, deferred());
  }

  open(...doors: readonly string[]): void {
    for (const door of doors) {
      this.#shut.get(door)?.resolve();
      this.#shut.delete(door);
    }
  }

  openAll(): void {
    this.open(...this.#shut.keys());
  }

  /** Whoever is or comes there gets an error, until the door is opened. */
  fail(door: string, message: string): void {
    const broken = this.#shut.get(door) ?? deferred();
    broken.promise.catch(() => undefined);
    broken.reject(new RangeError(message));
    this.#shut.set(door, broken);
  }

  count(door: string): number {
    return this.visits.filter((visited) => visited === door).length;
  }

  /** Resolves when each of these doors has been reached. */
  async reached(...doors: readonly string[]): Promise<void> {
    for (const door of doors) await this.reachedTimes(door, 1);
  }

  async reachedTimes(door: string, times: number): Promise<void> {
    await this.#watch.until(`"${door}" to be reached`, () => (this.count(door) >= times ? true : undefined));
  }
}
