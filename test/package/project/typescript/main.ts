import { createEngine } from "millrace";
import { fibonacci } from "./jobs.js";

const engine = createEngine({ jobs: new URL("./jobs.ts", import.meta.url) });
await engine.start();
const result: number = await engine.run(fibonacci, 35);
console.log(result);
await engine.stop();

// Types that were lost on the way would let these pass.
// @ts-expect-error the payload is a number
export const wrongPayload = (): unknown => engine.run(fibonacci, "35");
// @ts-expect-error the result is a number
export const wrongResult = (): Promise<string> => engine.run(fibonacci, 35);
