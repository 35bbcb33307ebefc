/** A job that ends the whole process, again and again: it is found, and nobody else pays. */

import { createEngine } from "millrace";
import { sqliteStorage } from "millrace/sqlite";
import { expect, it } from "vitest";
import { runProcess } from "../integration/processes.js";
import { newFile } from "../sqlite-files.js";

const MOST_STARTS = 12;

it("gives up a job at its third death, alone, and runs all others", async () => {
  const path = newFile();
  const runs: (readonly string[])[] = [];
  for (let start = 0; start < MOST_STARTS && runs.at(-1)?.includes("drained") !== true; start += 1) {
    runs.push((await runProcess("poisoned.js", start === 0 ? [path, "first"] : [path])).lines);
  }
  expect(runs.at(-1)).toContain("drained");
  expect(runs.filter((lines) => lines.includes("poison"))).toHaveLength(3);
  // Told where it was given up, and once.
  expect(runs.flat().filter((line) => line.includes("dead"))).toEqual(["poison is dead: MILLRACE_CRASH_LOOP"]);
  const client = createEngine({ storage: sqliteStorage({ path }) });
  const { jobs } = await client.list({ limit: 100 });
  const dead = jobs.filter(({ state }) => state === "dead");
  expect(dead).toMatchObject([{ name: "poison", attempt: 1, error: { code: "MILLRACE_CRASH_LOOP" } }]);
  const good = jobs.filter(({ name }) => name === "good");
  expect(good).toHaveLength(9);
  for (const job of good) expect(job).toMatchObject({ state: "completed", attempt: 1 });
  await expect(client.job(dead[0]!.id).result()).rejects.toMatchObject({ code: "MILLRACE_CRASH_LOOP", jobName: "poison" });
  await client.stop();
}, 60_000);
