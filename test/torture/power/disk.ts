/**
 * What a disk may hold after a loss of power: what was synced, and of the rest whatever was lucky. Harder than disks are: of each write
 * any of its sectors may be missing, each name in a folder may be as it was at any time since the folder was synced, and a file that was
 * synced has its name only if its folder was synced, too.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { Dice } from "../../sim/dice.js";
import type { DiskEvent } from "./log.js";

/** What a disk writes as a whole, or not at all. */
const SECTOR = 512;

export interface Loss {
  readonly dice: Dice;
  /** Of each piece that was not synced, to be lost. */
  readonly chance: number;
}

type FileChange = Extract<DiskEvent, { type: "write" | "truncate" }>;

class StoredFile {
  readonly #synced = new Bytes();
  #pending: FileChange[] = [];
  #syncing = 0;

  change(change: FileChange): void {
    this.#pending.push(change);
  }

  syncing(): void {
    this.#syncing = this.#pending.length;
  }

  synced(): void {
    for (const change of this.#pending.splice(0, this.#syncing)) this.#synced.apply(change);
    this.#syncing = 0;
  }

  afterLoss(loss: Loss): Buffer {
    const bytes = new Bytes(this.#synced);
    for (const change of this.#pending) {
      if (change.type === "truncate") {
        if (!loss.dice.chance(loss.chance)) bytes.apply(change);
      } else {
        for (const sector of sectors(change)) if (!loss.dice.chance(loss.chance)) bytes.apply(sector);
      }
    }
    return bytes.content();
  }
}

/** Bytes that grow in large steps. */
class Bytes {
  #buffer: Buffer;
  #size: number;

  constructor(other?: Bytes) {
    this.#buffer = Buffer.from(other?.content() ?? []);
    this.#size = this.#buffer.length;
  }

  apply(change: FileChange): void {
    if (change.type === "truncate") {
      this.#buffer.fill(0, Math.min(change.size, this.#buffer.length));
      this.#reserve(change.size);
      this.#size = change.size;
    } else {
      const end = change.at + change.bytes.length;
      this.#reserve(end);
      change.bytes.copy(this.#buffer, change.at);
      this.#size = Math.max(this.#size, end);
    }
  }

  #reserve(size: number): void {
    if (size > this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], Math.max(size, 2 * this.#buffer.length));
  }

  content(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }
}

type Write = Extract<DiskEvent, { type: "write" }>;

function* sectors({ type, file, at, bytes }: Write): Generator<Write> {
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + SECTOR - ((at + from) % SECTOR));
    yield { type, file, at: at + from, bytes: bytes.subarray(from, to) };
    from = to;
  }
}

type Entry = StoredFile | Folder;

/** What a name has meant, since it was last synced. */
interface Name {
  /** The first is what was synced. `undefined`: nothing. */
  readonly states: (Entry | undefined)[];
  syncing: number;
}

class Folder {
  readonly #names = new Map<string, Name>();

  get(name: string): Entry | undefined {
    return this.#names.get(name)?.states.at(-1);
  }

  set(name: string, entry: Entry | undefined): void {
    const known = this.#names.get(name);
    if (known === undefined) this.#names.set(name, { states: [undefined, entry], syncing: 0 });
    else known.states.push(entry);
  }

  syncing(): void {
    for (const name of this.#names.values()) name.syncing = name.states.length - 1;
  }

  synced(): void {
    for (const name of this.#names.values()) {
      name.states.splice(0, name.syncing);
      name.syncing = 0;
    }
  }

  save(target: string, loss: Loss): void {
    mkdirSync(target, { recursive: true });
    for (const [name, { states }] of this.#names) {
      const entry = afterLoss(states, loss);
      // What is in it is mapped, so that nobody sees it written; SQLite makes it anew.
      if (entry === undefined || name.endsWith("-shm")) continue;
      if (entry instanceof Folder) entry.save(join(target, name), loss);
      else writeFileSync(join(target, name), entry.afterLoss(loss));
    }
  }
}

function afterLoss<State>(states: readonly State[], { dice, chance }: Loss): State | undefined {
  let last = states.length - 1;
  while (last > 0 && dice.chance(chance)) last -= 1;
  return states[last];
}

export class Disk {
  readonly #path: string;
  readonly #root = new Folder();
  readonly #opened = new Map<number, Entry>();

  /** @param path of the folder that is looked at; it is empty, and cannot get lost */
  constructor(path: string) {
    this.#path = path;
  }

  apply(event: DiskEvent): void {
    switch (event.type) {
      case "create": {
        const file = new StoredFile();
        this.#opened.set(event.file, file);
        return this.#set(event.path, file);
      }
      case "open":
        return void this.#opened.set(event.file, this.#get(event.path));
      case "mkdir":
        return this.#set(event.path, new Folder());
      case "unlink":
        return this.#set(event.path, undefined);
      case "link":
        return this.#set(event.to, this.#get(event.from));
      case "rename":
        this.#set(event.to, this.#get(event.from));
        return this.#set(event.from, undefined);
      case "syncing":
      case "synced":
        return this.#opened.get(event.file)?.[event.type]();
      case "write":
      case "truncate": {
        const entry = this.#opened.get(event.file);
        if (entry instanceof StoredFile) entry.change(event);
      }
    }
  }

  save(target: string, loss: Loss): void {
    this.#root.save(target, loss);
  }

  #get(path: string): Entry {
    const found = path === this.#path ? this.#root : this.#folderOf(path).get(basename(path));
    if (found === undefined) throw new Error(`the log knows nothing of ${path}`);
    return found;
  }

  #set(path: string, entry: Entry | undefined): void {
    this.#folderOf(path).set(basename(path), entry);
  }

  #folderOf(path: string): Folder {
    let folder = this.#root;
    for (const name of relative(this.#path, dirname(path)).split("/").filter((part) => part !== "")) {
      const next = folder.get(name);
      if (!(next instanceof Folder)) throw new Error(`the log knows no folder of ${path}`);
      folder = next;
    }
    return folder;
  }
}
