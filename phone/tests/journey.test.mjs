// A whole visit as a person makes it, on the real screens in a real browser against a real office: with no network, killed in
// mid-typing, handed in, returned, corrected and approved.

import assert from "node:assert/strict";
import { mkdtemp, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { startOffice } from "./support/office.mjs";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** The app as it is served to people, by the office itself. */
const APP = process.env.VEEDOR_PHONE ?? new URL("../dist", import.meta.url).pathname;
const LONG = "La persona del mostrador saludó, miró a los ojos, explicó cada paso con calma y preguntó si quedaba alguna duda antes de despedirse.";

let office;
let profile;
let context;
let page;

before(async () => {
  office = await startOffice({ phone: APP });
  profile = await mkdtemp(join(tmpdir(), "veedor-journey-"));
  await start();
});

after(async () => {
  await context?.close().catch(() => undefined);
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  await office.stop();
});

async function start(isOffline = false) {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: PROGRAM,
    args: ["--no-sandbox"],
    viewport: { width: 360, height: 740 },
    locale: "es-MX",
    geolocation: { latitude: 19.4326, longitude: -99.1332, accuracy: 12 },
    permissions: ["geolocation"],
  });
  page = context.pages()[0];
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => console.error("page:", error));
  await context.setOffline(isOffline);
}

/** Power off, in the middle of whatever it does. */
async function kill() {
  const owner = await readlink(join(profile, "SingletonLock"));
  const closed = new Promise((resolve) => context.once("close", resolve));
  process.kill(Number(owner.split("-").at(-1)), "SIGKILL");
  await closed;
}

/** A picture as a camera gives it. */
const picture = () =>
  page.evaluate(async () => {
    const canvas = new OffscreenCanvas(2400, 1800);
    const draw = canvas.getContext("2d");
    for (let at = 0; at < 400; at += 1) {
      draw.fillStyle = `hsl(${(at * 37) % 360} 60% 50%)`;
      draw.fillRect((at * 131) % 2400, (at * 277) % 1800, 300, 200);
    }
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
    return [...new Uint8Array(await blob.arrayBuffer())];
  });

/** Waits for the pill to say so: sending takes its time where the machine is busy. */
async function pill(text) {
  const end = Date.now() + 60_000;
  while (!(await page.locator(".pill").innerText()).includes(text)) {
    assert.ok(Date.now() < end, `never "${text}": ${await page.locator("body").innerText()}`);
    await page.waitForTimeout(100);
  }
}

async function takePhoto(item) {
  const bytes = Buffer.from(await picture());
  await item.locator("input[type=file]").first().setInputFiles({ name: "foto.jpg", mimeType: "image/jpeg", buffer: bytes });
  await page.getByRole("button", { name: "Guardar foto" }).click();
  await item.locator("img, .thumb").first().waitFor();
}

/** Does what a question still asks for: its answer, then its comment, then its photos. */
async function fill(id) {
  const item = page.locator(`#i-${id}`);
  const demands = async () => (await item.locator(".demand").allInnerTexts()).join(" ");
  if (!(await item.evaluate((it) => it.classList.contains("answered")))) {
    if (await item.locator("input[type=time]").count()) {
      await item.locator("input[type=time]").fill("10:30");
    } else if (await item.locator(`#t-${id}`).count()) {
      await item.locator(`#t-${id}`).fill(LONG);
    } else if (await item.locator(".pick").count()) {
      await item.locator(".pick").first().click();
    } else if (await item.locator("input[inputmode]").count()) {
      await item.locator("input[inputmode]").fill("3");
    } else {
      await takePhoto(item);
    }
    await page.locator(`#i-${id}.answered`).waitFor();
  }
  if (await item.locator(`#t-${id}-comment`).count()) {
    await item.locator(`#t-${id}-comment`).fill(LONG);
    await item.locator(`#t-${id}-comment`).blur();
  }
  while (/foto/.test(await demands())) {
    await takePhoto(item);
  }
}

