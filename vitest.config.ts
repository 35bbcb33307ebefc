import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    // The inspector and worker threads need a real main thread, which Vitest's own thread pool is not.
    pool: "forks",
    // Two cores: more parallel files only make real threads wait for each other.
    maxWorkers: 2,
    include: ["test/**/*.test.ts"],
    exclude: ["test/fixtures/**"],
    reporters: ["default", ["json", { outputFile: "node_modules/.vitest-report.json" }]],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    typecheck: { enabled: true, include: ["test/types/**/*.test-d.ts"], tsconfig: "./tsconfig.json" },
  },
});

export default config;
