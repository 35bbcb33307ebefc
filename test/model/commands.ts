import assert from "node:assert/strict";
import fc from "fast-check";
import type { ClaimedJob, JobId, NewJob } from "../../src/job/job-record.js";
import type { Claim, Schedule, Storage } from "../../src/storage/storage.js";
import { ending, failure, newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import type { ReferenceModel } from "./reference-model.js";

/** What commands act on beside the store: the model of it, and what a caller would remember. */
export interface World {
  readonly model: ReferenceModel;
  now: number;
  /** Of all jobs that were ever enqueued. */
  readonly ids: JobId[];
  /** All there ever were. */
  readonly claims: ClaimedJob[];
}

type Command = fc.AsyncCommand<World, Storage>;
type Body = (world: World, storage: Storage) => Promise<void>;

/** A command shows its arguments when it fails. */
function command(label: string, body: Body): Command {
  return {
    check: () => true,
    run: async (world, storage) => {
      await body(world, storage);
      await compare(world, storage);
    },
    toString: () => label,
  };
}

function commandOf<Input>(verb: string, input: fc.Arbitrary<Input>, body: (input: Input, ...rest: Parameters<Body>) => Promise<void>): fc.Arbitrary<Command> {
  return input.map((value) => command(`${verb} ${fc.stringify(value)}`, (world, storage) => body(value, world, storage)));
}

/** Everything that can be seen of the store must be as the model says. */
async function compare({ model, now, ids }: World, storage: Storage): Promise<void> {
  const rows = model.rows(now);
  const { jobs, next } = await storage.list({ limit: 1_000, now });
  assert.deepEqual(jobs, rows);
  assert.equal(next, null);
  assert.deepEqual(
    (await storage.get(ids.slice(-8), now)).map((row) => row?.state),
    ids.slice(-8).map((id) => rows.find((row) => row.id === id)?.state),
  );
  const counts = await storage.count(now);
  assert.deepEqual(Object.fromEntries(counts.jobs.map(({ queue, name, state, count }) => [`${queue} ${name} ${state}`, count])), model.counts(now));
  assert.deepEqual(counts.totals, model.totals);
  assert.equal(await storage.nextDueIn(now), model.nextDueIn(now));
  assert.deepEqual(new Set((await storage.settings()).paused), model.paused);
}

/** One of the latest, counted back; the last number picks nobody. */
const NOBODY = 12;
const pick = fc.nat({ max: NOBODY });

function pickId({ ids }: World, index: number): JobId {
  return index === NOBODY ? "nobody" : (ids.at(-1 - (index % Math.max(ids.length, 1))) ?? "nobody");
}

function pickClaim({ claims }: World, index: number): Claim {
  const nobody = { id: "nobody", fence: 1 };
  return index === NOBODY ? nobody : (claims.at(-1 - (index % Math.max(claims.length, 1))) ?? nobody);
}

const name = fc.constantFrom("a", "b", "c");
const queue = fc.constantFrom("q", "r");
const runner = fc.constantFrom("one", "two");
/** In halves, since times need not be whole. */
const delayMs = fc.integer({ min: -20, max: 20 }).map((halves) => halves / 2);
const someNames = fc.oneof({ weight: 3, arbitrary: fc.constant(["a", "b", "c"]) }, { weight: 1, arbitrary: fc.subarray(["a", "b", "c"]) });

const uniqueKey = fc.record(
  { key: fc.constantFrom("k", "l"), until: fc.constantFrom("finished" as const, "started" as const) },
  // As an object that a caller would write, and not one without a prototype.
  { noNullPrototype: true },
);

const sample = fc.record({
  name,
  queue,
  priority: fc.integer({ min: -1, max: 1 }),
  delayMs,
  bytes: fc.nat({ max: 9 }),
  unique: fc.option(uniqueKey, { freq: 2 }),
  /** Enqueues an id again, if there is one so far back. */
  repeat: fc.option(pick, { freq: 8 }),
});

type Sample = typeof sample extends fc.Arbitrary<infer Value> ? Value : never;

function jobOf(world: World, { delayMs: afterMs, bytes, repeat, ...rest }: Sample): NewJob {
  const { now, ids } = world;
  const job = newJob({ ...rest, payload: new Uint8Array(bytes), runAt: now + afterMs, createdAt: now });
  const repeated = repeat === null ? undefined : ids.at(-1 - repeat);
  if (repeated === undefined) ids.push(job.id);
  return repeated === undefined ? job : { ...job, id: repeated };
}

const queueLimit = fc.record({ maxQueued: fc.constantFrom(0, 2, 4, 8, Infinity), room: fc.constantFrom(1, 1, 3) }, { noNullPrototype: true });
const queueLimits = fc.option(fc.dictionary(queue, queueLimit, { noNullPrototype: true }), { nil: undefined });

const enqueue = commandOf(
  "enqueue",
  fc.record({ samples: fc.array(sample, { minLength: 1, maxLength: 8, size: "max" }), limits: queueLimits }),
  async ({ samples, limits: byQueue }, world, storage) => {
    const jobs = samples.map((each) => jobOf(world, each));
    const given = byQueue === undefined ? undefined : new Map(Object.entries(byQueue));
    assert.deepEqual(await storage.enqueue(jobs, world.now, given), world.model.enqueue(jobs, given));
  },
);

const claim = commandOf(
  "claim",
  fc.record({ queue, names: someNames, limit: fc.nat({ max: 5 }), runner }),
  async (request, world, storage) => {
    const claimed = await storage.claim({ ...request, now: world.now });
    assert.deepEqual(claimed, world.model.claim({ ...request, now: world.now }));
    world.claims.push(...claimed);
  },
);

const outcome = fc.record({
  claim: pick,
  isStale: fc.option(fc.constant(true), { freq: 4 }),
  fenceOff: fc.constantFrom(0, 0, 0, 0, 1, -1),
  to: fc.constantFrom("completed", "dead", "cancelled", "waiting", "retrying", "scheduled"),
  isCharged: fc.boolean(),
  delayMs,
  bytes: fc.option(fc.nat({ max: 9 })),
});

const complete = commandOf("complete", fc.array(outcome, { minLength: 1, maxLength: 4, size: "max" }), async (outcomes, world, storage) => {
  const transitions = outcomes.flatMap(({ claim: index, isStale, fenceOff, to, isCharged, delayMs: afterMs, bytes }) => {
    const claims = isStale === null ? world.claims.filter((claimed) => world.model.isCurrent(claimed)) : world.claims;
    const job = claims.at(-1 - (index % Math.max(claims.length, 1)));
    if (job === undefined) return [];
    const changes = { result: bytes === null ? null : new Uint8Array(bytes), failure: bytes === 3 ? failure("three") : job.failure, at: world.now };
    // Only what comes back for later has another time.
    const runAt = to === "retrying" || to === "scheduled" ? world.now + afterMs : job.runAt;
    return ending(job, { ...changes, to, runAt, fence: job.fence + fenceOff, attempt: isCharged ? job.attempt : job.attempt - 1, progress: bytes });
  });
  assert.deepEqual(await storage.complete(transitions), transitions.map((transition) => world.model.complete(transition)));
});

const cancel = commandOf("cancel", fc.array(pick, { minLength: 1, maxLength: 2 }), async (picks, world, storage) => {
  const ids = picks.map((index) => pickId(world, index));
  assert.deepEqual(await storage.cancel(ids, world.now), ids.map((id) => world.model.cancel(id, world.now)));
});

const change = commandOf("change", fc.record({ action: fc.constantFrom("retry", "retry", "remove"), index: pick }), async (input, world, storage) => {
  const request = { action: input.action, id: pickId(world, input.index), now: world.now };
  assert.equal(await storage.change(request), world.model.change(request));
});

const reclaim = commandOf(
  "reclaim",
  fc.record({ runner, queue: fc.option(queue, { freq: 2 }), keep: fc.array(pick, { maxLength: 6 }) }),
  async ({ keep, ...rest }, world, storage) => {
    const request = { ...rest, keep: keep.map((index) => pickClaim(world, index)), now: world.now };
    const byId = <Row extends { readonly id: JobId }>(rows: readonly Row[]): readonly Row[] => rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const expected = world.model.reclaim(request);
    assert.deepEqual(byId(await storage.reclaim(request)).map(({ id, fence }) => [id, fence]), byId(expected).map(({ id, fence }) => [id, fence]));
  },
);

const pause = commandOf("pause", fc.record({ queue, paused: fc.constantFrom(false, false, false, true) }), async (input, { model }, storage) => {
  await storage.pause(input.queue, input.paused);
  if (input.paused) model.paused.add(input.queue);
  else model.paused.delete(input.queue);
});

const count = fc.constantFrom(0, 2, 4, Infinity);
const limits = fc.record({ ageMs: fc.constantFrom(0, 30, 100, Infinity), count });
const prune = commandOf(
  "prune",
  fc.record({ retention: fc.record({ completed: limits, dead: limits, bytes: fc.constantFrom(0, 20, 60, Infinity) }), limit: fc.constantFrom(1, 3, 1_000) }),
  async (input, { model, now }, storage) => {
    assert.deepEqual(await storage.prune({ ...input, now }), model.prune({ ...input, now }));
  },
);

const tick = commandOf("tick", fc.record({ sample, isLate: fc.boolean(), limit: fc.option(queueLimit, { nil: undefined }) }), async (input, world, storage) => {
  const { model } = world;
  const dueAt = (model.nextAt ?? NOW) - (input.isLate ? 1 : 0);
  const request = { dueAt, nextAt: dueAt + 10, job: jobOf(world, input.sample), ...(input.limit === undefined ? {} : { limit: input.limit }) };
  assert.equal(await storage.tick({ name: "schedule", ...request }), model.tick(request));
  assert.equal((await storage.settings()).schedules[0]?.nextAt ?? null, model.nextAt);
});

const saveSchedule = commandOf("saveSchedule", fc.constantFrom(10, 20), async (everyMs, { model, now }, storage) => {
  const { name: jobName, queue: jobQueue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta } = newJob();
  const template: Schedule["template"] = { name: jobName, queue: jobQueue, payload, priority, maxRetries, backoff, timeoutMs, unique, meta };
  await storage.saveSchedule({ name: "schedule", everyMs, nextAt: now, template });
  model.saveSchedule({ everyMs, nextAt: now });
  assert.equal((await storage.settings()).schedules[0]?.nextAt, model.nextAt);
});

/** Wall clocks are set back now and then. */
const advance = commandOf("advance", fc.oneof({ weight: 5, arbitrary: fc.nat({ max: 20 }) }, { weight: 1, arbitrary: fc.integer({ min: -15, max: 0 }) }), async (ms, world) => {
  world.now += ms;
  return Promise.resolve();
});

/** The verbs of a job's usual way come more often than the others. */
export const commands: fc.Arbitrary<Command>[] = [
  ...[enqueue, enqueue, claim, claim, claim, complete, complete, complete, advance, advance],
  ...[cancel, change, change, reclaim, pause, prune, tick, saveSchedule],
];
