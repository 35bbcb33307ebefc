import type { Storage, StorageSupports } from "../../storage/storage.js";

/** One thing a store must do. */
export interface Case {
  readonly title: string;
  /** Only for stores that declare so; default all. */
  readonly when?: (supports: StorageSupports) => boolean;
  /** Gets a new, open store and need not close it. */
  readonly run: (storage: Storage) => Promise<void>;
}

export interface Section {
  readonly title: string;
  readonly cases: readonly Case[];
}
