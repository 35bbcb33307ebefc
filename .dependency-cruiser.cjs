/** The import rules of docs/architecture.md. Broken, they break the build. */

/** A package that exactly one file may import. */
const onlyIn = (name, file) => ({
  name: `only-${file.replace(/\W+/g, "-")}-imports-${name}`,
  severity: "error",
  from: { pathNot: `^${file.replace(".", "\\.")}$` },
  to: { path: `node_modules/${name}/` },
});

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    onlyIn("piscina", "src/dispatch/piscina-threads.ts"),
    onlyIn("msgpackr", "src/job/payload.ts"),
    onlyIn("comlink", "src/protocol/host-api.ts"),
    onlyIn("better-sqlite3", "src/storage/sqlite/driver.ts"),
    {
      name: "the-ground-floor-knows-nobody",
      comment: "job, protocol, errors, clock, events and waiting know only each other",
      severity: "error",
      from: { path: "^src/(job/|protocol/|errors|clock|events|waiting)" },
      to: { path: "^(src|workers)/", pathNot: "^src/(job/|protocol/|errors|clock|events|waiting)" },
    },
    {
      name: "stores-know-jobs-only",
      severity: "error",
      from: { path: "^src/storage/" },
      to: { path: "^(src|workers)/", pathNot: "^src/(storage/|job/|protocol/|errors|clock|waiting)" },
    },
    {
      name: "rooms-do-not-know-each-other",
      comment: "client, scheduler and dispatch are joined by callbacks in rooms.ts and runner.ts",
      severity: "error",
      from: { path: "^src/(client|scheduler|dispatch)/" },
      to: { path: "^src/(client|scheduler|dispatch|engine|rooms|runner)", pathNot: "^src/$1/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "rooms-know-the-storage-contract-only",
      severity: "error",
      from: { path: "^src/(client|scheduler|dispatch)/" },
      to: { path: "^src/storage/", pathNot: "^src/storage/storage\\.ts$" },
    },
    {
      name: "threads-load-no-main-side",
      severity: "error",
      from: { path: "^workers/" },
      to: { path: "^src/", pathNot: "^src/(job/|protocol/|errors|clock)" },
    },
    {
      name: "jobs-entry-loads-no-pool-and-no-storage",
      severity: "error",
      from: { path: "^src/jobs\\.ts$" },
      to: { reachable: true, path: "(^src/(dispatch|storage|client|scheduler|engine)|node_modules/(piscina|comlink))" },
    },
    { name: "not-to-test", severity: "error", from: { path: "^(src|workers)/" }, to: { path: "^(test|bench|examples)/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node", "default"] },
  },
};
