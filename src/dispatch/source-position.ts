/** From a position in what V8 runs to the one in what was written, by the source maps that scripts name. */

import { readFile, stat } from "node:fs/promises";
import { SourceMap, type SourceMapPayload } from "node:module";
import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Script, Scripts } from "./scripts.js";

/** Lines and columns count from 0. */
export interface SourcePosition {
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

export interface ScriptPosition {
  readonly scriptId: string;
  readonly line: number;
  readonly column: number;
}

export type PositionFinder = Pick<SourcePositions, "find">;

/** Leaves every position as it is. */
export const NO_MAPS: PositionFinder = { find: () => Promise.resolve(null) };

/** A larger map would hold up the main thread. */
const MAX_MAP_LENGTH = 4 * 1024 * 1024;

interface LoadedMap {
  readonly map: SourceMap;
  /** What the names of the sources are relative to. */
  readonly base: string;
}

interface RawMap extends SourceMapPayload {
  readonly sourceRoot: string;
}

export class SourcePositions {
  readonly #scripts: Scripts;
  readonly #maps = new Map<string, Promise<LoadedMap | null>>();

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
  }

  /** `null` when the script has no map, or none that can be used. Never throws. */
  async find({ scriptId, line, column }: ScriptPosition): Promise<SourcePosition | null> {
    try {
      const loaded = await this.#load(scriptId);
      if (loaded === null) return null;
      const entry = loaded.map.findEntry(line, column);
      if (!("originalSource" in entry) || typeof entry.originalSource !== "string") return null;
      return { url: sourceUrl(entry.originalSource, loaded), line: entry.originalLine, column: entry.originalColumn };
    } catch {
      return null;
    }
  }

  #load(scriptId: string): Promise<LoadedMap | null> {
    const known = this.#maps.get(scriptId);
    if (known !== undefined) return known;
    const loading = load(this.#scripts.get(scriptId));
    this.#maps.set(scriptId, loading);
    return loading;
  }
}

async function load({ url, sourceMapURL }: Script): Promise<LoadedMap | null> {
  // Base64 is a third longer than what it holds.
  if (sourceMapURL === "" || sourceMapURL.length > 1.5 * MAX_MAP_LENGTH) return null;
  const mapUrl = new URL(sourceMapURL, url === "" ? undefined : url);
  const text = await mapText(mapUrl);
  if (text === null) return null;
  return { map: new SourceMap(JSON.parse(text) as SourceMapPayload), base: mapUrl.protocol === "data:" ? url : mapUrl.href };
}

async function mapText(url: URL): Promise<string | null> {
  if (url.protocol === "data:") return inlineText(url.href);
  // A network is not asked: the answer is for now.
  if (url.protocol !== "file:") return null;
  const path = fileURLToPath(url);
  const { size } = await stat(path);
  return size > MAX_MAP_LENGTH ? null : readFile(path, "utf8");
}

function inlineText(href: string): string | null {
  const comma = href.indexOf(",");
  const isBase64 = href.slice(0, comma).endsWith(";base64");
  const data = href.slice(comma + 1);
  const text = isBase64 ? Buffer.from(data, "base64").toString() : decodeURIComponent(data);
  return text.length > MAX_MAP_LENGTH ? null : text;
}

function sourceUrl(source: string, { map, base }: LoadedMap): string {
  if (isAbsolute(source)) return pathToFileURL(source).href;
  const { sourceRoot } = map.payload as Partial<RawMap>;
  const root = sourceRoot === undefined || sourceRoot === "" ? "" : `${sourceRoot.replace(/\/$/, "")}/`;
  return new URL(root + source, base).href;
}
