/** Engines and stores with one fault built in on purpose. A simulation that does not notice them proves nothing. */

import type { Death, Lane, PoolListener } from "../../src/dispatch/pool.js";
import type { Failure, JobId } from "../../src/job/job-record.js";
import type { Transition } from "../../src/job/lifecycle.js";
import { toWireError } from "../../src/protocol/wire-error.js";
import type { Storage } from "../../src/storage/storage.js";
import { listenerWith } from "../pool-listener.js";
import type { World } from "./world.js";

export interface Control {
  /** What is expected to be noticed. */
  readonly what: string;
  readonly storage: (storage: Storage, world: World) => Storage;
  /** What the engine hears of its lanes. */
  readonly listener: (listener: PoolListener) => PoolListener;
  /** Lanes that are to be killed live on. */
  readonly spares: boolean;
  /** Makes a SQLite file undo what the store writes. */
  readonly triggers: string;
}

export const NO_CONTROL: Control = { what: "nothing is broken", storage: (storage) => storage, listener: (listener) => listener, spares: false, triggers: "" };

export const CONTROLS: Readonly<Record<string, Control>> = {
  fence: {
    ...NO_CONTROL,
    what: "the fence is not checked: whoever completes a job that runs is believed",
    storage: (storage, { time }) => ({
      ...verbsOf(storage),
      complete: async (transitions) => {
        const rows = await storage.get(transitions.map(({ id }) => id), time.wall);
        return storage.complete(transitions.map((transition, index): Transition => ({ ...transition, fence: rows[index]?.fence ?? transition.fence })));
      },
    }),
  },
  blame: {
    ...NO_CONTROL,
    what: "whatever was on a dead lane is to blame, started or not",
    listener: onDeath((death) => ({ ...death, started: [...death.started, ...death.unstarted], unstarted: [] })),
  },
  "charge-all": {
    ...NO_CONTROL,
    what: "everything that ran on a dead lane is charged",
    listener: (listener) => listenerWith(listener, { gone: (lane, death) => goneWithAllCharged(listener, lane, death) }),
  },
  forgive: {
    ...NO_CONTROL,
    what: "whoever ended a lane is not charged",
    listener: onDeath((death) => {
      const { culprit, started, unstarted } = death;
      const isGuilty = (id: JobId): boolean => (culprit === null ? started.length === 1 : culprit !== "nobody" && culprit.id === id);
      return { ...death, started: started.filter((id) => !isGuilty(id)), unstarted: [...unstarted, ...started.filter(isGuilty)] };
    }),
  },
  together: {
    ...NO_CONTROL,
    what: "suspects run again like any other jobs, together",
    listener: onDeath((death) => {
      const { culprit, started, unstarted } = death;
      return culprit === null && started.length > 1 ? { ...death, started: [], unstarted: [...unstarted, ...started] } : death;
    }),
  },
  reuse: {
    ...NO_CONTROL,
    what: "lanes in an unknown state, or with a full heap, go on",
    listener: (listener) =>
      listenerWith(listener, {
        heapHigh: () => undefined,
        strayed: (lane, stray) => (stray.run === null ? undefined : listener.strayed(lane, stray)),
      }),
  },
  spare: { ...NO_CONTROL, what: "what goes on when it was asked to stop is not ended", spares: true },
  early: {
    ...NO_CONTROL,
    what: "jobs are handed out up to half a second before they are due",
    storage: (storage) => ({ ...verbsOf(storage), claim: (request) => storage.claim({ ...request, now: request.now + 500 }) }),
  },
  lose: {
    ...NO_CONTROL,
    what: "every tenth enqueue is acknowledged and not stored",
    storage: (storage) => {
      let calls = 0;
      return {
        ...verbsOf(storage),
        enqueue: async (jobs, now, limits) => {
          calls += 1;
          return calls % 10 === 0 ? jobs.map(({ id }) => ({ id, duplicate: false })) : storage.enqueue(jobs, now, limits);
        },
      };
    },
  },
  stall: {
    ...NO_CONTROL,
    what: "nobody is told when the next job is due",
    storage: (storage) => ({ ...verbsOf(storage), nextDueIn: async () => null, subscribe: () => () => undefined }),
  },
};

/** For runs on a SQLite file. */
export const FILE_CONTROLS: Readonly<Record<string, Control>> = {
  uncounted: {
    ...NO_CONTROL,
    what: "deaths of processes are not counted, so nobody is ever suspected",
    triggers: "CREATE TRIGGER uncounted AFTER UPDATE OF deaths ON jobs WHEN new.deaths > 0 BEGIN UPDATE jobs SET deaths = 0 WHERE seq = new.seq; END",
  },
  crowd: {
    ...NO_CONTROL,
    what: "whoever is suspected of the death of processes runs beside others",
    triggers: "CREATE TRIGGER crowd AFTER UPDATE OF alone ON jobs WHEN new.alone = 1 BEGIN UPDATE jobs SET alone = NULL WHERE seq = new.seq; END",
  },
  drift: {
    ...NO_CONTROL,
    what: "the count of completed jobs is one too low now and then",
    triggers: `CREATE TRIGGER drift AFTER UPDATE OF count ON counts WHEN new.state = 'completed' AND new.count = 5 BEGIN
      UPDATE counts SET count = 4 WHERE queue = new.queue AND name = new.name AND state = new.state; END`,
  },
  rollback: {
    ...NO_CONTROL,
    what: "what the owner before has completed last is undone when another takes over",
    triggers: `CREATE TRIGGER rollback AFTER UPDATE OF epoch ON owner BEGIN
      UPDATE jobs SET state = 'waiting', ready = 1, finished_at = NULL WHERE seq = (SELECT seq FROM jobs WHERE state = 'completed' ORDER BY finished_at DESC LIMIT 1); END`,
  },
};

function onDeath(change: (death: Death) => Death): Control["listener"] {
  return (listener) => listenerWith(listener, { gone: (lane, death) => listener.gone(lane, change(death)) });
}

function goneWithAllCharged(listener: PoolListener, lane: Lane, death: Death): void {
  const failure: Failure = { reason: "exit", error: toWireError(new Error("its thread has ended")), exitCode: null };
  for (const id of death.started) {
    listener.answered(lane, { id, outcome: { kind: "failed", failure, fatal: false, retryDelayMs: null }, tookMs: 1, progress: null });
  }
  listener.gone(lane, { ...death, started: [] });
}

function verbsOf(storage: Storage): Storage {
  return {
    name: storage.name,
    supports: storage.supports,
    open: () => storage.open(),
    close: () => storage.close(),
    enqueue: (jobs, now, limits) => storage.enqueue(jobs, now, limits),
    claim: (request) => storage.claim(request),
    complete: (transitions) => storage.complete(transitions),
    cancel: (ids, now) => storage.cancel(ids, now),
    change: (request) => storage.change(request),
    prune: (request) => storage.prune(request),
    own: (runner) => storage.own(runner),
    disown: (runner) => storage.disown(runner),
    reclaim: (request) => storage.reclaim(request),
    pause: (queue, paused) => storage.pause(queue, paused),
    saveSchedule: (schedule) => storage.saveSchedule(schedule),
    removeSchedule: (name) => storage.removeSchedule(name),
    tick: (request) => storage.tick(request),
    settings: () => storage.settings(),
    get: (ids, now) => storage.get(ids, now),
    list: (query) => storage.list(query),
    count: (now) => storage.count(now),
    nextDueIn: (now) => storage.nextDueIn(now),
    subscribe: (listener) => storage.subscribe?.(listener) ?? ((): void => undefined),
  };
}
