const { join } = require("node:path");
const { createEngine } = require("millrace");
const { fibonacci } = require("./jobs.cjs");

async function main() {
  const engine = createEngine({ jobs: join(__dirname, "jobs.cjs") });
  await engine.start();
  console.log(await engine.run(fibonacci, 35));
  await engine.stop();
}

main();
