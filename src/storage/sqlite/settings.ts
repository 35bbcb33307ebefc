/** Which queues are paused, and what is enqueued again and again. */

import type { Schedule, TickRequest } from "../storage.js";
import type { Around } from "./around.js";
import type { Statement } from "./driver.js";
import type { Jobs } from "./jobs.js";
import { fromJson, number, text, toJson } from "./row.js";

type Template = Schedule["template"];

export class Settings {
  readonly #around: Around;
  readonly #jobs: Jobs;
  readonly #pause: Statement;
  readonly #resume: Statement;
  readonly #isPaused: Statement;
  readonly #paused: Statement;
  readonly #save: Statement;
  readonly #remove: Statement;
  readonly #advance: Statement;
  readonly #schedules: Statement;

  constructor(around: Around, jobs: Jobs) {
    const { database } = around;
    this.#around = around;
    this.#jobs = jobs;
    this.#pause = database.prepare("INSERT INTO paused (queue) VALUES (?) ON CONFLICT DO NOTHING");
    this.#resume = database.prepare("DELETE FROM paused WHERE queue = ?");
    this.#isPaused = database.prepare("SELECT 1 FROM paused WHERE queue = ?");
    this.#paused = database.prepare("SELECT queue FROM paused");
    this.#save = database.prepare(
      `INSERT INTO schedules (name, every_ms, next_at, template, payload) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
       SET every_ms = excluded.every_ms, template = excluded.template, payload = excluded.payload,
       next_at = CASE every_ms WHEN excluded.every_ms THEN next_at ELSE excluded.next_at END`,
    );
    this.#remove = database.prepare("DELETE FROM schedules WHERE name = ? RETURNING name");
    this.#advance = database.prepare("UPDATE schedules SET next_at = ? WHERE name = ? AND next_at = ? RETURNING name");
    this.#schedules = database.prepare("SELECT name, every_ms, next_at, template, payload FROM schedules ORDER BY seq");
  }

  isPaused(queue: string): boolean {
    return this.#isPaused.get(queue) !== undefined;
  }

  pause(queue: string, paused: boolean): void {
    (paused ? this.#pause : this.#resume).run(queue);
    this.#around.changes.settings();
    if (!paused) this.#around.changes.ready(queue);
  }

  save({ name, everyMs, nextAt, template }: Schedule): void {
    const { payload, ...rest } = template;
    this.#save.run(name, everyMs, nextAt, toJson(rest), payload);
    this.#around.changes.settings();
  }

  remove(name: string): boolean {
    const removed = this.#remove.get(name) !== undefined;
    if (removed) this.#around.changes.settings();
    return removed;
  }

  tick({ name, dueAt, nextAt, job, limit }: TickRequest): "ticked" | "skipped" | "full" | "lost" {
    if (this.#advance.get(nextAt, name, dueAt) === undefined) return "lost";
    this.#around.changes.settings();
    const [enqueued] = this.#jobs.enqueue([job], limit === undefined ? undefined : new Map([[job.queue, limit]]));
    if (enqueued === "full") return "full";
    return enqueued?.duplicate === true ? "skipped" : "ticked";
  }

  all(): { readonly paused: readonly string[]; readonly schedules: readonly Schedule[] } {
    return {
      paused: this.#paused.all().map((row) => text(row["queue"])),
      schedules: this.#schedules.all().map((row) => ({
        name: text(row["name"]),
        everyMs: number(row["every_ms"]),
        nextAt: number(row["next_at"]),
        template: { ...(fromJson(row["template"]) as Omit<Template, "payload">), payload: row["payload"] as Uint8Array },
      })),
    };
  }
}
