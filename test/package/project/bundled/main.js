import { createEngine } from "millrace";
import { primes } from "./jobs.js";

const engine = createEngine({ jobs: new URL("./jobs.js", import.meta.url) });
await engine.start();
console.log(await engine.run(primes, 100_000));
await engine.stop();
