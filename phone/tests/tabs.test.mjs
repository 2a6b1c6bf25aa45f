// What happens to somebody's screens when there is more than one of them: a new version of the app, and a second tab, over the real
// buttons.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startFront } from "./support/front.mjs";
import { startOffice } from "./support/office.mjs";
import { Person } from "./support/person.mjs";
import { lookForUpdate } from "./support/phone.mjs";
import { anotherVersion } from "./support/version.mjs";

/** The app as it is served to people. */
const APP = process.env.VEEDOR_PHONE ?? new URL("../dist", import.meta.url).pathname;

let office;
let front;

before(async () => {
  office = await startOffice({ phone: APP });
  front = await startFront(office, APP);
});

after(async () => {
  await front.stop();
  await office.stop();
});

/** Runs with a person in the middle of a visit, one question of which is answered. */
async function inAVisit(work) {
  const auditor = await office.newAuditor();
  const person = await Person.make(office, front.address);
  try {
    await person.enrol(auditor.login);
    const visit = await person.begin();
    await person.page.locator("#i-Z01 input[type=time]").fill("10:30");
    await person.page.locator("#i-Z01.answered").waitFor();
    await work(person, visit);
  } finally {
    front.folder = APP;
    await person.remove();
  }
}

const pick = async (page, item, at) => {
  await page.locator(`#i-${item} .pick`).nth(at).click();
  await page.locator(`#i-${item}.answered`).waitFor();
  await page.locator(".saving").getByText("Guardado", { exact: true }).waitFor();
};
const isPicked = (page, item, at) => page.locator(`#i-${item} .pick input`).nth(at).isChecked();
const edition = (page) => page.evaluate(() => document.getElementById("app").dataset.edition ?? null);
/** Opens the visit from the first screen. */
const openVisit = async (page) => {
  await page.locator("a.card", { hasText: "respuesta" }).click();
  await page.locator("article.item").first().waitFor();
};

test("a new version shows nothing in a visit and loads nothing anew there; taken over its buttons it brings the visit back as it was", () =>
  inAVisit(async (person) => {
    const { page } = person;
    const newer = await anotherVersion(APP);
    try {
      await page.evaluate(() => (globalThis.isSamePage = true));
      front.folder = newer.folder;
      await lookForUpdate(page);
      await page.waitForFunction(async () => (await navigator.serviceWorker.getRegistration()).waiting !== null);
      const isUntouched = async () => {
        assert.ok(!/versión nueva|Actualizar/.test(await page.locator("body").innerText()));
        assert.deepEqual([await page.evaluate(() => globalThis.isSamePage), await edition(page)], [true, null]);
      };
      await isUntouched();
      await pick(page, "Z03", 1);
      await page.locator(".ends-here a").first().click();
      await pick(page, "A01", 0);
      await isUntouched();
      await person.pill("Al día");
      await page.locator(".bottom .button").first().click();
      await page.getByRole("dialog").getByRole("link", { name: "Revisar y entregar" }).click();
      await page.locator(".screen.review .bottom").waitFor();
      await isUntouched();

      await page.locator(".top").getByRole("link", { name: "Volver" }).click();
      await page.locator("article.item").first().waitFor();
      await page.locator(".top").getByRole("link", { name: "Volver" }).click();
      await page.locator(".notice", { hasText: "Hay una versión nueva de Veedor" }).getByRole("link", { name: "Ajustes" }).click();
      await page.getByText("Termine antes su visita: hay 1 en curso. Puede actualizar igual; lo guardado no se pierde.").waitFor();
      assert.deepEqual([await page.evaluate(() => globalThis.isSamePage), await edition(page)], [true, null], "until a person takes it");
      await page.getByRole("button", { name: "Actualizar" }).click();
      await page.waitForFunction(() => document.getElementById("app")?.dataset.edition === "2");
      await page.getByText("Tiene la última versión.").waitFor();

      await page.locator(".top").getByRole("link", { name: "Volver" }).click();
      await page.getByRole("heading", { name: "Sus visitas" }).waitFor();
      assert.equal(await page.getByText("Hay una versión nueva").count(), 0);
      await openVisit(page);
      assert.equal(await isPicked(page, "A01", 0), true, "where it was left");
      await page.locator(".ends-here a", { hasText: "Antes:" }).click();
      await page.locator("#i-Z03").waitFor();
      assert.equal(await isPicked(page, "Z03", 1), true);
      assert.equal(await page.locator("#i-Z01 input[type=time]").inputValue(), "10:30");
    } finally {
      await newer.remove();
    }
  }));

test("a second tab says that the app is open in another one, takes the visits over by its button, and the first one says so and takes them back", () =>
  inAVisit(async (person, visit) => {
    const first = person.page;
    const elsewhere = (page) => page.getByRole("heading", { name: "Veedor está abierto en otra pestaña" });
    const useHere = (page) => page.getByRole("button", { name: "Usarlo aquí" }).click();
    const second = await person.context.newPage();
    second.setDefaultTimeout(20_000);
    await second.goto(`${front.address}/app/`);
    await elsewhere(second).waitFor();
    assert.equal(await second.locator("a.card").count(), 0);
    // Whoever has them goes on undisturbed.
    await pick(first, "Z03", 0);
    assert.equal(await elsewhere(first).count(), 0);

    await useHere(second);
    await second.getByRole("heading", { name: "Sus visitas" }).waitFor();
    await elsewhere(first).waitFor();
    assert.equal(await first.locator("article.item").count(), 0, "nothing can be answered here");
    await openVisit(second);
    assert.equal(await isPicked(second, "Z03", 0), true);
    assert.equal(await second.locator("#i-Z01 input[type=time]").inputValue(), "10:30");
    await pick(second, "Z03", 2);

    await useHere(first);
    await first.locator("#i-Z03").waitFor();
    assert.equal(await isPicked(first, "Z03", 2), true, "what the other tab answered");
    await elsewhere(second).waitFor();
    await pick(first, "Z03", 1);
    await person.pill("Al día");
    const told = await office.call("GET", `/visits/${visit}`, null, "rita");
    const { answer, heads } = told.sections.flatMap((it) => it.items).find((it) => it.id === "Z03");
    assert.deepEqual([answer, heads ?? []], ["tarjeta", []], "the last answer, and no other beside it");
  }));
