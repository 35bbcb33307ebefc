/** What `npm run bench` is called with, and each benchmark that it starts. */

import { parseArgs } from "node:util";

export interface Command {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly json: boolean;
  readonly huge: boolean;
  /** A file of results. */
  readonly compare: string | undefined;
}

export function parseCommand(): Command {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      huge: { type: "boolean", default: false },
      compare: { type: "string" },
    },
  });
  return { names: positionals, ...values, compare: values.compare };
}
