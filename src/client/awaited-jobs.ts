/**
 * The unfinished jobs that somebody awaits, or may yet. A job enqueued here is kept only as long as somebody waits for it or has a
 * handle: a million jobs may wait in a file, and who enqueued them has long forgotten them. Such jobs are kept in groups, since a
 * weak reference for each would cost more than what it saves.
 */

import type { JobId } from "../job/job-record.js";
import { Awaited, type Keeper } from "./awaited.js";

/** So many unfinished jobs are kept in memory by a handle of one of them. */
const PER_GROUP = 256;
/** Groups are looked through when there are twice as many as were left the last time, and so many more. */
const SWEEP_MARGIN = 16;

/** Where a group is found. Does not keep it, unless somebody waits for one of its jobs. */
interface Entry {
  /** Its ids are not before this, and before that of the next group. */
  readonly first: JobId;
  readonly weak: WeakRef<Group>;
  held: Group | undefined;
}

class Group implements Keeper {
  readonly byId = new Map<JobId, Awaited>();
  readonly entry: Entry;
  #waitedFor = 0;

  constructor(first: JobId) {
    this.entry = { first, weak: new WeakRef(this), held: undefined };
  }

  hold(): void {
    this.#waitedFor += 1;
    this.entry.held = this;
  }

  release(): void {
    this.#waitedFor -= 1;
    if (this.#waitedFor === 0) this.entry.held = undefined;
  }
}

export class AwaitedJobs {
  /** In the order of ids. */
  #entries: Entry[] = [];
  #sweepAt = SWEEP_MARGIN;
  /** The one that new jobs join. */
  #group: Group | undefined;
  #last: JobId = "";
  /** Jobs that were not made here, or whose ids come late. */
  readonly #others = new Map<JobId, Awaited>();

  /** A job that is being enqueued here, under an id that sorts after those before it. */
  add(id: JobId): Awaited {
    if (id <= this.#last) return this.open(id);
    this.#last = id;
    const group = this.#group === undefined || this.#group.byId.size >= PER_GROUP ? this.#newGroup(id) : this.#group;
    const awaited = new Awaited(group);
    awaited.holders = 1;
    group.byId.set(id, awaited);
    return awaited;
  }

  /** Shared by all handles of a job. */
  open(id: JobId): Awaited {
    let awaited = this.get(id);
    if (awaited === undefined) this.#others.set(id, (awaited = new Awaited()));
    awaited.holders += 1;
    return awaited;
  }

  get(id: JobId): Awaited | undefined {
    return this.#groupOf(id)?.byId.get(id) ?? this.#others.get(id);
  }

  /** @returns what it was */
  delete(id: JobId): Awaited | undefined {
    const group = this.#groupOf(id)?.byId;
    const place = group?.has(id) === true ? group : this.#others;
    const awaited = place.get(id);
    place.delete(id);
    return awaited;
  }

  /** How many are looked through for one job. */
  get groups(): number {
    return this.#entries.length;
  }

  all(): Awaited[] {
    return this.#maps().flatMap((byId) => [...byId.values()]);
  }

  ids(): JobId[] {
    return this.#maps().flatMap((byId) => [...byId.keys()]);
  }

  #maps(): ReadonlyMap<JobId, Awaited>[] {
    const groups = this.#entries.map(groupIn).filter((group) => group !== undefined);
    return [...groups.map(({ byId }) => byId), this.#others];
  }

  clear(): void {
    this.#entries = [];
    this.#group = undefined;
    this.#others.clear();
  }

  #newGroup(first: JobId): Group {
    if (this.#entries.length >= this.#sweepAt) this.#sweep();
    const group = (this.#group = new Group(first));
    this.#entries.push(group.entry);
    return group;
  }

  #sweep(): void {
    this.#entries = this.#entries.filter((entry) => (groupIn(entry)?.byId.size ?? 0) > 0);
    this.#sweepAt = 2 * this.#entries.length + SWEEP_MARGIN;
  }

  #groupOf(id: JobId): Group | undefined {
    const entries = this.#entries;
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = entries[middle];
      if (entry === undefined || entry.first > id) high = middle;
      else low = middle + 1;
    }
    const entry = entries[low - 1];
    return entry === undefined ? undefined : groupIn(entry);
  }
}

function groupIn({ held, weak }: Entry): Group | undefined {
  return held ?? weak.deref();
}
