// Every screen of the phone over the fake core, for pictures, accessibility checks and timings: its address, and what is done there
// before it is looked at. Serves `dist-dev`, which `vite build -c dev/vite.config.ts` makes.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { chromium } from "playwright-core";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

export async function serve() {
  const root = process.env.DIST ? new URL(`file://${process.env.DIST}/`) : new URL("../dist-dev/", import.meta.url);
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const name = path === "/" ? "index.html" : path.slice(1);
    try {
      const body = await readFile(new URL(name, root));
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--headless=new", "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"] });

const click = (selector) => async (page) => page.click(selector);
const pickFile = async (page) => {
  const png = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    canvas.width = 1600;
    canvas.height = 1200;
    const it = canvas.getContext("2d");
    const sky = it.createLinearGradient(0, 0, 0, 1200);
    sky.addColorStop(0, "#9cc4e4");
    sky.addColorStop(1, "#e8dcc4");
    it.fillStyle = sky;
    it.fillRect(0, 0, 1600, 1200);
    it.fillStyle = "#1b5e9c";
    it.fillRect(150, 250, 1300, 180);
    it.fillStyle = "#fff";
    it.font = "bold 110px sans-serif";
    it.fillText("BANCO HORIZONTE", 260, 380);
    it.fillStyle = "#4a5a70";
    it.fillRect(250, 520, 420, 520);
    it.fillRect(930, 520, 420, 520);
    it.fillStyle = "#c99b7a";
    it.beginPath();
    it.arc(800, 760, 90, 0, 7);
    it.fill();
    it.fillStyle = "#222";
    it.fillRect(765, 735, 20, 20);
    it.fillRect(815, 735, 20, 20);
    return canvas.toDataURL("image/png").split(",")[1];
  });
  await page.click("#i-Z02 .photos .button");
  await page.setInputFiles("dialog input[type=file]", { name: "foto.png", mimeType: "image/png", buffer: Buffer.from(png, "base64") });
  await page.waitForSelector("dialog canvas");
};

