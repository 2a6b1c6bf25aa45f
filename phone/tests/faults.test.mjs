// What goes wrong around people on the real screens: the line, the office, the disk, the clock, and a phone that is shared.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startFront } from "./support/front.mjs";
import { startOffice } from "./support/office.mjs";
import { Person } from "./support/person.mjs";
import { withClock, withoutVault } from "./support/version.mjs";

/** The app as it is served to people. */
const APP = process.env.VEEDOR_PHONE ?? new URL("../dist", import.meta.url).pathname;
/** The same app, whose core tells tests what it holds. */
const TOLD_APP = new URL("../dist-test", import.meta.url).pathname;
/** In the middle of what the line is cut, ten times: the first four go with all that was answered. */
const CUTS = ["edits", "reply", "edits", "reply", "photo", "photo", "edits", "reply", "photo", "photo"];

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

/** Runs with a person behind the line that tests play with; their phone is taken away afterwards. */
async function withPerson(work, folder = APP) {
  const auditor = await office.newAuditor();
  front.folder = folder;
  const person = await Person.make(office, front.address);
  try {
    await person.enrol(auditor.login);
    await work(person, auditor);
  } finally {
    front.line = null;
    front.network = "on";
    front.folder = APP;
    await person.remove();
  }
}

/** A visit as a reviewer sees it. */
const seen = (visit) => office.call("GET", `/visits/${visit}`, null, "rita");
const photosOf = (told) => told.sections.flatMap((it) => it.items).flatMap((it) => it.photos ?? []);

/** What of a visit the phone holds, as its core says. */
async function heldOf(person, visit) {
  const { items } = await person.page.evaluate((it) => globalThis.veedor.core.ask({ ask: "open", visit: it }), visit);
  const visible = items.filter((it) => it.visible);
  return Object.fromEntries(visible.map((it) => [it.id, { answer: it.json === null ? null : JSON.parse(it.json), comment: it.comment, photos: it.photos.map((photo) => photo.blob).sort() }]));
}

/** The same as a reviewer sees it. */
function thereOf(told, ids) {
  const items = told.sections.flatMap((it) => it.items).filter((it) => ids.includes(it.id));
  return Object.fromEntries(items.map((it) => [it.id, { answer: it.answer, comment: it.comment ?? null, photos: [...(it.photos ?? [])].sort() }]));
}

/** How many operations of somebody's one phone the office has. */
async function opsOf(auditor) {
  const { items } = await office.call("GET", `/devices?user=${auditor.id}`, null, "olga");
  assert.deepEqual(items.map((it) => [it.forked, it.runs_beside]), [[false, 0]]);
  return items[0].ops;
}

/** Fills a visit with no network: forty answers and six photos, or a few more, and hands it in. */
async function fortyAndSix(person) {
  const visit = await person.begin();
  await person.fillAll((item) => person.takeBigPhoto(item));
  const photos = async () => Number(await person.page.locator(".counts dd").nth(1).innerText());
  const missing = 6 - (await photos());
  for (const id of ["A01", "A02", "C01", "C02", "C03", "G01", "G02"]) {
    await person.go(`#/visit/${visit}/${id[0]}/${id}`);
    await person.comment(id, `Así fue en ${id}, hasta donde se vio desde la fila.`);
  }
  await person.go(`#/visit/${visit}/Z/Z02`);
  for (let at = 0; at < missing; at += 1) {
    await person.takeBigPhoto(person.page.locator("#i-Z02"));
  }
  await person.go(`#/review/${visit}`);
  await person.handIn();
  return visit;
}

/** Taps "send now" until all is sent: a line that was cut is no line for a while, and a person who waits for it taps. */
async function sendAll(person) {
  await person.go("#/outbox");
  const end = Date.now() + 240_000;
  while (!(await person.page.locator(".pill").innerText()).includes("Al día")) {
    assert.ok(Date.now() < end, await person.page.locator("body").innerText());
    await person.page.getByRole("button", { name: "Enviar ahora" }).click({ timeout: 1_000 }).catch(() => undefined);
    await person.page.waitForTimeout(500);
  }
}

