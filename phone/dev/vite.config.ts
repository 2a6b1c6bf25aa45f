// The screens over the fake core. Never part of what is built for phones.
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { target: "es2022", outDir: "../dist-dev", emptyOutDir: true },
});
