// What people do on the real screens, in a real browser against a real office that serves the app itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startOffice } from "./support/office.mjs";
import { Person } from "./support/person.mjs";

/** The app as it is served to people. */
const APP = process.env.VEEDOR_PHONE ?? new URL("../dist", import.meta.url).pathname;

let office;

before(async () => {
  office = await startOffice({ phone: APP });
});

after(() => office.stop());

/** Runs with a person whose phone is taken away afterwards. */
async function withPerson(work, auditorWith = {}) {
  const auditor = await office.newAuditor(auditorWith);
  const person = await Person.make(office);
  try {
    await person.enrol(auditor.login);
    await work(person, auditor);
  } finally {
    await person.remove();
  }
}

test("a visit is filled with no network, survives the power going off in mid-typing, and is handed in, returned, corrected and approved", () =>
  withPerson(async (person) => {
    await person.context.setOffline(true);
    const visit = await person.begin();
    await person.page.getByRole("button", { name: "Ya llegué: registrar" }).click();
    await person.page.locator(".moment", { hasText: /Llegada: .* · / }).waitFor();
    await person.fillAll();

    // A grave answer is asked about once more, and taken back where it was meant the other way round.
    await person.go(`#/visit/${visit}/E/E02`);
    await person.page.locator("#i-E02 .pick").nth(1).click();
    await person.page.getByRole("dialog").getByText("Usted reporta que SÍ le quisieron obligar a contratar otro producto").waitFor();
    await person.page.getByRole("button", { name: "No, corregir" }).click();
    await person.page.locator("#i-E02 .pick.on.good").waitFor();
    await person.pill("Guardado en el teléfono");

    // In mid-typing: what stood still for a moment is kept, whatever happens to the phone then.
    await person.go(`#/visit/${visit}/Z`);
    await person.page.locator("#i-Z03").getByRole("button", { name: "Comentar" }).click();
    const comment = () => person.page.locator("#t-Z03-comment");
    await comment().pressSequentially("Elegí la cuenta que más se ofrece", { delay: 5 });
    await person.page.waitForTimeout(600);
    await comment().pressSequentially(" y");
    await person.kill();

    await person.start(true);
    await person.page.goto(`${office.address}/app/`);
    await person.page.getByRole("heading", { name: "Sus visitas" }).waitFor();
    await person.go(`#/visit/${visit}/Z`);
    await comment().waitFor();
    assert.match(await comment().inputValue(), /^Elegí la cuenta que más se ofrece/);

    await person.fillAll();
    await person.handIn();
    await person.pill("Guardado en el teléfono");
    await person.context.setOffline(false);
    await person.pill("Al día");

    const ask = (method, path, body) => office.call(method, path, body, "rita");
    assert.equal((await ask("GET", `/visits/${visit}`)).state, "submitted");
    await ask("POST", `/visits/${visit}/claim`, {});
    const deadline = new Date(Date.now() + 86_400_000).toISOString();
    const items = [
      { item: "A01", reason: "La foto no muestra el rótulo" },
      { item: "C04", reason: "Explique por qué" },
    ];
    await ask("POST", `/visits/${visit}/return`, { items, deadline });

    await person.go("#/");
    // The app looks for news by itself when it is opened again.
    await person.page.reload();
    await person.page.getByText("Devuelta").first().waitFor();
    await person.page.locator("a.card").first().click();
    await person.page.locator("#i-A01.returned", { hasText: "La foto no muestra el rótulo" }).waitFor();
    await person.page.locator("#i-A01 .pick").nth(1).click();
    await person.page.locator("#i-A01").getByRole("button", { name: "Deshacer" }).waitFor();
    await person.fillAll();
    const preview = await person.page.locator(".preview dd").innerText();
    assert.equal(await person.page.getByRole("button", { name: "Ocultar" }).count(), 0, "the programme does not allow to hide it");
    await person.handIn();
    await person.pill("Al día");
    await ask("POST", `/visits/${visit}/claim`, {});
    const approved = await ask("POST", `/visits/${visit}/approve`, {});
    assert.equal(approved.state, "approved");
    assert.match(approved.final, /^\d+\.\d\d$/);
    assert.equal(preview, approved.final, "what the phone showed before is what the office approved");
    const whole = JSON.stringify(await ask("GET", `/visits/${visit}`));
    assert.ok(whole.includes("Elegí la cuenta que más se ofrece"), whole.slice(0, 400));
  }, { onPhones: { preview_score: true, covert: false } }));

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