test("forty answers and six photos go over a slow line that is cut ten times, in exchanges, in replies and in photos, with nothing lost or doubled and at most one part sent anew per cut", () =>
  withPerson(async (person, auditor) => {
    front.network = "off";
    const visit = await fortyAndSix(person);
    const held = await heldOf(person, visit);
    const given = Object.values(held).flatMap((it) => [it.answer, it.comment]).filter((it) => it !== null);
    assert.ok(given.length >= 40, `${given.length} answers`);
    // Of the store itself: what stands on the screen comes a moment later.
    const { edits } = await person.page.evaluate(async () => (await globalThis.veedor.core.ask({ ask: "outbox" })).sync);
    const opsBefore = await opsOf(auditor);

    // Slow 4G as browsers' tools have it.
    front.line = { upBytesPerSecond: 93_750, downBytesPerSecond: 200_000, delayMs: 75, cuts: [...CUTS], cutEvery: 150_000 };
    Object.assign(front, { photoBytes: 0, cut: [], network: "on" });
    await sendAll(person);
    assert.deepEqual(front.cut.map((it) => it.what), CUTS, "every cut happened");
    const [first, , third] = front.cut.map((it) => it.size);
    // Packed, and with the clock of that moment.
    assert.ok(first > 1_000 && Math.abs(third - first) < 50, "what the office took before the line was cut goes again");
    const told = await seen(visit);
    assert.equal(told.state, "submitted");
    assert.deepEqual(thereOf(told, Object.keys(held)), held, "each answer, comment and photo is there as it is here");
    assert.equal((await opsOf(auditor)) - opsBefore, edits, "and was written once");
    assert.deepEqual([told.conflicts ?? [], told.late ?? [], told.unknown_fields ?? []], [[], [], []]);
    assert.equal(told.submissions.length, 1);

    const photosThere = photosOf(told);
    assert.ok(photosThere.length >= 6);
    assert.equal(new Set(photosThere).size, photosThere.length, "each photo once");
    const sizes = photosThere.map((it) => front.photos.get(`/sync/v1/blobs/${it}`));
    const size = sizes.reduce((all, it) => all + it, 0);
    for (const [at, it] of photosThere.entries()) {
      const found = await office.original(visit, it, "rita");
      assert.equal(found.length, sizes[at], "every byte is there");
    }
    const resent = front.photoBytes - size;
    const cutParts = front.cut.filter((it) => it.what === "photo").reduce((all, it) => all + it.size, 0);
    console.log(`# ${given.length} answers, ${edits} edits, ${sizes.length} photos of ${size} bytes; cut: ${JSON.stringify(front.cut)}; ${front.photoBytes} bytes of photos sent, ${resent} of them anew; cut parts ${cutParts}`);
    assert.ok(resent <= cutParts, `${resent} bytes were sent anew`);
  }, TOLD_APP));

test("an office whose power goes off while photos come in has them all once it is back", () =>
  withPerson(async (person) => {
    front.network = "off";
    const visit = await person.begin();
    await person.takeBigPhoto(person.page.locator("#i-Z02"));
    await person.takeBigPhoto(person.page.locator("#i-Z02"));
    front.line = { upBytesPerSecond: 400_000, downBytesPerSecond: 400_000, delayMs: 20, cuts: [], cutEvery: 0 };
    front.photoBytes = 0;
    front.network = "on";
    await person.go("#/outbox");
    await person.page.getByRole("button", { name: "Enviar ahora" }).click();
    while (front.photoBytes < 100_000) {
      await person.page.waitForTimeout(20);
    }
    await office.kill();
    await person.page.getByText("El último envío no terminó").waitFor();
    await office.restart();
    front.line = null;
    await person.page.getByRole("button", { name: "Enviar ahora" }).click();
    await person.pill("Al día");
    const told = await seen(visit);
    assert.equal(new Set(photosOf(told)).size, 2, JSON.stringify(told).slice(0, 1_500));
  }));

test("a phone whose disk is full says so at the photo, keeps what was there, and goes on once there is room", () =>
  withPerson(async (person) => {
    const { page } = person;
    const visit = await person.begin();
    await page.locator("#i-Z01 input[type=time]").fill("10:30");
    await page.locator("#i-Z01.answered").waitFor();
    const session = await person.context.newCDPSession(page);
    const origin = front.address;
    const { usage } = await page.evaluate(() => navigator.storage.estimate());
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + 20_000 });
    const item = page.locator("#i-Z02");
    // The browser gives out room in lumps: one photo may still fit.
    const refused = page.getByRole("dialog").getByRole("alert");
    for (let at = 0; at < 4 && (await refused.count()) === 0; at += 1) {
      await person.takeBigPhoto(page.locator("#i-Z02, dialog"), ":is(.thumb, [role=alert])");
    }
    assert.match(await refused.innerText(), /espacio[^]*La foto sigue aquí/);
    const kept = await item.locator(".thumb").count();

    // The picture is still in the editor, and is kept once there is room.
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    await page.getByRole("button", { name: "Guardar foto" }).click();
    await item.locator(".thumb").nth(kept).waitFor({ state: "attached" });
    await person.pill("Al día");
    const told = await seen(visit);
    assert.equal(new Set(photosOf(told)).size, kept + 1);
    assert.ok(JSON.stringify(told).includes("10:30"));
  }));

