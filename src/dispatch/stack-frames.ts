/** Frames of a stopped thread, written as in the stack of an Error. */

import type { PositionFinder } from "./source-position.js";

/** As the inspector tells of it, but for the script: lines and columns count from 0. */
export interface CallFrame {
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number };
}

export interface Frame extends CallFrame {
  /** Of the script; empty for code made from a string. */
  readonly url: string;
}

const MAX_FRAMES = 10;

/** `node:internal/…`, `node:fs`. */
const NODE = "node:";
const WASM = "wasm:";
const PISCINA = "/node_modules/piscina/";

/** This library, as built or as sources. */
const ROOT = new URL("../../", import.meta.url).href;
const OURS: readonly string[] = [`${ROOT}src/`, `${ROOT}workers/`];
/** But for the jobs of the pool suite, which are as anyone's. */
const NOT_OURS = `${ROOT}src/testing/`;

/** Neither Node's, nor ours, nor of the pool below us. */
export function isTheirs({ url }: Frame): boolean {
  return !isNodes(url) && !isOurs(url);
}

/** Innermost first. What lies below the user's code is ours and tells nothing; nor does what Node runs inside of it. */
export async function formatFrames(frames: readonly Frame[], positions: PositionFinder): Promise<string> {
  const lowest = frames.findLastIndex(isTheirs);
  const telling = lowest === -1 ? frames : frames.slice(0, lowest + 1).filter(({ url }) => !isNodes(url));
  const lines: string[] = [];
  for (const frame of telling.slice(0, MAX_FRAMES)) lines.push(await formatFrame(frame, positions));
  return lines.join("\n");
}

async function formatFrame({ functionName, url, location }: Frame, positions: PositionFinder): Promise<string> {
  const place = await placeOf({ url, location }, positions);
  return functionName === "" ? `    at ${place}` : `    at ${functionName} (${place})`;
}

async function placeOf({ url, location }: Pick<Frame, "url" | "location">, positions: PositionFinder): Promise<string> {
  const { scriptId, lineNumber: line, columnNumber: column = 0 } = location;
  // WebAssembly has no lines: V8 gives the offset in the module.
  if (url.startsWith(WASM)) return `${url}:0x${column.toString(16)}`;
  const source = (await positions.find({ scriptId, line, column })) ?? { url: url === "" ? "<anonymous>" : url, line, column };
  return `${source.url}:${source.line + 1}:${source.column + 1}`;
}

function isNodes(url: string): boolean {
  return url.startsWith(NODE);
}

function isOurs(url: string): boolean {
  return (OURS.some((root) => url.startsWith(root)) && !url.startsWith(NOT_OURS)) || url.includes(PISCINA);
}
