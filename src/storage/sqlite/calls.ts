/** What the main side and the storage's thread say to each other. */

import type { Storage, StorageChange } from "../storage.js";
import type { Owned } from "./owner.js";

/** Those that are passed on to the thread. `open` and `close` are its begin and its end. */
export type Verb = Exclude<keyof Storage, "name" | "supports" | "subscribe" | "open" | "close">;

export interface CallOf<Name extends Verb> {
  readonly id: number;
  readonly verb: Name;
  readonly args: Parameters<Storage[Name]>;
}

export type Call = { [Name in Verb]: CallOf<Name> }[Verb];

/** They also work for somebody who has lost the file to another owner, and while nothing can be written. */
const READS: ReadonlySet<Verb> = new Set<Verb>(["get", "list", "count", "nextDueIn", "settings"]);

export function isRead({ verb }: Call): boolean {
  return READS.has(verb);
}

/** As of when a call reads jobs; `null` if it does something else. */
export function timeOfRead(call: Call): number | null {
  switch (call.verb) {
    case "get":
      return call.args[1];
    case "list":
      return call.args[0].now;
    case "count":
    case "nextDueIn":
      return call.args[0];
    default:
      return null;
  }
}

/** What the thread before this one knew. */
export interface Former {
  readonly owned: Owned | null;
  /** How much it had told of what others did; `null` if there was none. */
  readonly told: number | null;
}

export type ToStore =
  | Call
  | { readonly id: number; readonly verb: "open"; readonly args: readonly [former: Former] }
  | { readonly id: number; readonly verb: "close"; readonly args: readonly [] };

/** `error`: the message of a `StorageError`, and what it came from. */
export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: { readonly message: string; readonly cause: unknown } };

/** What one transaction brought. */
export interface FromStore {
  readonly changes: readonly StorageChange[];
  readonly answers: readonly Answer[];
  /** How much has been told of what others did. */
  readonly told: number | null;
}

/** What the thread is started with. */
export interface StoreOptions {
  readonly path: string;
  readonly durability: "full" | "relaxed";
  /** In bytes. */
  readonly minFreeSpace: number;
}