for (const [hours, which] of [
  [2, "ahead"],
  [-2, "behind"],
]) {
  test(`a phone whose clock is two hours ${which} hands its visit in, and the office knows of the clock`, async () => {
    const version = await withClock(APP, hours * 3_600_000);
    try {
      await withPerson(async (person, auditor) => {
        const visit = await person.begin();
        await person.fillAll();
        await person.handIn();
        await person.pill("Al día");
        assert.equal((await seen(visit)).state, "submitted");
        const { items } = await office.call("GET", `/devices?user=${auditor.id}`, null, "olga");
        const ahead = items.map((it) => it.clock_ahead_seconds ?? it.report?.clock_ahead_seconds);
        assert.ok(Math.abs(ahead[0] - hours * 3_600) < 120, JSON.stringify(items));
      }, version.folder);
    } finally {
      await version.remove();
    }
  });
}

test("two people share a phone: each finds their own visits, and what one of them wrote is not shown to the other", () =>
  withPerson(async (person) => {
    const { page } = person;
    await person.begin();
    await page.locator("#i-Z03").getByRole("button", { name: "Comentar" }).click();
    await page.locator("#t-Z03-comment").fill("Solo para mí");
    await person.pill("Al día");
    await person.go("#/settings");
    await page.getByRole("button", { name: "Agregar a otra persona" }).click();
    const second = await office.newAuditor();
    // A link of another office is told as one, and nobody here is told its code.
    const asked = [];
    page.on("request", (it) => it.url().includes("enrol") && asked.push(it.url()));
    await page.getByLabel("Código o enlace").fill("https://otra-oficina.example/app/#code=7K4M-9XQ2-TB3H");
    await page.getByLabel("Su nombre en este teléfono").fill("Luis");
    await page.getByRole("button", { name: "Conectar" }).click();
    await page.getByText("Ese código es de otro servidor: https://otra-oficina.example").waitFor();
    assert.deepEqual(asked, []);
    await page.getByLabel("Código o enlace").fill(`${front.address.replace("http://", "")}/app/#code=${await office.newCode(second.login)}`);
    await page.getByLabel("Su nombre en este teléfono").fill("Luis");
    await page.getByLabel("Proteger con un PIN").click();
    await page.getByLabel("PIN nuevo").fill("482913");
    await page.getByLabel("Repita el PIN").fill("482913");
    await page.getByRole("button", { name: "Conectar" }).click();
    await page.getByRole("heading", { name: "Sus visitas" }).waitFor();
    await page.locator("a.card").first().waitFor();
    await person.pill("Al día");
    const whole = await page.locator("body").innerText();
    assert.ok(!whole.includes("En curso"), whole);
    const visit = await person.begin();
    assert.equal(await page.locator("#t-Z03-comment").count(), 0);
    await page.locator("#i-Z01 input[type=time]").fill("11:11");
    await person.pill("Al día");

    // Without a network too, and the PIN is asked only of whom it is of.
    front.network = "off";
    await page.reload();
    await page.getByRole("heading", { name: "¿Quién usa este teléfono?" }).waitFor();
    await page.getByRole("button", { name: /Ana/ }).click();
    await page.getByText("En curso").first().waitFor();
    await person.go("#/settings");
    await page.getByRole("button", { name: "Cerrar y elegir persona" }).click();
    await page.getByRole("button", { name: /Luis/ }).click();
    await page.getByLabel("PIN", { exact: true }).fill("000000");
    await page.getByRole("button", { name: "Abrir" }).click();
    await page.getByText("Ese no es el PIN").waitFor();
    await page.getByLabel("PIN", { exact: true }).fill("482913");
    await page.getByRole("button", { name: "Abrir" }).click();
    await person.go(`#/visit/${visit}/Z`);
    assert.equal(await page.locator("#i-Z01 input[type=time]").inputValue(), "11:11");
  }));

