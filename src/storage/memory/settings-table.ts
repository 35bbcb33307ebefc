import type { Schedule } from "../storage.js";

/** Which queues are paused, and what is enqueued again and again. */
export class SettingsTable {
  readonly #paused = new Set<string>();
  readonly #schedules = new Map<string, Schedule>();

  get paused(): readonly string[] {
    return [...this.#paused];
  }

  get schedules(): readonly Schedule[] {
    return [...this.#schedules.values()];
  }

  isPaused(queue: string): boolean {
    return this.#paused.has(queue);
  }

  pause(queue: string, paused: boolean): void {
    if (paused) this.#paused.add(queue);
    else this.#paused.delete(queue);
  }

  save(schedule: Schedule): void {
    const template = Object.freeze({ ...schedule.template });
    const former = this.#schedules.get(schedule.name);
    const { nextAt } = former?.everyMs === schedule.everyMs ? former : schedule;
    this.#schedules.set(schedule.name, Object.freeze({ ...schedule, nextAt, template }));
  }

  remove(name: string): boolean {
    return this.#schedules.delete(name);
  }

  /** Moves a schedule on, unless somebody else did. */
  advance(step: { readonly name: string; readonly dueAt: number; readonly nextAt: number }): boolean {
    const schedule = this.#schedules.get(step.name);
    if (schedule?.nextAt !== step.dueAt) return false;
    this.#schedules.set(step.name, Object.freeze({ ...schedule, nextAt: step.nextAt }));
    return true;
  }
}
