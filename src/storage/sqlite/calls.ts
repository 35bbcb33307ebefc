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

/** `owned`: what the thread before this one owned. */
export type ToStore =
  | Call
  | { readonly id: number; readonly verb: "open"; readonly args: readonly [owned: Owned | null] }
  | { readonly id: number; readonly verb: "close"; readonly args: readonly [] };

/** `error`: the message of a `StorageError`, and what it came from. */
export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: { readonly message: string; readonly cause: unknown } };

/** What one transaction brought. */
export interface FromStore {
  readonly changes: readonly StorageChange[];
  readonly answers: readonly Answer[];
}

/** What the thread is started with. */
export interface StoreOptions {
  readonly path: string;
  readonly durability: "full" | "relaxed";
  /** In bytes. */
  readonly minFreeSpace: number;
}
