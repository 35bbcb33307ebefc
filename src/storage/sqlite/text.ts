/**
 * Text as SQLite can hold it: in UTF-8, which has no lone surrogates, and without NUL, where some read no further. They are written as
 * an escape character and four digits, so that two texts that differ still do so.
 */

const ESCAPE = "\u001b";
const NUL = "\0";

export function storable(text: string): string {
  if (!text.includes(ESCAPE) && !text.includes(NUL) && text.isWellFormed()) return text;
  return text.replaceAll(/[\0\u001b]|\p{Surrogate}/gu, (unit) => ESCAPE + unit.charCodeAt(0).toString(16).padStart(4, "0"));
}

export function asItWas(stored: string): string {
  if (!stored.includes(ESCAPE)) return stored;
  return stored.replaceAll(/\u001b([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
