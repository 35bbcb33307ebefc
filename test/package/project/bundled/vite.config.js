import { defineConfig } from "vite";

export default defineConfig({
  build: {
    ssr: true,
    outDir: "out",
    rollupOptions: { input: { main: "main.js", jobs: "jobs.js" } },
  },
});
