// How the phone's pages are put together: the page, its worker with the wasm, and the service worker with the list of all of it.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { defineConfig, type Plugin } from "vite";

const BASE = "/app/";
const SERVICE_WORKER = "sw.js";

const hash = (algorithm: string, content: string | Uint8Array) => createHash(algorithm).update(content);

function filesUnder(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });
}

/** Tells the service worker which files there are, with their hashes. */
function listFiles(): Plugin {
  let publicFolder = "";
  return {
    name: "list-files",
    enforce: "post",
    configResolved(config) {
      publicFolder = config.publicDir;
    },
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const made = Object.values(bundle)
          .filter((it) => it.fileName !== SERVICE_WORKER)
          .map((it) => [it.fileName, it.type === "chunk" ? it.code : it.source] as const);
        const copied = filesUnder(publicFolder).map((it) => [relative(publicFolder, it), readFileSync(it)] as const);
        const files = [...made, ...copied]
          .map(([name, content]) => [
            name === "index.html" ? BASE : BASE + name,
            `sha256-${hash("sha256", content).digest("base64")}`,
          ])
          .sort();
        const worker = bundle[SERVICE_WORKER];
        if (worker?.type !== "chunk") {
          throw new Error("there is no service worker in the bundle");
        }
        const list = JSON.stringify(files);
        const version = hash("sha256", list).digest("hex").slice(0, 16);
        worker.code = `const FILES=${list},VERSION="${version}";${worker.code}`;
      },
    },
  };
}

export default defineConfig({
  base: BASE,
  define: { __VERSION__: JSON.stringify(process.env.npm_package_version) },
  plugins: [listFiles()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    modulePreload: false,
    // Under `default-src 'self'` nothing may be loaded from a `data:` address.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { app: "index.html", sw: "src/sw.ts" },
      output: { entryFileNames: (chunk) => (chunk.name === "sw" ? SERVICE_WORKER : "assets/[name]-[hash].js") },
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});