/** name, address after the origin, what is done there, whether a picture of it is kept for the docs. */
export const SCREENS = [
  ["starting", "?scene=starting"],
  ["unsupported", "?scene=unsupported"],
  ["stopped", "?scene=stopped"],
  ["enrol-whose", "?scene=open#/enrol"],
  ["enrol-again", "?scene=open#/enrol", click("text=conectar de nuevo")],
  ["elsewhere", "?scene=elsewhere"],
  ["people", "?scene=people"],
  ["enrol", "?scene=first"],
  ["enrol-link", "?scene=first#code=7K4M-9XQ2-TB3H"],
  ["enrol-pin", "?scene=first", async (page) => { await page.click("label.tick"); await page.click("button[type=submit]"); }],
  ["ios-gate", "?scene=first#code=7K4M-9XQ2-TB3H", null, { ios: true }],
  ["pin", "?scene=locked"],
  ["pin-wrong", "?scene=wrong"],
  ["broken", "?scene=broken"],
  ["home", "?scene=open"],
  ["home-offline-nag", "?scene=offline&nag=1"],
  ["home-empty", "?scene=empty"],
  ["home-many", "?scene=many", (page) => page.getByRole("button", { name: /más|more/ }).scrollIntoViewIfNeeded()],
  ["home-offered", "?scene=offers", (page) => page.locator(".card.off").scrollIntoViewIfNeeded()],
  ["home-update", "?scene=update", click("details.fold summary")],
  ["briefing", "?scene=open#/briefing/a1"],
  ["briefing-offered", "?scene=offers#/briefing/a1"],
  ["briefing-declining", "?scene=offers#/briefing/a1", async (page) => { await page.locator("section .row button").nth(1).click(); await page.locator("#decline-reason").evaluate((it) => it.scrollIntoView({ block: "center" })); }],
  ["briefing-citizen", "?scene=open#/briefing/a2"],
  ["adhoc", "?scene=open#/adhoc"],
  ["visit-begins", "?scene=open#/briefing/a1", async (page) => { await page.click(".bottom .button.main"); await page.waitForSelector(".moment"); }],
  ["visit-data", "?scene=open#/visit/v-draft/Z"],
  ["visit-arrival", "?scene=open#/visit/v-draft/A"],
  ["visit-wait", "?scene=open#/visit/v-draft/B", click("#i-B02 .button")],
  ["visit-scale", "?scene=open#/visit/v-draft/C"],
  ["visit-choice", "?scene=open#/visit/v-draft/D"],
  ["visit-comment", "?scene=open#/visit/v-draft/E"],
  ["visit-end", "?scene=open#/visit/v-draft/G"],
  ["visit-refused", "?scene=open#/visit/v-draft/A/A04", async (page) => { await page.fill("#i-A04 input", "25"); await page.press("#i-A04 input", "Tab"); await page.waitForSelector("#i-A04 .wrong"); }],
  ["visit-grave", "?scene=open#/visit/v-draft/E/E02", async (page) => { await page.click("#i-E02 .pick.bad"); await page.waitForSelector("dialog"); }],
  ["versions", "?scene=open#/versions/v-draft"],
  ["versions-sure", "?scene=open#/versions/v-draft", async (page) => { await page.click("section .button.wide"); await page.waitForSelector("[role=alert]"); }],
  ["outcome", "?scene=open#/outcome/v-draft"],
  ["outcome-told", "?scene=open#/outcome/v-draft", async (page) => { await page.click(".pick >> nth=0"); await page.fill("textarea", "Llegué a las diez y la puerta estaba cerrada."); await page.waitForTimeout(450); }],
  ["outcome-review", "?scene=open#/outcome/v-draft", async (page) => { await page.click(".pick >> nth=3"); await page.fill("textarea", "Había una pelea en la entrada y me retiré."); await page.waitForTimeout(450); await page.click(".bottom .button.main"); await page.waitForSelector(".screen.review .notice"); }],
  ["visit-sections", "?scene=open#/visit/v-draft/B", click(".bottom .button")],
  ["visit-returned", "?scene=open#/visit/v-returned"],
  ["visit-read-only", "?scene=open#/visit/v-done/A"],
  ["camera", "?scene=open#/visit/v-draft/Z/Z02", async (page) => { await page.click("#i-Z02 .photos .button"); await page.waitForSelector("dialog .button.main:not([aria-disabled])"); }],
  ["camera-denied", "?scene=open#/visit/v-draft/Z/Z02", async (page) => {
    await page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"))));
    await page.click("#i-Z02 .photos .button");
    await page.waitForSelector("dialog [role=alert]");
  }],
  ["photo-editor", "?scene=open#/visit/v-draft/Z/Z02", async (page) => {
    await pickFile(page);
    const box = await page.locator("dialog canvas").boundingBox();
    await page.mouse.click(box.x + box.width * 0.5, box.y + box.height * 0.63);
  }],
  ["photo-refused", "?scene=open#/visit/v-draft/Z/Z02", async (page) => { await pickFile(page); await page.evaluate(() => (globalThis.core.isFull = true)); await page.click("dialog .button.main"); await page.waitForSelector("dialog .notice"); }],
  ["photo-discard", "?scene=open#/visit/v-draft/Z/Z02", async (page) => { await pickFile(page); await page.click("dialog .dialog-head button >> nth=1"); await page.waitForSelector("dialog .danger"); }],
  ["photo-kept", "?scene=open#/visit/v-draft/Z/Z02", async (page) => { await pickFile(page); await page.click("dialog .button.main"); await page.waitForSelector("#i-Z02 .thumb img"); }],
  ["photo-large", "?scene=open#/visit/v-full/A", async (page) => { await page.goto(page.url().replace(/#.*/, "#/visit/v-returned/Z")); await page.click(".thumb-open"); await page.waitForSelector("dialog img"); }],
  ["visit-sound", "?scene=open#/visit/v-sound/A"],
  ["visit-sound-running", "?scene=open#/visit/v-sound/A", async (page) => {
    await page.click("#i-A01 .button:has-text('Grabar'), #i-A01 .button:has-text('Record')");
    await page.waitForSelector("#i-A01 .timer, #i-A01 .wrong");
  }],
  ["visit-sound-unkept", "?scene=open#/visit/v-sound/A", async (page) => {
    await page.evaluate(() => (globalThis.core.isFull = true));
    await page.setInputFiles("#i-A02 input[type=file]", { name: "precios.csv", mimeType: "text/csv", buffer: Buffer.from("a,b") });
    await page.locator("#i-A02 .notice").scrollIntoViewIfNeeded();
  }],
  ["visit-sound-not-permitted", "?scene=open#/visit/v-nosound/A"],
  ["review-missing", "?scene=open#/review/v-draft"],
  ["review-ready", "?scene=open#/review/v-full"],
  ["done", "?scene=offline#/done/v-draft"],
  ["done-sent", "?scene=sent#/done/v-full"],
  ["incident", "?scene=open#/incident/v-draft/leave", click(".picks .pick:first-of-type")],
  ["incident-kept", "?scene=offline#/incident/v-draft", async (page) => { await page.click(".picks .pick:last-of-type"); await page.click(".bottom .button.main"); await page.waitForSelector(".notice"); }],
  ["incident-sent", "?scene=open#/incident/", async (page) => { await page.click(".bottom .button.main"); await page.waitForSelector(".notice.good"); }],
  ["outbox", "?scene=open#/outbox"],
  ["outbox-error", "?scene=error#/outbox"],
  ["outbox-sending", "?scene=sending#/outbox"],
  ["outbox-empty", "?scene=empty#/outbox"],
  ["conflicts", "?scene=open#/conflicts"],
  ["settings", "?scene=update#/settings"],
  ["rescue", "?scene=open#/settings", async (page) => { await page.click("#rescue .button"); await page.waitForSelector("#rescue .notice.good"); await page.evaluate(() => document.querySelector("#rescue").scrollIntoView()); }],
  ["broken-rescued", "?scene=broken", async (page) => { await page.click("section .button.main"); await page.waitForSelector("section .notice.good"); }],
  ["forget", "?scene=open#/settings", async (page) => { await page.click("section .stack > button:last-of-type"); }],
  ["covert-list", "?scene=open", click(".hide")],
  ["covert-notes", "?scene=open", async (page) => { await page.evaluate(() => localStorage.setItem("veedor.look", "notes")); await page.reload(); await page.click(".hide"); }],
].map(([name, address, act = null, more = {}]) => ({ name, address, act, ...more }));

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1";

/** A fresh page that shows a screen, as set. */
export async function open(browser, origin, screen, { width = 360, height = 740, lang = "es", theme = "light", size = "s", forced = false, scale = 1, zone = "America/Mexico_City" } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: scale,
    locale: lang === "es" ? "es-MX" : "en",
    timezoneId: zone,
    reducedMotion: "reduce",
    forcedColors: forced ? "active" : "none",
    userAgent: screen.ios ? IPHONE : undefined,
    hasTouch: width < 800,
    isMobile: width < 800,
  });
  await context.addInitScript(([lang, theme, size]) => {
    localStorage.setItem("veedor.lang", lang);
    localStorage.setItem("veedor.theme", theme);
    localStorage.setItem("veedor.size", size);
  }, [lang, theme, size]);
  const page = await context.newPage();
  page.setDefaultTimeout(6000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(origin + screen.address);
  await page.waitForSelector(".screen, .note");
  await page.waitForTimeout(120);
  if (screen.act) await screen.act(page);
  await page.waitForTimeout(120);
  return { page, errors, close: () => context.close() };
}
