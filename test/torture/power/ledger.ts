/** What a program was told of its jobs, and may rely on. */

export interface Promised {
  /** The highest that was handed out; 0: none. */
  fence: number;
  end: "completed" | "cancelled" | null;
  /** `maybe`: that it be removed was asked for, and not yet acknowledged. */
  gone: "no" | "maybe" | "yes";
}

export class Ledger {
  readonly #jobs = new Map<string, Promised>();
  /** How often something was acknowledged. */
  count = 0;

  note(text: string): void {
    const [verb, ...words] = text.split(" ").filter((word) => word !== "");
    if (verb === "enqueued") for (const id of words) this.#jobs.set(id, { fence: 0, end: null, gone: "no" });
    else if (verb === "claimed") this.#change(words.slice(0, 1), { fence: Number(words[1]) });
    else if (verb === "completed" || verb === "cancelled") this.#change(words, { end: verb });
    else if (verb === "removing" || verb === "removed") this.#change(words, { gone: verb === "removed" ? "yes" : "maybe" });
    else throw new Error(`a note says "${text}"`);
    if (verb !== "removing") this.count += verb === "claimed" ? 1 : words.length;
  }

  #change(ids: readonly string[], change: Partial<Promised>): void {
    for (const id of ids) Object.assign(this.#jobs.get(id) ?? {}, change);
  }

  /** A copy, by id. */
  promised(): Readonly<Record<string, Promised>> {
    return Object.fromEntries([...this.#jobs].map(([id, promised]) => [id, { ...promised }]));
  }
}
