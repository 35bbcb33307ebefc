import { defineConfig } from "vite";

export default defineConfig({
  build: {
    ssr: true,
    outDir: "out",
    lib: { entry: { main: "main.js", jobs: "jobs.js" }, formats: ["es"] },
  },
});
