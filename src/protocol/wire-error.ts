import { types } from "node:util";

/** An error as plain data: it crosses the thread boundary and is stored. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
  readonly code: string | number | null;
  readonly cause?: WireError;
  readonly errors?: readonly WireError[];
  readonly props?: Readonly<Record<string, unknown>>;
}

/** What an error is rebuilt from. `cause` counts as soon as it is present, even when it is `undefined`. */
export interface ErrorParts {
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  /** Own enumerable properties. */
  readonly props: readonly (readonly [key: string, value: unknown])[];
}

const FIELDS: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"]);

/** Whether a property travels as a field of its own. `errors` that is no list is a property like any other. */
export function isErrorField(key: string, errors: unknown): boolean {
  return key === "errors" ? isArray(errors) : FIELDS.has(key);
}

const MAX_TEXT = 8 * 1024;
const MAX_NAME = 256;
const MAX_CAUSE_DEPTH = 5;
const MAX_ERRORS = 10;
/** `errors` within `errors` multiply, so the whole tree has a limit too. */
const MAX_TREE = 50;
const MAX_PROPS_SIZE = 16 * 1024;
const MAX_PROPS_DEPTH = 4;
/** How much of a huge message stays in front of a stack, so that the frames behind it are kept. */
const MESSAGE_IN_STACK = 1024;

/**
 * Whatever was thrown, as plain data. It never throws, and the result is always small and serialisable: long texts are
 * shortened with a visible mark, at most 5 causes in a row and 10 `errors` are kept, and of the other own properties
 * only those that look like JSON, up to about 16 KiB.
 */
export function toWireError(thrown: unknown): WireError {
  try {
    return convert(thrown, { label: "Non-error thrown", ancestors: [], tree: { left: MAX_TREE } });
  } catch {
    // Every read is guarded, so only an exhausted stack or heap can end up here.
    return { name: "NonError", message: "Non-error thrown: a value that cannot be read", stack: null, code: null };
  }
}

/** The error that `toWireError` was given, as far as it was kept. */
export function fromWireError(wire: WireError): Error {
  const props = Object.entries(wire.props ?? {});
  return buildError({
    name: wire.name,
    message: wire.message,
    stack: wire.stack,
    ...(wire.cause === undefined ? undefined : { cause: fromWireError(wire.cause) }),
    ...(wire.errors === undefined ? undefined : { errors: wire.errors.map(fromWireError) }),
    props: wire.code === null ? props : [["code", wire.code], ...props],
  });
}

const BUILTINS: ReadonlyMap<string, new (message: string) => Error> = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((builtin) => [builtin.name, builtin]),
);

/** An error of the built-in class of that name, or an `Error` that is called so. */
export function buildError(parts: ErrorParts): Error {
  const Class = BUILTINS.get(parts.name) ?? Error;
  const error = parts.name === "AggregateError" ? new AggregateError([], parts.message) : new Class(parts.message);
  if (error.name !== parts.name) define(error, "name", { value: parts.name });
  // Without a stack of its own it must not show the one of this place.
  define(error, "stack", { value: parts.stack ?? undefined });
  if ("cause" in parts) define(error, "cause", { value: parts.cause });
  if (parts.errors !== undefined) define(error, "errors", { value: parts.errors });
  for (const [key, value] of parts.props) {
    if (!isErrorField(key, parts.errors)) define(error, key, { value, enumerable: true });
  }
  return error;
}

/** Defined rather than assigned: no setter runs and `__proto__` is a key like any other. */
function define(target: object, key: string, { value, enumerable = false }: { value: unknown; enumerable?: boolean }): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}

interface Conversion {
  /** What a value that is no error is called in its message. */
  readonly label: string;
  readonly ancestors: readonly unknown[];
  readonly tree: { left: number };
}

function convert(thrown: unknown, conversion: Conversion): WireError {
  conversion.tree.left -= 1;
  if (typeof thrown !== "object" || thrown === null) {
    return { name: "NonError", message: `${conversion.label}: ${describe(thrown)}`, stack: null, code: null };
  }
  const isError = isErrorObject(thrown);
  const own = read(thrown, "message");
  const message = typeof own === "string" ? own : isError ? "" : `${conversion.label}: ${describe(thrown)}`;
  const name = read(thrown, "name");
  const keepName = typeof name === "string" && name !== "" && (isError || typeof own === "string");
  const stack = read(thrown, "stack");
  return {
    name: keepName ? shorten(name, MAX_NAME) : isError ? "Error" : "NonError",
    message: shorten(message),
    stack: typeof stack === "string" ? shortenStack(stack, message) : null,
    code: codeOf(read(thrown, "code")),
    ...relatives(thrown, conversion),
    ...plainProps(thrown),
  };
}

function codeOf(code: unknown): string | number | null {
  if (typeof code === "string") return shorten(code, MAX_NAME);
  return typeof code === "number" ? code : null;
}

function relatives(thrown: object, { ancestors, tree }: Conversion): Pick<WireError, "cause" | "errors"> {
  const inner: Conversion = { label: "Non-error value", ancestors: [...ancestors, thrown], tree };
  if (inner.ancestors.length > MAX_CAUSE_DEPTH) return {};
  const result: { cause?: WireError; errors?: WireError[] } = {};
  const cause = read(thrown, "cause");
  if (cause !== undefined && tree.left > 0 && !inner.ancestors.includes(cause)) result.cause = convert(cause, inner);
  const errors = read(thrown, "errors");
  if (isArray(errors)) {
    const length = Math.min(Number(read(errors, "length")), MAX_ERRORS);
    result.errors = [];
    for (let index = 0; index < length && tree.left > 0; index += 1) {
      const item = read(errors, String(index));
      if (!inner.ancestors.includes(item)) result.errors.push(convert(item, inner));
    }
  }
  return result;
}

