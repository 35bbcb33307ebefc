/** What all engines of one simulated run share: the jobs, wherever they are. Each engine has a connection of its own to them. */

import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import type { Storage } from "../../src/storage/storage.js";
import { Journal } from "./ledger-storage.js";

/** What the process of an engine has of the storage. */
export interface Connection {
  readonly storage: Storage;
  /** The process is no more. */
  cut(): void;
}

export interface SharedStorage {
  /** For whoever looks on from outside, at any time. */
  readonly outside: Storage;
  /** In which order the work of calls was done. */
  readonly journal: Pick<Journal, "begin">;
  /** An engine without work may look at its clock now and then: so often within an hour, with all that belongs to it. */
  readonly stepsAtRest: number;
  /** @param kill ends the process of the connection, and the next one begins */
  connect(kill: () => void): Connection;
  /** Whoever of these runners is the owner is dead, or taken for dead, so that another one can take over. */
  giveUp(runners: Iterable<string>): void;
  /** Nobody uses it any more. @returns what is wrong with what is left, if anything is */
  end(): string | null;
}

export async function sharedMemory(): Promise<SharedStorage> {
  const storage = memoryStorage();
  await storage.open();
  return {
    outside: storage,
    journal: new Journal(),
    stepsAtRest: 400,
    connect: () => ({ storage, cut: () => undefined }),
    giveUp: (runners) => {
      for (const runner of runners) void storage.disown(runner);
    },
    end: () => null,
  };
}
