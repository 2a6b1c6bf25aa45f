// What people do on the real screens, in a real browser against a real office that serves the app itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startOffice } from "./support/office.mjs";
import { Person } from "./support/person.mjs";

/** The app as it is served to people. */
const APP = process.env.VEEDOR_PHONE ?? new URL("../dist", import.meta.url).pathname;

/** A picture of one point. */
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const CORRECTED = "La explicación fue corta y sin mirar a la persona; hubo que preguntar dos veces por el costo.";

let office;

before(async () => {
  office = await startOffice({ phone: APP });
});

after(() => office.stop());

/** Runs with a person whose phone is taken away afterwards. */
async function withPerson(work, auditorWith = {}, personWith = {}) {
  const auditor = await office.newAuditor(auditorWith);
  const person = await Person.make(office, office.address, personWith);
  try {
    await person.enrol(auditor.login);
    await work(person, auditor);
  } finally {
    await person.remove();
  }
}

/** Longer than a person types in a few seconds, and no part of it twice. */
const TYPED = "Elegí la cuenta que más se ofrece porque nadie pregunta por ella y así se oye lo que de verdad dicen en la caja";
/** What may be lost of a text when the power goes off, and so long it may take to write down what may not, milliseconds. */
const LOST_MS = 1_000;
const WRITE_MS = 300;

/** Types without a pause until the power goes off; gives what was typed so long before that it has to be there. */
async function typeUntilPowerGoes(person, field) {
  const keys = [];
  await field.focus();
  for (const [at, key] of [...TYPED].entries()) {
    await person.page.keyboard.type(key, { delay: 80 });
    keys.push({ ms: Date.now(), text: TYPED.slice(0, at + 1) });
  }
  const took = keys.at(-1).ms - keys[0].ms;
  assert.ok(took < keys.length * 250, `${took} ms for ${keys.length} keys are no typing without a pause`);
  const killedMs = Date.now();
  await person.kill();
  return keys.findLast((it) => it.ms <= killedMs - LOST_MS - WRITE_MS).text;
}

/** Every answer, comment and number of photos of the open visit as its screens show them, by question. */
async function shownOf(person, visit) {
  const shown = {};
  await person.go(`#/visit/${visit}/Z`);
  for (let more = true; more; ) {
    await person.page.locator("article.item").first().waitFor();
    const read = (all) =>
      all.map((it) => {
        const of = (selector, what) => [...it.querySelectorAll(selector)].map(what);
        const values = of("input:not([type=radio], [type=checkbox], [type=file]), textarea", (field) => field.value);
        const picked = of("input:checked", (field) => field.closest("label").textContent);
        return [it.dataset.item, { values, picked, photos: it.querySelectorAll(".thumb").length }];
      });
    Object.assign(shown, Object.fromEntries(await person.page.locator("article.item").evaluateAll(read)));
    const next = person.page.locator(".ends-here a", { hasText: /^\s*Seguir con/ });
    more = (await next.count()) > 0;
    if (more) {
      const before = person.page.url();
      await next.click();
      await person.page.waitForFunction((it) => location.href !== it, before);
    }
  }
  return shown;
}

const ask = (method, path, body) => office.call(method, path, body, "rita");

