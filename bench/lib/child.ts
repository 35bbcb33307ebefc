/** A piece of a benchmark in a process of its own, where its memory can be told from that of the rest. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface ChildOptions {
  /** Beside those of this process. */
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** @returns what the script says with `answer` */
export async function inChild<Answer>(script: URL, input: unknown, { execArgv = [], env = {} }: ChildOptions = {}): Promise<Answer> {
  const child = fork(fileURLToPath(script), [JSON.stringify(input)], { execArgv: [...process.execArgv, ...execArgv], env: { ...process.env, ...env } });
  const exit = once(child, "exit");
  let answered: { readonly answer: Answer } | undefined;
  child.once("message", (message) => (answered = { answer: message as Answer }));
  const [code, signal] = (await exit) as [number | null, string | null];
  if (answered === undefined) throw new Error(`${script.pathname} ended without an answer, by ${signal ?? `exit code ${code ?? "?"}`}`);
  return answered.answer;
}

/** In such a process: what it was asked. */
export function childInput(): unknown {
  return JSON.parse(process.argv[2] ?? "") as unknown;
}

/** In such a process: the last that it does. */
export function answer(value: unknown): void {
  process.send?.(value, () => process.disconnect());
}
