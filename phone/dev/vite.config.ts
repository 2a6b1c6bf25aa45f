// The screens over the fake core, and the measure of what the screens weigh (`--mode weigh`: the screens alone). Never part of what
// is built for phones.
import { defineConfig } from "vite";

export default defineConfig(({ mode }) => ({
  root: import.meta.dirname,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build:
    mode === "weigh"
      ? { outDir: "../dist-weigh", emptyOutDir: true, rolldownOptions: { input: `${import.meta.dirname}/weigh.tsx` } }
      : { outDir: "../dist-dev", emptyOutDir: true },
}));
