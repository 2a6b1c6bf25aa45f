// Accessibility of every screen: axe with the rules of WCAG 2.0 to 2.2 A and AA, in both languages, light and dark, at the narrowest
// width and a wide one; also targets of 48 px and no scrolling to the side at 320 px. `npm run axe`; with `--few`, as the tests run it,
// each screen in the first setting and in one of the others in turn.
import { execSync } from "node:child_process";
import { AxeBuilder } from "@axe-core/playwright";
import { launch, open, SCREENS, serve } from "./screens.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const SETS = [
  { width: 320, height: 640, lang: "es", theme: "light" },
  { width: 320, height: 640, lang: "en", theme: "dark" },
  { width: 320, height: 640, lang: "es", theme: "dark" },
  { width: 320, height: 640, lang: "en", theme: "light" },
  { width: 320, height: 640, lang: "es", theme: "contrast", size: "xl" },
  { width: 1280, height: 800, lang: "es", theme: "light" },
];
const few = process.argv[2] === "--few";
const only = few ? undefined : process.argv[2]?.split(",");
const LEAST_PX = 48;

/** Targets that are too small, but for links within a sentence. */
const small = (least) => {
  const seen = (it) => it.checkVisibility({ opacityProperty: false }) && !it.closest(".seen-not, .skip");
  const list = [];
  for (const it of document.querySelectorAll("a, button, input, select, textarea, summary")) {
    if (!seen(it) || (it.tagName === "A" && it.closest("p, .links")) || it.matches(".zone, .skip")) continue;
    const box = (it.closest("label") ?? it).getBoundingClientRect();
    if (box.width > 0 && (box.height < least - 0.5 || box.width < least - 0.5)) list.push(`${it.tagName} ${it.className || it.type} ${Math.round(box.width)}x${Math.round(box.height)}`);
  }
  return list;
};

if (!process.env.BUILT) execSync("npx vite build -c dev/vite.config.ts --logLevel error", { stdio: "inherit" });
const [server, browser] = [await serve(), await launch()];
let found = 0;
let checked = 0;
for (const [at, set] of SETS.entries()) {
  for (const [place, screen] of SCREENS.entries()) {
    if (few && at > 0 && 1 + (place % (SETS.length - 1)) !== at) continue;
    if (only?.[0] && !only.includes(screen.name)) continue;
    const where = `${screen.name} ${set.width} ${set.lang} ${set.theme}`;
    const { page, errors, close } = await open(browser, server.url, screen, set);
    // Bars that stick cover what is scrolled under them, and questions off the screen have only a guessed height: neither makes a
    // target small.
    await page.addStyleTag({ content: ".top, .bottom { position: static !important; } .item { content-visibility: visible !important; }" });
    const options = { runOnly: TAGS, rules: { "color-contrast-enhanced": { enabled: true } }, resultTypes: ["violations"] };
    const { violations } = await new AxeBuilder({ page }).options(options).analyze();
    const problems = violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html.slice(0, 110)).slice(0, 3).join(" | ")}`);
    problems.push(...(await page.evaluate(small, LEAST_PX)).map((it) => `small target ${it}`));
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) problems.push(`wider than the screen by ${over} px`);
    problems.push(...errors);
    for (const it of new Set(problems)) console.log(`${where}: ${it}`);
    found += problems.length;
    checked++;
    await close();
  }
}
await browser.close();
server.close();
console.log(`${checked} screens, ${found} problems`);
process.exit(found > 0 ? 1 : 0);
