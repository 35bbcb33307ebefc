/** What the engines that were killed had said, kept by the conductor, which is never killed. */

export interface Ledger {
  /** Acknowledged as stored. */
  readonly enqueued: Set<string>;
  /** Acknowledged as completed. */
  readonly done: Set<string>;
  /** How often each was run. */
  readonly effects: Map<string, number>;
  /** Run though it was known to be completed. */
  readonly again: Set<string>;
}

export function newLedger(): Ledger {
  return { enqueued: new Set(), done: new Set(), effects: new Map(), again: new Set() };
}

export function note(ledger: Ledger, line: string): void {
  const [kind, id = ""] = line.split(" ");
  if (kind === "ENQ") ledger.enqueued.add(id);
  if (kind === "DONE") ledger.done.add(id);
  if (kind === "EFF") {
    ledger.effects.set(id, (ledger.effects.get(id) ?? 0) + 1);
    if (ledger.done.has(id)) ledger.again.add(id);
  }
}