function plainProps(thrown: object): Pick<WireError, "props"> {
  const room: Room = { left: MAX_PROPS_SIZE };
  const errors = read(thrown, "errors");
  const skip = (key: string): boolean => key === "code" || isErrorField(key, errors);
  const props = isArray(thrown) ? undefined : plainObject(thrown, room, { depth: 1, skip });
  return props === undefined || Object.keys(props).length === 0 ? {} : { props };
}

/** Characters that may still be kept; every value takes some, so a wide value ends as surely as a long one. */
interface Room {
  left: number;
}

function plainObject(
  source: object,
  room: Room,
  { depth, skip }: { readonly depth: number; readonly skip?: (key: string) => boolean },
): Record<string, unknown> | undefined {
  const keys = attempt(() => Object.keys(source));
  if (keys === undefined) return undefined;
  const copy: Record<string, unknown> = {};
  for (const key of keys) {
    if (room.left <= 0) break;
    if (skip?.(key) === true) continue;
    room.left -= key.length;
    const value = plainCopy(read(source, key), room, depth);
    if (value !== undefined) define(copy, key.toWellFormed(), { value, enumerable: true });
  }
  return copy;
}

/** A JSON-like copy, or `undefined` for what is not kept. */
function plainCopy(value: unknown, room: Room, depth: number): unknown {
  room.left -= 8;
  if (room.left <= 0) return undefined;
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") {
    const text = shorten(value, Math.min(MAX_TEXT, room.left));
    room.left -= text.length;
    return text;
  }
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? value : undefined;
  if (typeof value !== "object" || depth >= MAX_PROPS_DEPTH) return undefined;
  if (types.isDate(value)) return attempt(() => new Date(Date.prototype.getTime.call(value)));
  if (isArray(value)) return plainArray(value, room, depth);
  return isPlainObject(value) ? plainObject(value, room, { depth: depth + 1 }) : undefined;
}

function plainArray(source: object, room: Room, depth: number): unknown[] {
  const copy: unknown[] = [];
  const length = Number(read(source, "length"));
  for (let index = 0; index < length; index += 1) {
    if (room.left <= 0) {
      copy.push(`… (${length - index} more items)`);
      break;
    }
    // As in JSON, what cannot be kept leaves `null`, so that the others keep their places.
    copy.push(plainCopy(read(source, String(index)), room, depth + 1) ?? null);
  }
  return copy;
}

function isPlainObject(value: object): boolean {
  const prototype = attempt(() => Object.getPrototypeOf(value) as unknown);
  return prototype === null || prototype === Object.prototype;
}

function isErrorObject(value: object): boolean {
  return types.isNativeError(value) || attempt(() => value instanceof Error) === true;
}

/** `Array.isArray` throws for a revoked Proxy. */
function isArray(value: unknown): value is readonly unknown[] {
  return attempt(() => Array.isArray(value)) === true;
}

function read(source: object, key: string): unknown {
  return attempt(() => Reflect.get(source, key) as unknown);
}

/** The result, or `undefined` when foreign code (a getter, a Proxy trap) threw. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** Cut to `limit` characters, with a mark that says how many are missing, and without lone surrogates. */
function shorten(text: string, limit: number = MAX_TEXT): string {
  if (text.length <= limit) return text.toWellFormed();
  const splitsPair = (text.charCodeAt(limit - 1) & 0xfc00) === 0xd800;
  const kept = splitsPair ? limit - 1 : limit;
  return `${text.slice(0, kept).toWellFormed()}… (${text.length - kept} more characters)`;
}

/** A stack begins with the message; a huge one must not push the frames out. */
function shortenStack(stack: string, message: string): string {
  if (stack.length <= MAX_TEXT || message.length <= MESSAGE_IN_STACK) return shorten(stack);
  const start = stack.slice(0, MAX_TEXT).indexOf(message.slice(0, MESSAGE_IN_STACK));
  if (start < 0 || !stack.startsWith(message, start)) return shorten(stack);
  return shorten(`${stack.slice(0, start)}${shorten(message, MESSAGE_IN_STACK)}${stack.slice(start + message.length)}`);
}

function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > MAX_TEXT ? `"${shorten(value)}"` : shorten(JSON.stringify(value));
    case "bigint":
      // Printing one of a million digits takes seconds.
      return BigInt.asIntN(64, value) === value ? `${value}n` : "a bigint";
    case "symbol":
      return shorten(String(value), MAX_NAME);
    case "function": {
      const name = read(value, "name");
      return typeof name === "string" && name !== "" ? `function ${shorten(name, MAX_NAME)}` : "a function";
    }
    case "object":
      return value === null ? "null" : describeObject(value);
    default:
      return String(value);
  }
}

function describeObject(value: object): string {
  if (isArray(value)) return "an array";
  const constructor = isPlainObject(value) ? undefined : read(value, "constructor");
  const name = typeof constructor === "function" ? read(constructor, "name") : undefined;
  return typeof name === "string" && name !== "" ? `an instance of ${shorten(name, MAX_NAME)}` : "an object";
}