async function fillAll() {
  const visit = page.url().split("/visit/")[1].split("/")[0];
  for (let round = 0; round < 60; round += 1) {
    await page.evaluate((it) => (location.hash = `#/review/${it}`), visit);
    await page.locator(".bottom.one").waitFor();
    const missing = page.locator(".bottom.one a");
    if (!(await missing.count())) {
      return;
    }
    await missing.click();
    await page.locator("article.item").first().waitFor();
    const [, section, named] = page.url().split("/visit/")[1].split("/");
    const asked = await page.locator("article.item:not(.answered)").evaluateAll((all) => all.map((it) => it.dataset.item));
    for (const id of new Set([...asked, ...(named ? [named] : [])])) {
      // A question may go with an answer to another.
      if (await page.locator(`#i-${id}`).count()) {
        await fill(id);
      }
    }
    assert.ok(section);
  }
  assert.fail(`never complete: ${await page.locator("main").innerText()}`);
}

test("a visit is filled with no network, survives the power going off in mid-typing, and is handed in, returned, corrected and approved", async () => {
  const auditor = await office.newAuditor();
  await page.goto(`${office.address}/app/#code=${await office.newCode(auditor.login)}`);
  await page.getByLabel("Su nombre en este teléfono").fill("Ana");
  await page.getByRole("button", { name: "Conectar" }).click();
  await page.getByRole("heading", { name: "Sus visitas" }).waitFor();
  await page.locator("a.card").first().waitFor();
  await pill("Enviado");
  await page.evaluate(async () => (await navigator.serviceWorker.ready).active);

  await context.setOffline(true);
  await page.locator("a.card").first().click();
  await page.getByRole("button", { name: "Empezar visita" }).click();
  await page.locator("article.item").first().waitFor();
  await fillAll();
  await pill("Guardado en el teléfono");

  // In mid-typing: what stood still for a moment is kept, whatever happens to the phone then.
  const visit = page.url().split("/review/")[1];
  await page.evaluate((it) => (location.hash = `#/visit/${it}/Z`), visit);
  await page.locator("article.item").first().waitFor();
  const comment = page.locator("#i-Z03").getByRole("button", { name: "Comentar" });
  await comment.click();
  await page.locator("#t-Z03-comment").pressSequentially("Elegí la cuenta que más se ofrece", { delay: 5 });
  await page.getByText("Guardado", { exact: true }).waitFor();
  await page.waitForTimeout(600);
  await page.locator("#t-Z03-comment").pressSequentially(" y");
  await kill();

  await start(true);
  await page.goto(`${office.address}/app/`);
  await page.getByRole("heading", { name: "Sus visitas" }).waitFor();
  await page.evaluate((it) => (location.hash = `#/visit/${it}/Z`), visit);
  await page.locator("#t-Z03-comment").waitFor();
  assert.match(await page.locator("#t-Z03-comment").inputValue(), /^Elegí la cuenta que más se ofrece/);

  await fillAll();
  await page.getByRole("button", { name: "Entregar" }).click();
  await page.getByRole("link", { name: "inicio" }).or(page.locator(".stack a").first()).first().waitFor();
  await pill("Guardado en el teléfono");
  await context.setOffline(false);
  await pill("Enviado");

  const ask = (method, path, body) => office.call(method, path, body, "rita");
  const standing = await ask("GET", `/visits/${visit}`);
  assert.equal(standing.state, "submitted");
  await ask("POST", `/visits/${visit}/claim`, {});
  const deadline = new Date(Date.now() + 86_400_000).toISOString();
  const items = [
    { item: "A01", reason: "La foto no muestra el rótulo" },
    { item: "C04", reason: "Explique por qué" },
  ];
  await ask("POST", `/visits/${visit}/return`, { items, deadline });

  await page.evaluate(() => (location.hash = "#/"));
  // The app looks for news by itself when it is opened again.
  await page.reload();
  await page.getByText("Devuelta").first().waitFor();
  await page.locator("a.card").first().click();
  await page.locator("article.item.returned").first().waitFor();
  assert.match(await page.locator("article.item.returned .returned-why").first().innerText(), /La foto no muestra el rótulo/);
  const returned = page.locator("#i-A01");
  await returned.locator(".pick").nth(1).click();
  await page.waitForTimeout(500);
  await fillAll();
  await page.getByRole("button", { name: "Entregar" }).click();
  await pill("Enviado");
  await ask("POST", `/visits/${visit}/claim`, {});
  const approved = await ask("POST", `/visits/${visit}/approve`, {});
  assert.equal(approved.state, "approved");
  assert.match(approved.final, /^\d+\.\d\d$/);
  const sheet = JSON.stringify(await ask("GET", `/visits/${visit}`));
  assert.ok(sheet.includes("Elegí la cuenta que más se ofrece"), sheet.slice(0, 400));
});
