// Pictures of every screen for the docs: `npm run screenshots`. With a folder as argument: all widths, colours and languages, to
// look at.
import { execSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { launch, open, SCREENS, serve } from "./screens.mjs";

const folder = process.argv[2];
const only = process.argv[3]?.split(",");
const SETS = folder
  ? { "360": {}, "320-en": { width: 320, height: 640, lang: "en" }, dark: { theme: "dark" }, contrast: { theme: "contrast" }, forced: { forced: true }, wide: { width: 1280, height: 800 }, zoom: { width: 320, height: 640, size: "xl" } }
  : { docs: {} };
const sets = process.argv[4]?.split(",") ?? Object.keys(SETS);

if (!process.env.BUILT) execSync("npx vite build -c dev/vite.config.ts --logLevel error", { stdio: "inherit" });
const [server, browser] = [await serve(), await launch()];
let failed = false;
for (const set of sets) {
  const out = folder ? `${folder}/${set}` : new URL("../docs/screens/", import.meta.url).pathname;
  mkdirSync(out, { recursive: true });
  for (const screen of SCREENS) {
    if (only?.[0] && !only.includes(screen.name)) continue;
    try {
      const { page, errors, close } = await open(browser, server.url, screen, SETS[set]);
      await page.screenshot({ path: `${out}/${screen.name}.png`, fullPage: !!process.env.FULL });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) console.log(`${set} ${screen.name}: wider than the screen by ${over} px`);
      for (const error of errors) console.log(`${set} ${screen.name}: ${error}`);
      await close();
    } catch (error) {
      failed = true;
      console.log(`${set} ${screen.name}: ${String(error).split("\n")[0]}`);
    }
  }
}
await browser.close();
server.close();
process.exit(failed ? 1 : 0);
