/** What one process does to a file that another one has open, too, and what their clocks do to that. */

import { expect, it, onTestFinished } from "vitest";
import type { StorageChange } from "../../../src/storage/storage.js";
import type { Call, CallOf, Verb } from "../../../src/storage/sqlite/calls.js";
import { Store } from "../../../src/storage/sqlite/store.js";
import { type ManualClock, manualClock } from "../../../src/testing/manual-clock.js";
import { ending, newJob, NOW } from "../../../src/testing/storage-suite/sample-jobs.js";
import { newFile } from "../../sqlite-files.js";

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
