import { join } from "node:path";
import { createEngine } from "millrace";
import { primes } from "./jobs.js";

async function main() {
  const engine = createEngine({ jobs: join(__dirname, "jobs.cjs") });
  await engine.start();
  console.log(await engine.run(primes, 100_000));
  await engine.stop();
}

void main();
