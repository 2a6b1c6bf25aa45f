// The reading order of every screen, from the browser's accessibility tree: what a screen reader says, in which order. Checked: each
// control has a name, one heading of the first level comes before all others, no level is left out, and the order goes down the page as the eye
// does. Written down for people in `docs/reading`. `npm run reading`;
// `--check` writes nothing.
import { execSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { launch, open, SCREENS, serve } from "./screens.mjs";

const isCheck = process.argv[2] === "--check";
const only = isCheck ? undefined : process.argv[2]?.split(",");
const CONTROLS = new Set(["button", "link", "textbox", "checkbox", "radio", "combobox", "slider", "spinbutton", "menuitem", "tab", "Date", "InputTime", "DisclosureTriangle"]);
const SILENT = new Set(["none", "generic", "InlineTextBox", "RootWebArea", "paragraph", "LineBreak", "LayoutTable", "Legend", "LabelText", "ListMarker"]);
/** Two things of one row may stand so much higher or lower than each other, pixels. */
const ROW_PX = 64;

/** Nodes as they are read: role, name, and where they are drawn. */
async function read(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("DOM.getDocument", { depth: 0 });
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const byId = new Map(nodes.map((it) => [it.nodeId, it]));
  const told = [];
  const walk = async (node, inDialog, level) => {
    if (!node) return;
    const role = node.role?.value ?? "";
    const name = (node.name?.value ?? "").replace(/\s+/g, " ").trim();
    const isDialog = inDialog || role === "dialog";
    const property = (wanted) => node.properties?.find((it) => it.name === wanted)?.value?.value;
    const isTold = !node.ignored && !SILENT.has(role) && (role !== "StaticText" || name !== "");
    if (isTold) {
      const box = node.backendDOMNodeId ? await session.send("DOM.getBoxModel", { backendNodeId: node.backendDOMNodeId }).catch(() => null) : null;
      const border = box?.model.border;
      told.push({
        role,
        name,
        level: property("level") ?? null,
        state: ["checked", "expanded", "disabled", "pressed", "invalid"].map((it) => [it, property(it)]).filter(([, it]) => it !== undefined && it !== "false" && it !== false).map(([it, value]) => (value === true || value === "true" ? it : `${it}=${value}`)),
        top: border ? Math.min(border[1], border[3], border[5]) : null,
        left: border ? Math.min(border[0], border[6]) : null,
        bottom: border ? Math.max(border[5], border[7]) : null,
        depth: level,
        inDialog: isDialog,
      });
    }
    // A control is read with its name; what it is made of is not read again.
    if (isTold && (CONTROLS.has(role) || role === "heading" || role === "img" || role === "image")) return;
    for (const id of node.childIds ?? []) await walk(byId.get(id), isDialog, isTold ? level + 1 : level);
  };
  await walk(nodes.find((it) => !it.parentId), false, 0);
  await session.detach();
  return told;
}

function problemsOf(all) {
  const modal = all.some((it) => it.role === "dialog");
  const told = modal ? all.filter((it) => it.inDialog) : all;
  const problems = [];
  for (const it of told) if (CONTROLS.has(it.role) && it.name === "") problems.push(`a ${it.role} without a name`);
  const headings = told.filter((it) => it.role === "heading");
  if (!modal && headings.filter((it) => it.level === 1).length !== 1) problems.push(`${headings.filter((it) => it.level === 1).length} headings of the first level`);
  if (!modal && headings[0]?.level !== 1) problems.push(`the first heading is of level ${headings[0]?.level}`);
  for (const [at, it] of headings.entries()) {
    const before = headings[at - 1];
    if (before && it.level > before.level + 1) problems.push(`from level ${before.level} to ${it.level} at "${it.name}"`);
  }
  const drawn = told.filter((it) => it.top !== null && it.bottom - it.top > 1 && it.left > -1_000 && (CONTROLS.has(it.role) || it.role === "heading"));
  for (const [at, it] of drawn.entries()) {
    const before = drawn[at - 1];
    if (before && it.top < before.top - ROW_PX) problems.push(`"${it.name}" is read after "${before.name}" and stands above it`);
  }
  return problems;
}

const line = (it) => `${"  ".repeat(Math.min(it.depth, 8))}${it.role === "StaticText" ? "" : `${it.role}${it.level ? ` ${it.level}` : ""}: `}${it.name}${it.state.length ? ` [${it.state.join(", ")}]` : ""}`;

if (!process.env.BUILT) execSync("npx vite build -c dev/vite.config.ts --logLevel error", { stdio: "inherit" });
const out = new URL("../docs/reading/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });
if (!only && !isCheck) for (const old of readdirSync(out)) rmSync(out + old);
const [server, browser] = [await serve(), await launch()];
let found = 0;
for (const screen of SCREENS) {
  if (only && !only.includes(screen.name)) continue;
  const { page, close } = await open(browser, server.url, screen);
  // Bars that stick stand elsewhere than in the flow of the page, and questions off the screen have only a guessed height.
  await page.addStyleTag({ content: ".top, .bottom { position: static !important; } .item { content-visibility: visible !important; }" });
  const told = await read(page);
  const problems = problemsOf(told);
  for (const it of new Set(problems)) console.log(`${screen.name}: ${it}`);
  found += problems.length;
  const modal = told.some((it) => it.role === "dialog");
  // Times and dates are of today.
  const text = told.filter((it) => !modal || it.inDialog).map(line).join("\n").replace(/\d{1,2}:\d{2}/g, "00:00").replace(/\b\d{1,2} (ene|feb|mar|abr|may|jun|jul|ago|sept?|oct|nov|dic)\b/g, "1 ene").replace(/\b(lun|mar|mié|jue|vie|sáb|dom) 1 ene/g, "lun 1 ene");
  if (!isCheck) writeFileSync(`${out}${screen.name}.txt`, `${text}\n`);
  await close();
}
await browser.close();
server.close();
console.log(`${only?.length ?? SCREENS.length} screens read, ${found} problems`);
process.exit(found > 0 ? 1 : 0);
