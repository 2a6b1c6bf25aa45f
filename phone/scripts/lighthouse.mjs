// Lighthouse on the real app before anybody enrolled, served by a real office, as on a phone: slow 4G, the processor slowed to a quarter.
// `npm run lighthouse` after `cargo xtask phone`; wants VEEDOR_BIN and a network for the program itself. Fails below 0.95.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startOffice } from "../tests/support/office.mjs";

/** The newest that runs on Node 20; not among the dependencies, since nothing but this measure wants it. */
const LIGHTHOUSE = "lighthouse@12.8.2";
const LEAST = 0.95;
const CATEGORIES = ["performance", "accessibility", "best-practices"];

const office = await startOffice({ phone: process.env.VEEDOR_PHONE ?? new URL("../dist", import.meta.url).pathname });
const folder = await mkdtemp(join(tmpdir(), "veedor-lighthouse-"));
const report = join(folder, "report.json");
try {
  const flags = "--headless=new --no-sandbox --disable-dev-shm-usage";
  const words = [`${office.address}/app/`, "--quiet", "--output=json", `--output-path=${report}`, `--only-categories=${CATEGORIES}`, `--chrome-flags=${flags}`];
  const environment = { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? "/usr/bin/chromium" };
  await promisify(execFile)("npx", ["--yes", LIGHTHOUSE, ...words], { env: environment, maxBuffer: 1 << 26 });
  const { categories, audits } = JSON.parse(await readFile(report, "utf8"));
  for (const id of CATEGORIES) {
    const { score, auditRefs } = categories[id];
    console.log(`${score >= LEAST ? "kept" : "NOT KEPT"}: ${id} ${score} of ${LEAST}`);
    if (!(score >= LEAST)) process.exitCode = 1;
    for (const { id: audit, weight } of auditRefs) {
      const it = audits[audit];
      if (weight > 0 && it.score !== null && it.score < 1) console.log(`  ${it.title}: ${it.displayValue ?? it.score}`);
    }
  }
} finally {
  await office.stop();
  await rm(folder, { recursive: true });
}
