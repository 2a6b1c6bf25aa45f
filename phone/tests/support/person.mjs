// A person with a phone in tests: a Chromium of the size of a phone with a profile of its own, and what is done on its screens.

import assert from "node:assert/strict";
import { mkdtemp, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Enough for every text and comment of the checklists. */
const LONG = "La persona del mostrador saludó, miró a los ojos, explicó cada paso con calma y preguntó si quedaba alguna duda antes de despedirse.";

export class Person {
  /** `address` is where the app is, where it is not the office's own; `permissions` is what the browser lets it do. */
  static async make(office, address = office.address, { permissions = ["geolocation", "camera"] } = {}) {
    const person = new Person();
    person.permissions = permissions;
    person.office = office;
    person.address = address;
    person.profile = await mkdtemp(join(tmpdir(), "veedor-person-"));
    await person.start();
    return person;
  }

  async start(isOffline = false, more = []) {
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: PROGRAM,
      args: ["--no-sandbox", "--use-fake-device-for-media-stream", ...more],
      viewport: { width: 360, height: 740 },
      locale: "es-MX",
      geolocation: { latitude: 19.4326, longitude: -99.1332, accuracy: 12 },
      permissions: this.permissions,
    });
    this.page = this.context.pages()[0];
    this.page.setDefaultTimeout(20_000);
    this.page.on("pageerror", (error) => console.error("page:", error));
    await this.context.setOffline(isOffline);
  }

  /** Power off, in the middle of whatever it does. */
  async kill() {
    const owner = await readlink(join(this.profile, "SingletonLock"));
    const closed = new Promise((resolve) => this.context.once("close", resolve));
    process.kill(Number(owner.split("-").at(-1)), "SIGKILL");
    await closed;
  }

  async remove() {
    await this.context.close().catch(() => undefined);
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Logs in by the link of a code, and waits until the visits are here and the app would start without a network. */
  async enrol(login, name = "Ana") {
    const { page, office, address } = this;
    await page.goto(`${address}/app/#code=${await office.newCode(login)}`);
    await page.getByLabel("Su nombre en este teléfono").fill(name);
    await page.getByRole("button", { name: "Conectar" }).click();
    await page.getByRole("heading", { name: "Sus visitas" }).waitFor();
    await page.locator("a.card").first().waitFor();
    await this.pill("Al día");
    await page.evaluate(async () => (await navigator.serviceWorker.ready).active);
  }

  /** Begins the first visit there is, and gives its id. */
  async begin() {
    const { page } = this;
    await page.locator("a.card").first().click();
    await page.getByRole("button", { name: "Empezar visita" }).click();
    await page.locator("article.item").first().waitFor();
    return page.url().match(/visit\/([^/]+)/)[1];
  }

  /** Hands in what is complete. */
  async handIn() {
    const leaving = this.page.getByRole("button", { name: "Ya salí: registrar" });
    // A visit that comes back has its departure.
    if (await leaving.count()) {
      await leaving.click();
      await this.page.locator(".moment", { hasText: /Salida: \d/ }).waitFor();
    }
    // Once: what was recorded on this screen is seen by whoever hands in.
    await this.page.getByRole("button", { name: "Entregar" }).click();
    await this.page.getByRole("heading", { name: "Visita entregada" }).waitFor();
  }

  go(hash) {
    return this.page.evaluate((it) => (location.hash = it), hash);
  }

  /** Waits for the pill to say so: sending takes its time where the machine is busy. */
  async pill(text) {
    const { page } = this;
    const end = Date.now() + 60_000;
    while (!(await page.locator(".pill").innerText()).includes(text)) {
      assert.ok(Date.now() < end, `never "${text}": ${await page.locator("body").innerText()}`);
      await page.waitForTimeout(100);
    }
  }

  /** A picture of the browser's made camera, and the editor's way out; two of them may be the same to the byte, since its clock starts with each. */
  async takePhoto(item) {
    const { page } = this;
    const before = await item.locator(".thumb").count();
    await item.getByRole("button", { name: /^Tomar (foto|otra)/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Capturar" }).and(page.locator(":not([aria-disabled])")).click();
    await page.getByRole("button", { name: "Guardar foto" }).click();
    await item.locator(".thumb").nth(before).waitFor();
  }

  /** A picture of the size that a phone's own camera makes, through the phone's camera. */
  async takeBigPhoto(item, comes = ".thumb") {
    const { page } = this;
    const before = await item.locator(comes).count();
    const picture = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(2400, 1800);
      const draw = canvas.getContext("2d");
      for (let at = 0; at < 6_000; at += 1) {
        // Never the same picture twice, which would be one.
        draw.fillStyle = `hsl(${Math.random() * 360} 60% 50%)`;
        draw.fillRect((at * 131) % 2400, (at * 277) % 1800, 40, 30);
      }
      const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
      return [...new Uint8Array(await blob.arrayBuffer())];
    });
    await item.getByRole("button", { name: /^Tomar (foto|otra)/ }).click();
    const file = { name: "foto.jpg", mimeType: "image/jpeg", buffer: Buffer.from(picture) };
    await page.getByRole("dialog").locator("input[type=file]").setInputFiles(file);
    await page.getByRole("button", { name: "Guardar foto" }).click();
    await item.locator(comes).nth(before).waitFor({ state: "attached" });
  }

  /** Says something beside an answer. */
  async comment(id, text) {
    const item = this.page.locator(`#i-${id}`);
    const field = this.page.locator(`#t-${id}-comment`);
    await item.waitFor();
    if (!(await field.count())) {
      await item.getByRole("button", { name: "Comentar" }).click();
    }
    await field.fill(text);
    await field.blur();
  }

  /** Does what a question still asks for: its answer, then its comment, then its photos. */
  async fill(id, photograph = (item) => this.takePhoto(item)) {
    const item = this.page.locator(`#i-${id}`);
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
        await photograph(item);
      }
      await this.page.locator(`#i-${id}.answered`).waitFor();
    }
    if (await item.locator(`#t-${id}-comment`).count()) {
      await item.locator(`#t-${id}-comment`).fill(LONG);
      await item.locator(`#t-${id}-comment`).blur();
    }
    while (/foto/.test(await demands())) {
      await photograph(item);
    }
  }

  /** Does whatever the review of the open visit says is missing, until it says nothing; stays there. */
  async fillAll(photograph) {
    const { page } = this;
    const visit = page.url().match(/(?:visit|review)\/([^/]+)/)[1];
    for (let round = 0; round < 60; round += 1) {
      await this.go(`#/review/${visit}`);
      await page.locator(".bottom.one").waitFor();
      const missing = page.locator(".bottom.one a");
      if (!(await missing.count())) {
        return visit;
      }
      await missing.click();
      await page.locator("article.item").first().waitFor();
      const named = page.url().split("/visit/")[1].split("/")[2];
      const open = await page.locator("article.item:not(.answered)").evaluateAll((all) => all.map((it) => it.dataset.item));
      for (const id of new Set([...open, ...(named ? [named] : [])])) {
        // A question may go with an answer to another.
        if (await page.locator(`#i-${id}`).count()) {
          await this.fill(id, photograph);
        }
      }
    }
    return assert.fail(`never complete: ${await page.locator("main").innerText()}`);
  }
}