/** The reviewer sends two answers back, and the person corrects what each of the two complains of. */
async function returnAndCorrect(person, visit) {
  const { page } = person;
  await ask("POST", `/visits/${visit}/claim`, {});
  const deadline = new Date(Date.now() + 86_400_000).toISOString();
  const items = [
    { item: "A01", reason: "La foto no muestra el rótulo" },
    { item: "C04", reason: "Explique por qué" },
  ];
  await ask("POST", `/visits/${visit}/return`, { items, deadline });

  await person.go("#/");
  // The app looks for news by itself when it is opened again.
  await page.reload();
  await page.getByText("Devuelta").first().waitFor();
  await page.locator("a.card").first().click();
  await page.locator("#i-A01.returned", { hasText: "La foto no muestra el rótulo" }).waitFor();
  await page.locator("#i-A01 .pick").nth(1).click();
  await page.locator("#i-A01").getByRole("button", { name: "Deshacer" }).waitFor();
  await page.locator(".notice .links a", { hasText: "C04" }).click();
  await page.locator("#i-C04.returned", { hasText: "Explique por qué" }).waitFor();
  await page.locator("#i-C04 .pick").nth(1).click();
  await person.comment("C04", CORRECTED);
  await person.fillAll();
  const preview = await page.locator(".preview dd").innerText();
  assert.equal(await page.getByRole("button", { name: "Ocultar" }).count(), 0, "the programme does not allow to hide it");
  await person.handIn();
  await person.pill("Al día");
  return preview;
}

test("a visit is filled with no network, survives the power going off in mid-typing, and is handed in, returned, corrected and approved", () =>
  withPerson(async (person) => {
    await person.context.setOffline(true);
    const visit = await person.begin();
    await person.page.getByRole("button", { name: "Ya llegué: registrar" }).click();
    await person.page.locator(".moment", { hasText: /Llegada: .* · con lugar/ }).waitFor();
    await person.fillAll();

    // A grave answer is asked about once more, and taken back where it was meant the other way round.
    await person.go(`#/visit/${visit}/E/E02`);
    await person.page.locator("#i-E02 .pick").nth(1).click();
    await person.page.getByRole("dialog").getByText("Usted reporta que SÍ le quisieron obligar a contratar otro producto").waitFor();
    await person.page.getByRole("button", { name: "No, corregir" }).click();
    await person.page.locator("#i-E02 .pick.on.good").waitFor();
    await person.pill("Guardado en el teléfono");
    const before = await shownOf(person, visit);
    assert.ok(Object.keys(before).length > 30, JSON.stringify(before));

    // In mid-typing, in the middle of the visit.
    await person.go(`#/visit/${visit}/E/E03`);
    await person.page.locator("#i-E03").getByRole("button", { name: "Comentar" }).click();
    const comment = () => person.page.locator("#t-E03-comment");
    const least = await typeUntilPowerGoes(person, comment());
    await person.start(true);
    await person.page.goto(`${office.address}/app/`);
    await person.page.getByRole("heading", { name: "Sus visitas" }).waitFor();
    await person.go(`#/visit/${visit}/E`);
    await comment().waitFor();
    const kept = await comment().inputValue();
    assert.ok(TYPED.startsWith(kept) && kept.startsWith(least), `of "${least}" there is "${kept}"`);
    const { E03, ...others } = await shownOf(person, visit);
    assert.deepEqual({ ...others, E03: { ...E03, values: [] } }, before, "all other answers are there");

    await person.fillAll();
    await person.handIn();
    await person.pill("Guardado en el teléfono");
    await person.context.setOffline(false);
    await person.pill("Al día");
    const told = await ask("GET", `/visits/${visit}`);
    assert.equal(told.state, "submitted");
    const { position, position_source: source } = told.facts.arrival;
    assert.deepEqual([source, ...[position.latitude, position.longitude, position.accuracy].map(Number)], ["live", 19.4326, -99.1332, 12]);

    const preview = await returnAndCorrect(person, visit);
    await ask("POST", `/visits/${visit}/claim`, {});
    const approved = await ask("POST", `/visits/${visit}/approve`, {});
    assert.equal(approved.state, "approved");
    assert.match(approved.final, /^\d+\.\d\d$/);
    assert.equal(preview, approved.final, "what the phone showed before is what the office approved");
    const items = (await ask("GET", `/visits/${visit}`)).sections.flatMap((it) => it.items);
    const of = (id) => items.find((it) => it.id === id);
    assert.deepEqual([of("A01").answer, of("C04").answer, of("C04").comment, of("E03").comment], ["no", 2, CORRECTED, kept]);
  }, { onPhones: { preview_score: true, covert: false } }));

