/** Checks of user options that several rooms share. Each throws an `OptionsError` that names the option and what is allowed. */

import { OptionsError } from "../errors.js";
import { show } from "./duration.js";

/** Long enough for a path-like name, short enough for any index. */
const LONGEST_NAME = 256;

/** @throws OptionsError unless `value` is an object that has no other keys */
export function rejectUnknownKeys(value: unknown, known: readonly string[], where: string): void {
  requireObject(value, where);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new OptionsError(`${where} has no option ${show(key)}; it knows ${known.join(", ")}`);
  }
}

/** @throws OptionsError */
export function requireObject(value: unknown, where: string): asserts value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OptionsError(`${where} takes an object of options, but got ${show(value)}`);
  }
}

/** @throws OptionsError unless `value` is a signal or left out */
export function requireSignal(value: unknown): asserts value is AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) throw new OptionsError(`signal must be an AbortSignal, but is ${show(value)}`);
}

/** @throws OptionsError unless `value` is a function */
export function requireFunction(value: unknown, option: string): void {
  if (typeof value !== "function") throw new OptionsError(`${option} must be a function, but is ${show(value)}`);
}

/** @throws OptionsError unless `value` is a name: a string of 1 to 256 characters, none of them NUL */
export function requireName(value: unknown, option: string): asserts value is string {
  if (typeof value !== "string" || value.length === 0 || value.length > LONGEST_NAME || value.includes("\0") || !value.isWellFormed()) {
    throw new OptionsError(`${option} must be a string of 1 to ${LONGEST_NAME} characters, but is ${show(value)}`);
  }
}

/** @throws OptionsError unless `id` can be that of a job */
export function requireId(id: unknown): void {
  if (typeof id !== "string" || id === "") throw new OptionsError(`an id is a string, but this is ${show(id)}`);
}

/** @throws OptionsError unless `value` is a whole number from 0 (or `min`) upwards, or `Infinity` */
export function requireCount(value: unknown, option: string, min = 0): asserts value is number {
  if (value !== Infinity && !isCount(value, min)) {
    throw new OptionsError(`${option} must be a whole number from ${min}, or Infinity, but is ${show(value)}`);
  }
}

/** @throws OptionsError unless `value` is a finite whole number from `min` upwards */
export function requireFiniteCount(value: unknown, option: string, min = 0): asserts value is number {
  if (!isCount(value, min)) throw new OptionsError(`${option} must be a whole number from ${min}, but is ${show(value)}`);
}

function isCount(value: unknown, min: number): value is number {
  return Number.isInteger(value) && Number(value) >= min;
}
