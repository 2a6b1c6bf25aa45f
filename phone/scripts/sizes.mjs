// Says how much a phone loads to start for the first time, packed as an office packs it: `node scripts/sizes.mjs dist`.

import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const MOST_KILOBYTES = 600;
const folder = process.argv[2] ?? "dist";

function packed(content) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  return brotliCompressSync(content, { params }).length;
}

const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((it) => it.isFile())
  .map((it) => join(it.parentPath, it.name));
let all = 0;
for (const name of names.sort()) {
  const content = readFileSync(name);
  const bytes = extname(name) === ".png" ? content.length : packed(content);
  all += bytes;
  console.log(`${String(content.length).padStart(9)} ${String(bytes).padStart(8)} brotli  ${name}`);
}
console.log(`first load: ${(all / 1000).toFixed(1)} kB brotli, ${MOST_KILOBYTES} kB allowed`);
if (all > MOST_KILOBYTES * 1000) {
  console.warn("more than allowed");
}
