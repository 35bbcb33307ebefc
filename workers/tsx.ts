/** Brings tsx into a thread of a process that was started with it. */

import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** How tsx is named in Node's options: by its users, and by its own command. */
const TSX_OPTION = /^(?:--import=)?(tsx(?:\/esm)?|file:.*\/tsx\/dist\/(?:loader|esm\/index)\.mjs)$/;
/** From here on Node's hooks reach into threads, and `register` is on its way out. */
const FIRST_NODE_WITHOUT_NEED = 25;

/**
 * On older versions of Node, tsx asks to load TypeScript in the main thread only. So each thread has to ask again, and before
 * the first import: Node remembers a file that it could not load. Asking twice does no harm.
 */
export function letTsxIn(): void {
  if (parseInt(process.versions.node, 10) >= FIRST_NODE_WITHOUT_NEED) return;
  const options = [...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/)];
  const loader = options.map((option) => TSX_OPTION.exec(option)?.[1]).find((found) => found !== undefined);
  if (loader === undefined) return;
  // Node finds a package that is named in its options from the working directory.
  register("tsx/esm", loader.startsWith("file:") ? loader : pathToFileURL(join(process.cwd(), "_")), { data: {} });
}