test("a code that comes while somebody's visits are open is asked whose it is, and connects them again or somebody else", () =>
  withPerson(async (person, auditor) => {
    const { page } = person;
    await person.go("#/enrol");
    await page.getByRole("button", { name: "De Ana: conectar de nuevo" }).click();
    assert.equal(await page.getByLabel("Su nombre en este teléfono").count(), 0);
    await page.getByLabel("Código o enlace").fill(await office.newCode(auditor.login));
    await page.getByRole("button", { name: "Conectar" }).click();
    await page.getByRole("heading", { name: "Sus visitas" }).waitFor();
    await person.go("#/enrol");
    await page.getByRole("button", { name: "De otra persona" }).click();
    await page.getByLabel("Su nombre en este teléfono").waitFor();
  }));

test("an answer that the phone has no room for stays on the screen, is said not to be kept, and is kept once there is room", () =>
  withPerson(async (person) => {
    const { page } = person;
    const visit = await person.begin();
    await person.pill("Al día");
    const saving = (text) => page.locator(".saving").getByText(text, { exact: true }).waitFor();
    const setFull = (isFull) =>
      page.workers()[0].evaluate((it) => {
        const { prototype } = FileSystemSyncAccessHandle;
        globalThis.write ??= prototype.write;
        prototype.write = it ? () => { throw new DOMException("No space left on device", "QuotaExceededError"); } : globalThis.write;
      }, isFull);
    await setFull(true);
    await page.locator("#i-Z01 input[type=time]").fill("10:30");
    await saving("Sin guardar");
    await page.locator("#i-Z01 .wrong").waitFor();
    await page.locator("#i-Z03").getByRole("button", { name: "Comentar" }).click();
    await page.locator("#t-Z03-comment").fill("Antes no había lugar");
    await page.locator("#i-Z03 .wrong").waitFor();
    await page.locator("#i-Z03 .pick").first().click();
    await page.waitForFunction(() => document.querySelectorAll("#i-Z03 .wrong").length > 0);
    assert.equal(await page.locator("#i-Z03 .pick input").first().isChecked(), true, "what was tapped stays");
    await saving("Sin guardar");

    await setFull(false);
    await saving("Guardado");
    assert.equal(await page.locator(".wrong").count(), 0);
    await person.pill("Al día");
    const told = JSON.stringify(await seen(visit));
    assert.ok(told.includes("10:30") && told.includes("Antes no había lugar"), told.slice(0, 1_500));
    assert.ok(told.includes('"platform":{'), "what the phone can do is stated with the first answer that is kept");
    await page.reload();
    await page.locator("#i-Z03 .pick input").first().waitFor({ state: "attached" });
    assert.equal(await page.locator("#i-Z03 .pick input").first().isChecked(), true);
  }));

test("a text is kept when its tab is closed right after the last key", () =>
  withPerson(async (person) => {
    const visit = await person.begin();
    await person.page.locator("#i-Z03").getByRole("button", { name: "Comentar" }).click();
    await person.page.locator("#t-Z03-comment").waitFor();
    for (const text of ["La primera vez", "Otra vez", "Y una más"]) {
      const before = person.page;
      person.page = await person.context.newPage();
      person.page.setDefaultTimeout(20_000);
      await before.bringToFront();
      await before.locator("#t-Z03-comment").fill(text);
      const closed = before.waitForEvent("close");
      await before.close({ runBeforeUnload: true });
      await closed;
      await person.page.goto(`${front.address}/app/#/visit/${visit}/Z`);
      await person.page.locator("#t-Z03-comment").waitFor();
      assert.equal(await person.page.locator("#t-Z03-comment").inputValue(), text);
    }
  }));

test("a key store that the browser refuses once is asked again, and one that it refuses for good is told with what is safe", async () => {
  for (const [times, isBack] of [[1, true], [1_000, false]]) {
    const version = await withoutVault(APP, times);
    try {
      const person = await Person.make(office, front.address);
      front.folder = version.folder;
      try {
        await person.page.goto(`${front.address}/app/`);
        await person.page.getByRole("heading", { name: isBack ? "Conectar este teléfono" : "Veedor no pudo empezar" }).waitFor();
        assert.equal(await person.page.getByRole("button", { name: "Intentar de nuevo" }).count(), isBack ? 0 : 1);
      } finally {
        await person.remove();
      }
    } finally {
      front.folder = APP;
      await version.remove();
    }
  }
});
