// Minifies the JavaScript installed under node_modules while an HTTP server in the same process answers requests: first on the
// main thread, for 20 seconds, then the same files as Millrace jobs.
//
//   npm run demo                        or: node examples/minify/demo.js [--seconds 20] [--folder node_modules]

import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createEngine } from "millrace";
import { chooseFiles } from "./files.js";
import { ATTEMPTS, minifyFile, minifyJob } from "./jobs.js";
import { progressBar } from "./progress.js";
import { table } from "./table.js";
import { REQUESTS_PER_SECOND, startServer, underTraffic } from "./traffic.js";

const { values: args } = parseArgs({ options: { seconds: { type: "string", default: "20" }, folder: { type: "string" } } });
const seconds = Number(args.seconds);
if (!(seconds > 0)) throw new RangeError(`--seconds must be a number above 0, but is ${args.seconds}`);
const folder = args.folder ?? fileURLToPath(new URL("../../node_modules", import.meta.url));
// One for each core. The main thread has next to nothing to do, and shares them.
const threads = availableParallelism();

async function onMainThread(files) {
  const bar = progressBar("main thread");
  const outcomes = [];
  let retries = 0;
  const startedAt = performance.now();
  for (const { path } of files) {
    const elapsed = (performance.now() - startedAt) / 1_000;
    if (elapsed >= seconds) break;
    bar.show(Math.max(elapsed / seconds, outcomes.length / files.length), `${outcomes.length} files, ${elapsed.toFixed(1)} of ${seconds} s`);
    outcomes.push(await attemptAll(path, () => (retries += 1)));
  }
  bar.show(1, `${outcomes.length} files`);
  bar.end();
  return { outcomes, retries };
}

async function attemptAll(path, onRetry) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await minifyFile(path, attempt);
    } catch (error) {
      if (attempt === ATTEMPTS) return { refused: error.message };
      onRetry();
    }
  }
}

async function asJobs(engine, files) {
  const bar = progressBar("millrace   ");
  let done = 0;
  let retries = 0;
  const show = () => bar.show(done / files.length, `${done} of ${files.length} files, ${retries} retries`);
  const count = () => {
    done += 1;
    show();
  };
  engine.on("completed", count);
  engine.on("dead", count);
  engine.on("retrying", () => (retries += 1));
  show();
  const handles = await engine.enqueueMany(minifyJob, files.map(({ path }) => ({ path })));
  // What terser threw is the cause of the error that ends the job.
  const outcomes = await Promise.all(handles.map((handle) => handle.result().catch((error) => ({ refused: (error.cause ?? error).message }))));
  bar.end();
  return { outcomes, retries };
}

async function measure(title, server, work) {
  let costs;
  const { value, http } = await underTraffic(server, async () => {
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    const machineBefore = machineCpuSeconds();
    const done = await work();
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuSeconds = (user + system) / 1e6;
    costs = { seconds: (performance.now() - startedAt) / 1_000, cpuSeconds, othersCpuSeconds: machineCpuSeconds() - machineBefore - cpuSeconds };
    return done;
  });
  return { title, ...value, http, ...costs };
}

// What all cores together have worked since the machine was started.
function machineCpuSeconds() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1_000;
}

const candidates = await chooseFiles(folder);
console.log(`${candidates.length} files of ${folder}, ${threads} cores, Node ${process.version}, ${REQUESTS_PER_SECOND} HTTP requests/s from another process\n`);
const server = await startServer();
const engine = createEngine({ jobs: new URL("./jobs.js", import.meta.url), queues: { default: { threads } } });

const mainThread = await measure("main thread", server, () => onMainThread(candidates));
const files = candidates.slice(0, mainThread.outcomes.length);
const bootedAt = performance.now();
await engine.start();
const bootMs = performance.now() - bootedAt;
const millrace = await measure(`Millrace, ${threads} threads`, server, () => asJobs(engine, files));
await engine.stop();
server.close();

console.log(`\n${table([mainThread, millrace])}\n`);
console.log("CPU time is that of the server's process, with all its threads. Other processes are the client and whatever else the machine does.");
console.log(`Starting the engine took ${bootMs.toFixed(0)} ms, before its time counts.`);
for (const [index, outcome] of mainThread.outcomes.entries()) {
  if ("refused" in outcome) console.log(`Refused: ${files[index].name}: ${outcome.refused}`);
}

const different = files.filter((_, index) => JSON.stringify(mainThread.outcomes[index]) !== JSON.stringify(millrace.outcomes[index]));
console.log(different.length === 0 ? `Both ways gave the same output for all ${files.length} files.` : `DIFFERENT output for ${different.length} files:`);
for (const { name } of different) console.log(`  ${name}`);
if (different.length > 0) process.exitCode = 1;