for (const [how, end] of [
  ["is closed", (person) => person.context.close()],
  // What the page itself remembers the browser writes down only some seconds later.
  ["loses its power", (person) => person.kill()],
]) {
  test(`a phone that ${how} opens a visit at the question where it was left`, () =>
    withPerson(async (person) => {
      await person.context.setOffline(true);
      await person.begin();
      for (const [section, item] of [["Z", "Z03"], ["A", "A02"], ["C", "C03"]]) {
        await person.page.evaluate((it) => (location.hash = location.hash.replace(/(visit\/[^/]+).*/, `$1/${it}`)), section);
        await person.page.locator(`#i-${item} .pick`).first().click();
        await person.page.locator(`#i-${item}.answered`).waitFor();
        await person.page.waitForFunction((it) => Object.values(localStorage).includes(it), `${section}/${item}`);
      }
      await end(person);
      await person.start(true);
      await person.page.goto(`${office.address}/app/`);
      await person.page.locator("a.card", { hasText: "respuestas" }).click();
      await person.page.waitForURL(/#\/visit\/[^/]+\/C\/C03$/, { timeout: 5_000 });
      await person.page.waitForFunction(() => document.activeElement?.id === "q-C03");
      assert.equal(await person.page.locator("#i-C03 .pick input").first().isChecked(), true);
    }));
}

test("where the browser gives neither camera nor place, the phone says so, and a picked photo is kept and sent without a position", () =>
  withPerson(async (person) => {
    const { page } = person;
    const visit = await person.begin();
    await page.getByRole("button", { name: "Ya llegué: registrar" }).click();
    await page.locator(".moment", { hasText: /Llegada: \d.* · sin lugar/ }).waitFor();
    await page.locator(".moment .notice", { hasText: "El teléfono no dio el lugar: quedó solo la hora" }).waitFor();

    await page.locator("#i-Z02").getByRole("button", { name: /^Tomar foto/ }).click();
    const camera = page.getByRole("dialog");
    await camera.getByRole("alert").getByText("No hay permiso para la cámara dentro de Veedor. Nada se perdió.").waitFor();
    assert.equal(await camera.getByRole("button", { name: "Capturar" }).count(), 0);
    await page.locator("#i-Z02").getByText("Sin permiso de ubicación: la foto se guarda sin el lugar").waitFor({ state: "attached" });
    await page.keyboard.press("Escape");
    await camera.waitFor({ state: "detached" });
    // One picture through what the camera's dialog offers, and one from among the files where a question takes them.
    await person.takeBigPhoto(page.locator("#i-Z02"));
    await person.go(`#/visit/${visit}/B`);
    const item = page.locator("#i-B01");
    await item.getByLabel(/^Elegir foto/).setInputFiles({ name: "fila.png", mimeType: "image/png", buffer: PICTURE });
    await page.getByRole("button", { name: "Guardar foto" }).click();
    await item.locator(".thumb").waitFor();
    await person.pill("Al día");

    const told = await ask("GET", `/visits/${visit}`);
    assert.match(told.facts.arrival.at, /^20/);
    assert.deepEqual([told.facts.arrival.position ?? null, told.facts.arrival.position_source ?? null], [null, null]);
    const { photos } = await ask("GET", `/visits/${visit}/evidence`);
    const facts = photos.map((it) => [it.field, it.state, it.source ?? null, it.captured_where ?? null]).sort();
    // A browser of a desktop hands the phone's camera to its files, and says so.
    assert.deepEqual(facts, [["B01#photo", "stored", "file", null], ["Z02", "stored", "file", null]]);
    for (const it of photos) {
      assert.equal((await office.original(visit, it.blob, "rita")).length, it.size);
    }
  }, {}, { permissions: [] }));

test("a visit that could not happen is handed in with its reason and the place where the auditor stood, and keeps its answers", () =>
  withPerson(async (person) => {
    const { page } = person;
    await person.context.setOffline(true);
    const visit = await person.begin();
    await page.locator("#i-Z01 input[type=time]").fill("10:30");
    await page.locator("#i-Z01.answered").waitFor();
    await page.locator(".bottom .button").first().click();
    await page.getByRole("link", { name: "No se pudo hacer la visita" }).click();
    await page.getByLabel("Estaba cerrado en su horario").click();
    await page.getByLabel("¿Qué pasó?").fill("Cerrado");
    await page.getByText("escriba al menos 20").waitFor();
    await page.getByText("Tome una foto que lo pruebe").waitFor();
    await page.getByLabel("¿Qué pasó?").fill("La cortina estaba abajo a las diez y media, sin aviso.");
    await page.getByRole("button", { name: "Ya llegué: registrar" }).click();
    await page.getByText("Tome una foto que lo pruebe").waitFor({ state: "detached" });
    await page.getByText("escriba al menos 20").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Revisar y entregar" }).click();
    await page.getByText("La cortina estaba abajo").waitFor();
    await person.handIn();
    await person.context.setOffline(false);
    await person.pill("Al día");
    const told = await office.call("GET", `/visits/${visit}`, undefined, "rita");
    assert.equal(told.state, "submitted");
    const whole = JSON.stringify(told);
    assert.ok(/closed_in_hours/.test(whole) && /La cortina estaba abajo/.test(whole) && /America\/Mexico_City/.test(whole), whole.slice(0, 2000));
    assert.ok(/10:30/.test(whole), "what was answered before is there");
  }));

test("an offer is taken without a network, and where the office had taken it back meanwhile the phone says so", () =>
  withPerson(async (person, auditor) => {
    const { page } = person;
    await person.context.setOffline(true);
    await page.locator("a.card").first().click();
    await page.getByRole("button", { name: "Aceptar" }).click();
    await page.getByText("Aceptó esta visita").first().waitFor();
    await person.pill("Guardado en el teléfono");

    const [assignment] = (await office.call("GET", `/assignments?auditor=${auditor.id}`)).items;
    assert.equal(assignment.state, "offered");
    await office.call("POST", `/assignments/${assignment.id}/cancel`, { reason: "La sucursal cierra por obras" });
    await person.context.setOffline(false);
    await person.go("#/");
    await page.getByText("La oficina retiró la asignación").waitFor();
    assert.equal(await page.locator("a.card").count(), 0, "it can no longer be opened");
    await person.pill("Al día");
  }));

test("an offer is declined with a reason, and the office hears it", () =>
  withPerson(async (person, auditor) => {
    const { page } = person;
    await page.locator("a.card").first().click();
    await page.getByRole("button", { name: "Declinar" }).click();
    await page.getByLabel("Por qué no puede").fill("Ese día viajo");
    await page.getByRole("button", { name: "Declinar" }).click();
    await page.getByRole("heading", { name: "Sus visitas" }).waitFor();
    await person.pill("Al día");
    const [assignment] = (await office.call("GET", `/assignments?auditor=${auditor.id}`)).items;
    assert.equal(assignment.state, "declined");
    assert.equal(await page.locator("a.card").count(), 0);
  }));

test("a picture of the app's own camera is sent smaller and names its original, which waits for a line that costs nothing", () =>
  withPerson(async (person) => {
    const { page } = person;
    const visit = await person.begin();
    await person.takePhoto(page.locator("#i-Z02"));
    await person.pill("Al día");
    const [sent] = (await office.call("GET", `/visits/${visit}/evidence`, null, "rita")).photos;
    assert.equal(sent.source, "camera");
    assert.ok(sent.original.size > sent.size, JSON.stringify(sent));
    await person.go("#/outbox");
    const waiting = page.getByRole("button", { name: "Enviar originales ahora" });
    await waiting.click();
    await waiting.waitFor({ state: "detached" });
    assert.equal((await office.original(visit, sent.original.hash, "rita")).length, sent.original.size);
  }));
