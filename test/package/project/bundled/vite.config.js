import { defineConfig } from "vite";

export default defineConfig({
  build: {
    ssr: true,
    outDir: "out",
    rollupOptions: { input: { server: "server.ts", jobs: "jobs.ts" } },
  },
});
