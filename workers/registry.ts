/** Which jobs this thread knows: loads the jobs module, once. */

import type { Job, Jobs } from "../src/job/define-job.js";
import { letTsxIn } from "./tsx.js";

export interface Registry {
  readonly jobs: ReadonlyMap<string, Job>;
  readonly module: Jobs;
}

/** @throws whatever the module throws, or an error that says what its default export should be */
export async function loadRegistry(jobsUrl: string): Promise<Registry> {
  letTsxIn();
  const namespace = (await import(jobsUrl)) as Readonly<Record<string, unknown>>;
  return toRegistry(findJobs(namespace));
}

export function toRegistry(module: Jobs): Registry {
  return { jobs: new Map(module.jobs.map((job) => [job.name, job])), module };
}

function findJobs(namespace: Readonly<Record<string, unknown>>): Jobs {
  const exported = namespace["default"];
  if (isJobs(exported)) return exported;
  // A CommonJS module that was compiled from `export default` has it one level deeper.
  const inner = typeof exported === "object" && exported !== null ? (exported as Readonly<Record<string, unknown>>)["default"] : undefined;
  if (isJobs(inner)) return inner;
  const names = Object.keys(namespace);
  const found = names.length === 0 ? "nothing" : names.join(", ");
  throw new Error(`a jobs module must have as its default export what defineJobs() returns, but this one exports ${found}`);
}

export function isJobs(value: unknown): value is Jobs {
  return typeof value === "object" && value !== null && (value as Partial<Jobs>).millrace === "jobs";
}
