/** Who takes part, and who cannot. */

import type { Description, Measure, Services, Setup, Sizes } from "../types.js";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Peer } from "./peer.js";

/** In the order of the table. */
export const TITLES: Readonly<Record<string, string>> = {
  threads: "two bare threads, no queue",
  bare: "bare port, packed jobs",
  millrace: "Millrace, enqueueMany",
  "millrace-run": "Millrace, run() one by one",
  fastq: "fastq (no threads)",
  poolifier: "poolifier",
  tinypool: "tinypool",
  piscina: "piscina",
  workerpool: "workerpool",
  "graphile-worker": "graphile-worker (PostgreSQL)",
  "graphile-worker-piscina": "graphile-worker with piscina",
  "pg-boss": "pg-boss (PostgreSQL)",
  "pg-boss-piscina": "pg-boss with piscina",
  bullmq: "BullMQ (Redis)",
  "bullmq-sandbox": "BullMQ, sandboxed threads",
  plainjob: "plainjob (SQLite)",
  "plainjob-piscina": "plainjob with piscina",
};
/** What the shares of cores are shares of: it always takes part. */
export const BASELINE = "threads";
export const THREADS = 2;

const SIZES: Sizes = { noops: 60_000, burns: 2_000, waiting: 100_000, starts: 80 };
const QUICK = { share: 0.05, starts: 5 };

export interface EntrantOptions {
  readonly description: Description;
  readonly quick: boolean;
  readonly services: Services;
  readonly folder: string;
}

export class Entrant {
  readonly name: string;
  readonly description: Description;
  readonly sizes: Sizes;
  readonly #services: Services;
  readonly #folder: string;
  #peer: Peer | undefined;

  constructor(name: string, { description, quick, services, folder }: EntrantOptions) {
    const sizes = { ...SIZES, ...description.sizes };
    const lessOf = (size: number): number => (quick ? Math.ceil(size * QUICK.share) : size);
    this.name = name;
    this.description = description;
    this.sizes = {
      noops: lessOf(sizes.noops),
      burns: lessOf(sizes.burns),
      waiting: lessOf(sizes.waiting),
      starts: quick ? QUICK.starts : sizes.starts,
    };
    this.#services = services;
    this.#folder = folder;
  }

  get title(): string {
    return TITLES[this.name] ?? this.name;
  }

  takesPartIn(measure: Measure): boolean {
    return this.description.measures.includes(measure);
  }

  /** The same process for all cells, so that its compiler need not learn everything again. */
  get peer(): Peer {
    this.#peer ??= new Peer(this.name);
    return this.#peer;
  }

  async setup(measure: Measure): Promise<Setup> {
    const folder = join(this.#folder, this.name);
    await mkdir(folder, { recursive: true });
    return { measure, services: this.#services, folder, threads: THREADS };
  }

  async end(): Promise<void> {
    await this.#peer?.end();
    this.#peer = undefined;
  }
}

/** Asks each what it is. One whose package could not be installed cannot say. */
export async function describeAll(names: readonly string[], notes: string[]): Promise<ReadonlyMap<string, Description>> {
  const descriptions = new Map<string, Description>();
  for (const name of names) {
    const peer = new Peer(name);
    try {
      descriptions.set(name, await peer.ask({ op: "describe" }));
    } catch (error: unknown) {
      notes.push(`Without ${TITLES[name] ?? name}, which does not load: ${firstLines(error)}`);
    } finally {
      await peer.end();
    }
  }
  return descriptions;
}

export function firstLines(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n").slice(0, 6).join(" ").replaceAll(/\s+/g, " ").trim();
}
