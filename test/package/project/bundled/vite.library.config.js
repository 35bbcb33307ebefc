import { defineConfig } from "vite";

export default defineConfig({
  build: {
    ssr: true,
    outDir: "out",
    lib: { entry: { server: "server.ts", jobs: "jobs.ts" }, formats: ["es"] },
  },
});
