// Writes beside each file of a folder what browsers take packed, `.br` and `.gz`, where that is smaller. `node pack.mjs FOLDER`
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const PACKED = /\.(css|html|ico|js|json|map|mjs|svg|txt|wasm|webmanifest|xml)$/;
/** Below this a packed answer is no faster. */
const SMALLEST = 512;

const files = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((it) =>
    it.isDirectory() ? files(join(folder, it.name)) : [join(folder, it.name)],
  );

for (const path of files(process.argv[2])) {
  if (/\.(br|gz)$/.test(path)) continue;
  const bytes = readFileSync(path);
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  for (const [ending, pack] of [
    [".br", () => brotliCompressSync(bytes, brotli)],
    [".gz", () => gzipSync(bytes, { level: 9 })],
  ]) {
    rmSync(path + ending, { force: true });
    if (!PACKED.test(path) || bytes.length < SMALLEST) continue;
    const packed = pack();
    if (packed.length < bytes.length) writeFileSync(path + ending, packed);
  }
}
