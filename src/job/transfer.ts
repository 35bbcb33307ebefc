import { OptionsError } from "../errors.js";

/** Recognises the mark across two copies of this package. */
const mark: unique symbol = Symbol.for("millrace.transferred");

/** A job's result together with the buffers that are to be moved rather than copied. */
export interface Transferred<Value> {
  readonly value: Value;
  readonly buffers: readonly ArrayBuffer[];
  readonly [mark]: true;
}

/**
 * Returned by a job to move big buffers to whoever awaits the result, instead of copying them. Such a result is handed over
 * once and not retained.
 *
 * @throws OptionsError if `buffers` is not an array of `ArrayBuffer`s
 * @example return transfer({ pixels }, [pixels.buffer]);
 */
export function transfer<Value>(value: Value, buffers: readonly ArrayBuffer[]): Transferred<Value> {
  requireBuffers(buffers, "the second argument of transfer()");
  return { value, buffers, [mark]: true };
}

export function isTransferred(value: unknown): value is Transferred<unknown> {
  return typeof value === "object" && value !== null && mark in value;
}

/** @throws OptionsError */
export function requireBuffers(value: unknown, option: string): asserts value is readonly ArrayBuffer[] {
  if (!Array.isArray(value) || !value.every((buffer) => buffer instanceof ArrayBuffer)) {
    throw new OptionsError(`${option} must be an array of ArrayBuffers`);
  }
}
