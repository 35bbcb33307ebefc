/** What one process does to a file that another one has open, too, and what their clocks do to that. */

import { createRequire } from "node:module";
import { expect, it, onTestFinished, vi } from "vitest";
import type { StorageChange, StorageCounts } from "../../../src/storage/storage.js";
import type { Call, CallOf, Verb } from "../../../src/storage/sqlite/calls.js";
import { Store } from "../../../src/storage/sqlite/store.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";
import { ending, failure, newJob, NOW } from "../../../src/testing/storage-suite/sample-jobs.js";
import { withDatabase } from "../../faults/sqlite-stage.js";
import { newFile } from "../../sqlite-files.js";

interface Executor {
  exec(sql: string): unknown;
}

interface Process {
  readonly store: Store;
  /** One transaction with one call. */
  readonly call: <Name extends Verb>(verb: Name, ...args: CallOf<Name>["args"]) => unknown;
  /** What it hears of the others. */
  readonly look: () => readonly StorageChange[];
}

function openProcess(path: string, clock: ManualClock, told: number | null = null): Process {
  const store = new Store({ path, durability: "relaxed", minFreeSpace: 0 }, { clock, former: { owned: null, told }, onWritten: () => undefined });
  onTestFinished(() => store.close());
  return {
    store,
    call: (verb, ...args) => {
      const [answer] = store.perform([{ id: 1, verb, args } as Call]).answers;
      if (answer === undefined || "error" in answer) throw new Error(answer?.error.message);
      return answer.value;
    },
    look: () => store.perform([]).changes,
  };
}

function openTwo(): { readonly owner: Process; readonly client: Process; readonly clock: ManualClock; readonly path: string } {
  const path = newFile();
  const clock = manualClock({ startAt: NOW });
  const [owner, client] = [openProcess(path, clock), openProcess(path, clock)];
  owner.call("own", "owner");
  return { owner, client, clock, path };
}

const claimOf = ({ queue, name }: { readonly queue: string; readonly name: string }, now: number) => ({ queue, names: [name], limit: 10, runner: "owner", now });

it("a job that the other has found due by a clock which was set back since waits again", () => {
  const { owner, client } = openTwo();
  const job = newJob({ runAt: NOW + 150 });
  const [due, ...others] = [newJob({ runAt: NOW }), job];
  client.call("enqueue", [due, ...others], NOW);
  owner.call("count", NOW + 100);
  client.call("get", [job.id], NOW + 151);
  expect(owner.call("claim", claimOf(job, NOW + 120))).toMatchObject([{ id: due.id }]);
  expect(owner.call("get", [job.id], NOW + 120)).toMatchObject([{ state: "scheduled" }]);
  expect(owner.call("count", NOW + 120)).toMatchObject({ jobs: [{ state: "running", count: 1 }, { state: "scheduled", count: 1 }] });
  expect(owner.call("nextDueIn", NOW + 120)).toBe(30);
  expect(owner.call("claim", claimOf(job, NOW + 149))).toEqual([]);
  expect(owner.call("claim", claimOf(job, NOW + 150))).toMatchObject([{ id: job.id }]);
});

it("whoever awaits a job in the other process hears of its end, though the clock was set by hours since that was heard of last", () => {
  const { owner, client, clock } = openTwo();
  const job = newJob();
  client.call("enqueue", [job], NOW);
  owner.look();
  clock.jump(3_600_000);
  const [claimed] = owner.call("claim", claimOf(job, clock.now())) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(claimed!)]);
  expect(client.look()).toContainEqual({ kind: "finished", ids: [job.id] });
});

it("and though the owner that it knew has died meanwhile", () => {
  const { owner, client, clock, path } = openTwo();
  const job = newJob();
  client.call("enqueue", [job], NOW);
  owner.call("disown", "owner");
  const next = openProcess(path, clock);
  clock.jump(3_600_000);
  next.call("own", "next");
  const [claimed] = next.call("claim", { ...claimOf(job, clock.now()), runner: "next" }) as Parameters<typeof ending>[0][];
  next.call("complete", [ending(claimed!)]);
  expect(client.look()).toContainEqual({ kind: "finished", ids: [job.id] });
});

it("what has ended is not listed any more when the other has said nothing for three beats of the owner", () => {
  const { owner, client, clock } = openTwo();
  const jobs = [newJob(), newJob()];
  client.call("enqueue", jobs, NOW);
  owner.look();
  clock.jump(3_600_000);
  const claimed = owner.call("claim", claimOf(jobs[0]!, clock.now())) as Parameters<typeof ending>[0][];
  for (const [index, job] of claimed.entries()) {
    for (let beat = 0; beat < 2; beat += 1) owner.store.beat();
    owner.call("complete", [ending(job)]);
    expect(client.look()).toContainEqual({ kind: "finished", ids: index === 0 ? [job.id] : [] });
  }
});

