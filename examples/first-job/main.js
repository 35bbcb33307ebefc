import { createEngine } from "millrace";
import { fibonacci } from "./jobs.js";

const engine = createEngine({ jobs: new URL("./jobs.js", import.meta.url) });
await engine.start();
console.log(await engine.run(fibonacci, 35));
await engine.stop();
