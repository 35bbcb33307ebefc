/** What becomes of a result that was moved to the main side, where nobody awaits it. */

import { decode, encode } from "../job/payload.js";
import type { Settlement } from "./completer.js";

/**
 * The same with the bytes of its result, which are copied for that: somebody may ask for it later, or in another engine of the storage.
 *
 * @param settlement of a run whose result was moved
 */
export function withKeptResult(settlement: Settlement): Settlement {
  const { outcome, transition } = settlement;
  if (outcome.kind !== "ok") return settlement;
  const result = encode(decode(outcome.result, "result"), { root: "result", maxBytes: Infinity });
  return { ...settlement, outcome: { kind: "ok", result }, transition: { ...transition, result: result.bytes, resultMoved: false } };
}