it("what has ended after a thread has looked last is told by the thread that comes after it, once", () => {
  const { owner, client, clock, path } = openTwo();
  const jobs = [newJob(), newJob()];
  client.call("enqueue", jobs, NOW);
  const [first, second] = owner.call("claim", claimOf(jobs[0]!, NOW)) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(first!)]);
  expect(client.look()).toContainEqual({ kind: "finished", ids: [first!.id] });
  owner.call("complete", [ending(second!)]);
  const next = openProcess(path, clock, client.store.told);
  expect(next.look()).toContainEqual({ kind: "finished", ids: [second!.id] });
  expect(next.look()).toEqual([]);
});

it("who was stopped for so long that he was taken for gone is told that he has missed something, once", () => {
  const { owner, client, clock } = openTwo();
  const job = newJob();
  client.call("enqueue", [job], NOW);
  client.store.beat();
  owner.look();
  clock.jump(60_000);
  for (let beat = 0; beat < 3; beat += 1) owner.store.beat();
  const [claimed] = owner.call("claim", claimOf(job, clock.now())) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(claimed!)]);
  client.store.beat();
  expect(client.look()).toContainEqual({ kind: "missed" });
  expect(client.look()).toEqual([]);
});

it("what others did is not taken for told when a read tells nothing but its answer", () => {
  const { owner, client, clock, path } = openTwo();
  const job = newJob();
  client.call("enqueue", [job, newJob({ runAt: NOW + 100 })], NOW);
  const [claimed] = owner.call("claim", claimOf(job, NOW)) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(claimed!)]);
  clock.jump(100);
  withDatabase(path, (database) => {
    database.exec("BEGIN IMMEDIATE");
    // Another process writes for so long that the client gives up to make ready what is due.
    expect(client.call("get", [job.id], clock.now())).toMatchObject([{ state: "completed" }]);
    database.exec("ROLLBACK");
  });
  expect(client.look()).toContainEqual({ kind: "finished", ids: [job.id] });
}, 20_000);

it("who could not become the owner, because the file could not be written, owns nothing", () => {
  const path = newFile();
  const clock = manualClock({ startAt: NOW });
  const [first, second] = [openProcess(path, clock), openProcess(path, clock)];
  failNextCommit();
  expect(() => first.call("own", "first")).toThrow(/disk/);
  expect(first.call("pause", "default", true)).toBeUndefined();
  second.call("own", "second");
  expect(first.call("pause", "default", false)).toBeUndefined();
  first.store.beat();
  first.call("disown", "first");
  expect(withDatabase(path, (database) => database.prepare("SELECT runner FROM owner").get())).toEqual({ runner: "second" });
});

it("a suspect that waits in a queue which the next runner does not have keeps nobody from running", () => {
  const { owner, path } = openTwo();
  const [suspect, other] = [newJob({ queue: "gone", runAt: NOW + 1_000 }), newJob()];
  owner.call("enqueue", [suspect, other], NOW);
  withDatabase(path, (database) => database.exec("UPDATE jobs SET deaths = 2 WHERE queue = 'gone'"));
  expect(owner.call("claim", claimOf(suspect, NOW))).toEqual([]);
  owner.call("disown", "owner");
  owner.call("own", "next");
  expect(owner.call("claim", { ...claimOf(other, NOW + 2_000), runner: "next" })).toMatchObject([{ id: other.id }]);
});

it("a suspect that is cancelled is none any more", () => {
  const { owner, path } = openTwo();
  const job = newJob();
  owner.call("enqueue", [job], NOW);
  withDatabase(path, (database) => database.exec("UPDATE jobs SET deaths = 2"));
  owner.call("cancel", [job.id], NOW);
  expect(withDatabase(path, (database) => database.prepare("SELECT deaths FROM jobs").get())).toEqual({ deaths: 0 });
});

it("more jobs than fall due in one go are made ready by the calls that follow, and counted right", () => {
  const { owner } = openTwo();
  owner.call("enqueue", Array.from({ length: 45_000 }, () => newJob({ runAt: NOW + 10 })), NOW);
  const waiting = Array.from({ length: 3 }, () => {
    const { jobs } = owner.call("count", NOW + 20) as StorageCounts;
    return jobs.find(({ state }) => state === "waiting")?.count;
  });
  expect(waiting).toEqual([20_000, 40_000, 45_000]);
  expect(owner.call("nextDueIn", NOW + 20)).toBeNull();
});

const KEEP_NOTHING = { completed: { ageMs: 0, count: 0 }, dead: { ageMs: 0, count: 0 }, bytes: 0 };

