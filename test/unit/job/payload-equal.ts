/**
 * Where two values differ in a way that a receiver could notice, or `undefined`. Stricter than the usual deep equality:
 * numbers by `Object.is`, the same prototypes, the same order of keys, errors with all their parts.
 */
export function difference(left: unknown, right: unknown, path = "value"): string | undefined {
  if (Object.is(left, right)) return undefined;
  if (!isObject(left) || !isObject(right)) return `${path}: ${String(left)} is not ${String(right)}`;
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return `${path}: the prototypes differ`;
  if (left instanceof Date && right instanceof Date) return difference(left.getTime(), right.getTime(), `${path}.time`);
  if (left instanceof RegExp && right instanceof RegExp) {
    return difference([left.source, left.flags, left.lastIndex], [right.source, right.flags, right.lastIndex], path);
  }
  if (isBinary(left) && isBinary(right)) return difference(bytesOf(left), bytesOf(right), `${path}.bytes`);
  if (left instanceof Map && right instanceof Map) return difference([...left], [...right], `${path}.entries`);
  if (left instanceof Set && right instanceof Set) return difference([...left], [...right], `${path}.values`);
  if (left instanceof Error && right instanceof Error) return difference(errorParts(left), errorParts(right), path);
  return memberDifference(left, right, path);
}

function memberDifference(left: object, right: object, path: string): string | undefined {
  const keys = Object.keys(left);
  if (keys.join("\0") !== Object.keys(right).join("\0")) return `${path}: the keys differ`;
  for (const key of keys) {
    const found = difference(Object.getOwnPropertyDescriptor(left, key)?.value, Object.getOwnPropertyDescriptor(right, key)?.value, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function errorParts(error: Error): unknown[] {
  const hidden = ["name", "message", "stack", "cause", "errors"];
  const enumerable = Object.keys(error).filter((key) => !["name", "message", "stack", "cause"].includes(key) && !(key === "errors" && Array.isArray(Reflect.get(error, key))));
  return [
    ...hidden.map((key) => Reflect.get(error, key) as unknown),
    Object.hasOwn(error, "cause"),
    enumerable.map((key) => [key, Reflect.get(error, key) as unknown]),
  ];
}

type Binary = ArrayBuffer | ArrayBufferView;

function isBinary(value: object): value is Binary {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function bytesOf(value: Binary): string {
  return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") : Buffer.from(value).toString("hex");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
