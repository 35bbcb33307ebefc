import { PayloadError } from "../errors.js";

/** A longer key would make the message unreadable. */
const MAX_SHOWN_KEY = 100;

/**
 * Why a value cannot be packed. It is thrown where the value is and collects the path on its way out, so that a walk
 * that finds nothing wrong spends nothing on paths.
 */
export class Refusal {
  readonly #reason: string;
  readonly #cause: { readonly thrown: unknown } | undefined;
  readonly #ofRoot: boolean;
  /** Innermost first. */
  readonly #segments: string[] = [];

  constructor(reason: string, options: { readonly segment?: string; readonly thrown?: unknown; readonly ofRoot?: boolean } = {}) {
    this.#reason = reason;
    this.#cause = "thrown" in options ? { thrown: options.thrown } : undefined;
    this.#ofRoot = options.ofRoot ?? false;
    if (options.segment !== undefined) this.#segments.push(options.segment);
  }

  /** About the value as a whole, wherever it was found out. */
  static ofRoot(reason: string): Refusal {
    return new Refusal(reason, { ofRoot: true });
  }

  /** What was thrown at the member `segment`, to be thrown on. Anything but a refusal comes from a getter or a Proxy. */
  static within(problem: unknown, segment: string): Refusal {
    const refusal = Refusal.#from(problem);
    if (!refusal.#ofRoot) refusal.#segments.push(segment);
    return refusal;
  }

  static toPayloadError(problem: unknown, root: string): PayloadError {
    const refusal = Refusal.#from(problem);
    const path = root + refusal.#segments.toReversed().join("");
    const message = `${path} cannot be serialised: ${refusal.#reason}`;
    return new PayloadError(message, { path, ...(refusal.#cause && { cause: refusal.#cause.thrown }) });
  }

  static #from(problem: unknown): Refusal {
    return problem instanceof Refusal ? problem : new Refusal("reading it throws", { thrown: problem });
  }
}

/** `.name`, `["two words"]` or `[Symbol(name)]` */
export function memberSegment(key: string | symbol): string {
  if (typeof key === "symbol") return `[${shorten(String(key)).toWellFormed()}]`;
  return /^[A-Za-z_$][\w$]{0,99}$/.test(key) ? `.${key}` : `[${JSON.stringify(shorten(key))}]`;
}

/** The value of a Map: `.get("key")`, or its place when the key is nothing that can be written in a line. */
export function mapSegment(key: unknown, index: number): string {
  if (typeof key === "string") return `.get(${JSON.stringify(shorten(key))})`;
  if (typeof key === "number" || typeof key === "boolean" || key === null) return `.get(${String(key)})`;
  return listSegment("values", index);
}

/** The element of a Set, or the key or value of a Map, by its place in iteration order. */
export function listSegment(list: "keys" | "values", index: number): string {
  return `.${list}()[${index}]`;
}

function shorten(key: string): string {
  return key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key;
}