it("what has ended stays for half a minute, whatever is to be kept, while another process may not have read it", () => {
  const { owner, client, clock } = openTwo();
  const job = newJob();
  const prune = () => owner.call("prune", { retention: KEEP_NOTHING, limit: 10, now: clock.now() });
  client.call("enqueue", [job], NOW);
  const [claimed] = owner.call("claim", claimOf(job, NOW)) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(claimed!, { at: NOW })]);
  clock.jump(10_000);
  expect(prune()).toEqual({ pruned: 0, nextInMs: 20_000 });
  expect(client.call("get", [job.id], clock.now())).toMatchObject([{ state: "completed" }]);
  clock.jump(20_000);
  client.call("get", [job.id], clock.now());
  expect(prune()).toEqual({ pruned: 1, nextInMs: null });
});

it("what nobody may have read yet does not push out what is kept, by its weight", () => {
  const { owner, client, clock } = openTwo();
  const retention = { completed: { ageMs: 1e9, count: 1 }, dead: { ageMs: 1e9, count: 10 }, bytes: 3_000 };
  const jobs = Array.from({ length: 6 }, () => newJob());
  client.call("enqueue", jobs, NOW);
  const [dead, ...others] = owner.call("claim", claimOf(jobs[0]!, NOW)) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(dead!, { to: "dead", at: NOW, failure: failure("no") })]);
  clock.jump(100_000);
  const result = new Uint8Array(1_000);
  owner.call("complete", others.map((job) => ending(job, { at: clock.now(), result })));
  client.call("get", [dead!.id], clock.now());
  expect(owner.call("prune", { retention, limit: 10, now: clock.now() })).toEqual({ pruned: 0, nextInMs: 30_000 });
  clock.jump(30_000);
  client.call("get", [dead!.id], clock.now());
  expect(owner.call("prune", { retention, limit: 10, now: clock.now() })).toMatchObject({ pruned: 4 });
  expect(owner.call("get", [dead!.id], clock.now())).toMatchObject([{ state: "dead" }]);
});

it("what has ended goes at once when nobody else is there", () => {
  const path = newFile();
  const clock = manualClock({ startAt: NOW });
  const owner = openProcess(path, clock);
  owner.call("own", "owner");
  const job = newJob();
  owner.call("enqueue", [job], NOW);
  const [claimed] = owner.call("claim", claimOf(job, NOW)) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(claimed!, { at: NOW })]);
  expect(owner.call("prune", { retention: KEEP_NOTHING, limit: 10, now: NOW })).toEqual({ pruned: 1, nextInMs: null });
});

it("who only reads does not wait for somebody who writes, and hears what is new", () => {
  const { owner, client, path } = openTwo();
  const job = newJob();
  client.call("enqueue", [job], NOW);
  const [claimed] = owner.call("claim", claimOf(job, NOW)) as Parameters<typeof ending>[0][];
  owner.call("complete", [ending(claimed!)]);
  withDatabase(path, (other) => {
    other.exec("BEGIN IMMEDIATE");
    const { answers, changes } = client.store.perform([{ id: 1, verb: "get", args: [[job.id], NOW] }, { id: 2, verb: "count", args: [NOW] }]);
    other.exec("ROLLBACK");
    expect(answers).toMatchObject([{ value: [{ id: job.id }] }, { value: { jobs: [{ state: "completed", count: 1 }] } }]);
    // A read that had to do without the lock tells nothing else.
    expect(changes).toContainEqual({ kind: "finished", ids: [job.id] });
  });
});

it("a read moves what has fallen due, though it takes no lock otherwise", () => {
  const { client } = openTwo();
  const job = newJob({ runAt: NOW + 100 });
  client.call("enqueue", [job], NOW);
  expect(client.call("get", [job.id], NOW + 99)).toMatchObject([{ state: "scheduled" }]);
  expect(client.call("count", NOW + 100)).toMatchObject({ jobs: [{ state: "waiting", count: 1 }] });
  expect(client.call("get", [job.id], NOW + 50)).toMatchObject([{ state: "scheduled" }]);
});

function failNextCommit(): void {
  const builtIn = process.getBuiltinModule("node:sqlite") as { readonly DatabaseSync: { readonly prototype: Executor } } | undefined;
  const prototype = builtIn?.DatabaseSync.prototype ?? (createRequire(import.meta.url)("better-sqlite3") as { readonly prototype: Executor }).prototype;
  const exec = Reflect.get(prototype, "exec");
  const spy = vi.spyOn(prototype, "exec").mockImplementation(function (this: Executor, sql: string) {
    if (sql !== "COMMIT") return Reflect.apply(exec, this, [sql]);
    spy.mockRestore();
    throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC", errcode: 1034 });
  });
}
