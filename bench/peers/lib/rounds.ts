/** All measurements of all who take part, in turns. */

import { quantile } from "../../lib/numbers.js";
import { burn } from "../jobs.js";
import type { Measure, Timing } from "../types.js";
import { type Entrant, firstLines } from "./field.js";
import { load, PER_SECOND } from "./load.js";
import { Peer } from "./peer.js";

const FULL = { rounds: 5, memoryRounds: 3, httpMs: 1_500, startMs: 1_500 };
const QUICK = { rounds: 1, memoryRounds: 1, httpMs: 300, startMs: 500 };
/** Jobs still have to run when the last answer is on its way. */
const HTTP_TAIL_MS = 200;

/** By round. */
export interface Measured {
  readonly noopsPerSecond: number[];
  readonly burnsPerSecond: number[];
  /** Of what two bare threads do, just before and just after. */
  readonly coreShare: number[];
  readonly httpP99Ms: number[];
  readonly httpMaxMs: number[];
  /** That ended beside the requests. */
  readonly httpBurnsPerSecond: number[];
  readonly bytesPerJob: number[];
  readonly startUs: (readonly number[])[];
}

export interface Options {
  readonly quick: boolean;
  readonly say: (message: string) => void;
}

export class Rounds {
  readonly results: Map<string, Measured>;
  /** Why somebody was left out of the rest. */
  readonly failures: Map<string, string> = new Map();
  readonly #baseline: Entrant;
  readonly #entrants: readonly Entrant[];
  readonly #size: typeof FULL;
  readonly #steps: number = stepsPerMs();
  readonly #say: (message: string) => void;

  constructor(entrants: readonly Entrant[], baseline: Entrant, { quick, say }: Options) {
    this.#entrants = entrants;
    this.#baseline = baseline;
    this.#size = quick ? QUICK : FULL;
    this.#say = say;
    this.results = new Map([...new Set([baseline, ...entrants])].map(({ name }) => [name, empty()]));
  }

  async run(): Promise<void> {
    const { rounds, memoryRounds } = this.#size;
    try {
      await this.#inTurns("memory", memoryRounds, (entrant) => this.#memory(entrant));
      await this.#inTurns("noops", rounds, (entrant) => this.#noops(entrant));
      await this.#burns(rounds);
      await this.#inTurns("http", rounds, (entrant) => this.#http(entrant));
      await this.#inTurns("start", rounds, (entrant) => this.#start(entrant));
    } finally {
      for (const entrant of [this.#baseline, ...this.#entrants]) await entrant.end();
    }
  }

  /** Forwards and backwards, so that nobody is always the one who comes after the heaviest. */
  async #inTurns(measure: Measure, rounds: number, cell: (entrant: Entrant) => Promise<void>): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      this.#say(`${measure}, round ${round + 1} of ${rounds}`);
      for (const entrant of round % 2 === 0 ? this.#entrants : this.#entrants.toReversed()) {
        if (entrant.takesPartIn(measure)) await this.#cell(entrant, measure, cell);
      }
    }
  }

  /** One that fails is left out of the rest. */
  async #cell(entrant: Entrant, measure: Measure, cell: (entrant: Entrant) => Promise<void>): Promise<void> {
    if (this.failures.has(entrant.name)) return;
    try {
      await cell(entrant);
    } catch (error: unknown) {
      const reason = `failed at ${measure} and was left out of the rest: ${firstLines(error)}`;
      this.failures.set(entrant.name, reason);
      this.#say(`${entrant.title} ${reason}`);
      await entrant.end();
    }
  }

  async #noops(entrant: Entrant): Promise<void> {
    const timing = await entrant.peer.ask({ op: "noops", setup: await entrant.setup("noops"), jobs: entrant.sizes.noops });
    this.#of(entrant).noopsPerSecond.push(perSecond(timing));
  }

  /** Before and after each, what two bare threads do at that time. */
  async #burns(rounds: number): Promise<void> {
    let before = await this.#burn(this.#baseline);
    await this.#inTurns("burn", rounds, async (entrant) => {
      if (entrant === this.#baseline) return;
      const own = await this.#burn(entrant);
      const after = await this.#burn(this.#baseline);
      this.#of(entrant).burnsPerSecond.push(own);
      this.#of(entrant).coreShare.push((2 * own) / (before + after));
      this.#of(this.#baseline).burnsPerSecond.push(after);
      before = after;
    });
  }

  async #burn(entrant: Entrant): Promise<number> {
    return perSecond(await entrant.peer.ask({ op: "burn", setup: await entrant.setup("burn"), jobs: entrant.sizes.burns, steps: this.#steps }));
  }

  async #http(entrant: Entrant): Promise<void> {
    const ms = this.#size.httpMs;
    const requests = Math.floor((ms / 1_000) * PER_SECOND);
    let taken: Promise<readonly number[]> = Promise.resolve([]);
    const timing = await entrant.peer.ask({ op: "http", setup: await entrant.setup("http"), ms: ms + HTTP_TAIL_MS, steps: this.#steps, requests }, (port) => {
      taken = load(port, requests);
      // Looked at below, unless the other side fails first.
      taken.catch(() => undefined);
    });
    const own = this.#of(entrant);
    own.httpP99Ms.push(quantile(await taken, 0.99));
    own.httpMaxMs.push(Math.max(...(await taken)));
    own.httpBurnsPerSecond.push(perSecond(timing));
  }

  /** In a process of its own: what earlier measurements left behind must not be counted. */
  async #memory(entrant: Entrant): Promise<void> {
    const peer = new Peer(entrant.name);
    try {
      const { bytesPerJob } = await peer.ask({ op: "memory", setup: await entrant.setup("memory"), jobs: entrant.sizes.waiting });
      this.#of(entrant).bytesPerJob.push(bytesPerJob);
    } finally {
      await peer.end();
    }
  }

  async #start(entrant: Entrant): Promise<void> {
    const { us } = await entrant.peer.ask({ op: "start", setup: await entrant.setup("start"), jobs: entrant.sizes.starts, ms: this.#size.startMs });
    this.#of(entrant).startUs.push(us);
  }

  #of({ name }: Entrant): Measured {
    const own = this.results.get(name);
    if (own === undefined) throw new Error(`nobody called ${name} takes part`);
    return own;
  }
}

function empty(): Measured {
  return { noopsPerSecond: [], burnsPerSecond: [], coreShare: [], httpP99Ms: [], httpMaxMs: [], httpBurnsPerSecond: [], bytesPerJob: [], startUs: [] };
}

function perSecond({ jobs, seconds }: Timing): number {
  return jobs / seconds;
}

/** How many steps of `burn` take a millisecond here, when nothing else gets in between. */
function stepsPerMs(): number {
  const steps = 1e7;
  const times = Array.from({ length: 8 }, () => {
    const startedAt = performance.now();
    burn(steps);
    return performance.now() - startedAt;
  });
  return Math.round(steps / Math.min(...times));
}
