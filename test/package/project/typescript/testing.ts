import { createTestEngine, manualClock } from "millrace/testing";

const engine = createTestEngine({ jobs: () => import("./jobs.js"), clock: manualClock() });
await engine.stop();
