/** What was measured, as a table. */

import { median, quantile, show, showRange, summarize } from "../../lib/numbers.js";
import type { Section } from "../../lib/report.js";
import type { Measure } from "../types.js";
import { type Entrant, THREADS } from "./field.js";
import type { Measured } from "./rounds.js";

/** Whose rate the others' are compared with. */
const REFERENCE = "piscina";
const WHERE = { memory: "", redis: " in Redis", disk: " on disk" };

const HOW = [
  "Medians of the rounds, with the whole range in brackets. Each contestant in its own process, all in turns.",
  'No-op jobs: payload { a: 1, b: "x" } given back; from the first one handed in until the last one is recorded as done, each counted.',
  "Share of bare cores: jobs of 1 ms, by what two threads do that have nothing to ask or answer, measured just before and just after each.",
  "HTTP: answers of the same process at 200 requests/s while it has jobs of 1 ms all the time. Who runs them on the main thread and never " +
    "gives it free answers when the measurement ends, however long that is.",
  "Bytes per waiting job: of the heap and what hangs on it, unless something else is said. Idle start: from handing in until the job starts, " +
    "one at a time, all rounds together.",
];

export function toSection(entrants: readonly Entrant[], results: ReadonlyMap<string, Measured>, notes: readonly string[]): Section {
  const reference = results.get(REFERENCE)?.noopsPerSecond ?? [];
  const rows = entrants.flatMap((entrant) => {
    const measured = results.get(entrant.name);
    return measured === undefined ? [] : [{ entrant, measured, numbers: toNumbers(measured, reference) }];
  });
  return {
    title: `Beside its peers, ${THREADS} threads`,
    notes: [...HOW, ...notes, ...entrants.map(toNote)],
    columns: [
      "",
      "no-op jobs/s",
      `by ${REFERENCE}`,
      "share of 2 bare cores",
      "HTTP p99 ms",
      "bytes per waiting job",
      "idle start p50 µs",
      "p99 µs",
      "rounds, starts",
    ],
    rows: rows.map(({ entrant, measured, numbers }) => toRow(entrant, measured, numbers)),
    data: rows.map(({ entrant, measured, numbers }) => {
      const { description, name, title, sizes } = entrant;
      return { name, title, settings: description.settings, sizes, ...numbers, rounds: { ...measured, startUs: measured.startUs.map((us) => us.length) } };
    }),
  };
}

function toNote(entrant: Entrant): string {
  const { title, description, sizes } = entrant;
  const parts: readonly (readonly [Measure, number, string])[] = [
    ["noops", sizes.noops, "no-op"],
    ["burn", sizes.burns, "of 1 ms"],
    ["memory", sizes.waiting, "waiting"],
  ];
  const jobs = parts.filter(([measure]) => entrant.takesPartIn(measure)).map(([, size, what]) => `${size.toLocaleString("en-US")} ${what}`);
  return `${title}: ${description.settings}. Jobs: ${jobs.join(", ")}.`;
}

type Numbers = ReturnType<typeof toNumbers>;

function toNumbers(measured: Measured, reference: readonly number[]) {
  const { noopsPerSecond, burnsPerSecond, coreShare, httpP99Ms, httpMaxMs, httpBurnsPerSecond, bytesPerJob, startUs } = measured;
  const starts = startUs.flat();
  return {
    noopsPerSecond: orNull(noopsPerSecond),
    // Round by round, since neighbours in time meet the same machine.
    byReference: orNull(noopsPerSecond.map((rate, round) => rate / (reference[round] ?? NaN)).filter(Number.isFinite)),
    burnsPerSecond: orNull(burnsPerSecond),
    coreShare: orNull(coreShare),
    httpP99Ms: orNull(httpP99Ms),
    httpMaxMs: httpMaxMs.length > 0 ? Math.max(...httpMaxMs) : null,
    httpBurnsPerSecond: orNull(httpBurnsPerSecond),
    bytesPerJob: orNull(bytesPerJob),
    startUs: starts.length > 0 ? { p50: median(starts), p99: quantile(starts, 0.99), max: Math.max(...starts), samples: starts.length } : null,
  };
}

function orNull(values: readonly number[]): ReturnType<typeof summarize> | null {
  return values.length > 0 ? summarize(values) : null;
}

function toRow({ title, description }: Entrant, { noopsPerSecond, coreShare, httpP99Ms }: Measured, numbers: Numbers): readonly string[] {
  const range = (summary: ReturnType<typeof orNull>): string => (summary === null ? "–" : showRange(summary));
  const where = WHERE[description.waitingIn ?? "memory"];
  const rounds = Math.max(noopsPerSecond.length, coreShare.length, httpP99Ms.length);
  return [
    title,
    range(numbers.noopsPerSecond),
    range(numbers.byReference),
    range(numbers.coreShare),
    range(numbers.httpP99Ms),
    numbers.bytesPerJob === null ? "–" : `${show(numbers.bytesPerJob.median)}${where}`,
    numbers.startUs === null ? "–" : show(numbers.startUs.p50),
    numbers.startUs === null ? "–" : show(numbers.startUs.p99),
    `${rounds}, ${numbers.startUs?.samples ?? 0}`,
  ];
}
