// Opens the stores that a loss of power has left, and says what is wrong with each: check.js <file with a list of { path, promised }>

import { readFileSync } from "node:fs";
import { sqliteStorage } from "millrace/sqlite";
import { openDatabase } from "../../../dist/src/storage/sqlite/driver.js";

const NOW = 1_800_000_000_000;
const MOST_IDS = 500;

for (const { path, promised } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  console.log(JSON.stringify(await problemsOf(path, promised).catch((error) => [`it cannot be used: ${error.message}`])));
}

async function problemsOf(path, promised) {
  const ids = Object.keys(promised);
  const storage = sqliteStorage({ path, minFreeSpace: 0 });
  await storage.open();
  const problems = [];
  for (let first = 0; first < ids.length; first += MOST_IDS) {
    const page = ids.slice(first, first + MOST_IDS);
    const rows = await storage.get(page, NOW);
    page.forEach((id, index) => problems.push(...problemsOfJob(id, promised[id], rows[index])));
  }
  // Whoever comes next can go on.
  await storage.own("next");
  await storage.reclaim({ runner: "next", queue: null, keep: [], now: NOW });
  const { payload, ...rest } = { payload: new Uint8Array([1]), id: "next", name: "job", queue: "default", attachments: [], priority: 0, maxRetries: 3 };
  const times = { backoff: null, timeoutMs: null, depth: 0, runAt: NOW, createdAt: NOW, unique: null, meta: {} };
  await storage.enqueue([{ ...rest, ...times, payload }], NOW);
  await storage.claim({ queue: "default", names: ["job"], limit: 10, runner: "next", now: NOW });
  await storage.close();
  return [...problems, ...problemsOfFile(path)];
}

function problemsOfJob(id, { fence, end, gone }, row) {
  if (row === undefined) return gone === "no" ? [`${id} is lost`] : [];
  if (gone === "yes") return [`${id} was removed, and is back`];
  const problems = [];
  if (row.fence < fence) problems.push(`${id} has the fence ${row.fence}, but ${fence} was handed out`);
  if (end !== null && row.state !== end) problems.push(`${id} was ${end}, and is ${row.state}`);
  return problems;
}

function problemsOfFile(path) {
  const database = openDatabase(path);
  try {
    const { integrity_check: integrity } = database.prepare("PRAGMA integrity_check").get();
    const counted = database.prepare("SELECT queue, name, state, count FROM counts WHERE count <> 0 ORDER BY queue, name, state").all();
    const real = database.prepare("SELECT queue, name, state, count(*) AS count FROM jobs GROUP BY queue, name, state ORDER BY queue, name, state").all();
    return [...(integrity === "ok" ? [] : [`integrity check: ${integrity}`]), ...(JSON.stringify(counted) === JSON.stringify(real) ? [] : ["the counts are wrong"])];
  } finally {
    database.close();
  }
}
