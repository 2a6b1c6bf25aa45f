// Reports of incidents in a real browser against a real office: first and alone, whatever stands in the way of the rest.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startFront } from "./support/front.mjs";
import { startOffice } from "./support/office.mjs";
import { Phone, ask, core, found, until } from "./support/phone.mjs";

const APP = new URL("../dist-test", import.meta.url).pathname;
const allSent = (it) => it.pill === "sent" && it.edits === 0 && it.photos === 0;

let office;
let front;

before(async () => {
  office = await startOffice();
  front = await startFront(office, APP);
});

after(async () => {
  await front.stop();
  await office.stop();
});

/** A phone whose person is enrolled and in the middle of a visit. */
async function inVisit(work) {
  Object.assign(front, { network: "on", holds: null, fails: null });
  const phone = await Phone.make(front.address);
  try {
    await phone.start();
    const auditor = await office.newAuditor();
    await until(phone.page, "standing", (it) => it.is === "profiles");
    assert.deepEqual(await core(phone.page, "enrol", await office.newCode(auditor.login), "Ana", null), { ok: true });
    await until(phone.page, "pulled", (it) => it > 0);
    const { assignments } = await ask(phone.page, { ask: "home" });
    const { form } = await ask(phone.page, { ask: "start", assignment: assignments[0].id });
    await until(phone.page, "sync", allSent);
    await work(phone, form.visit, auditor);
  } finally {
    await phone.remove();
  }
}

const answer = (page, visit, field, value) => ask(page, { ask: "answer", visit, field, json: JSON.stringify(value) });

/** Waits until something outside the page is so. */
async function eventually(isSo, timeout = 10_000) {
  for (const end = Date.now() + timeout; !(await isSo()); ) {
    assert.ok(Date.now() < end, `never was: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Reports an incident in a visit; gives its id and what the phone then knows of its reports. */
async function reported(page, visit, text, atMs = Date.now()) {
  const random = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((it) => it.toString(16).padStart(2, "0")).join("");
  const hex = atMs.toString(16).padStart(12, "0") + random(10);
  const incident = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  const report = { ask: "report", incident, seed: random(32), kind: "bribe", left: true, text, zone: "America/Mexico_City", position: null, visit };
  const reply = await ask(page, report);
  assert.equal(reply.reply, "incidents", JSON.stringify(reply));
  return { id: incident, known: reply.incidents.find((it) => it.id === incident) };
}

/** The reports that the office has, by their ids. */
async function reportsThere() {
  const { items } = await office.call("GET", "/incidents?limit=1000", null, "carla");
  return new Map(items.map((it) => [it.id, it]));
}

const isThere = ({ id }) => async () => (await reportsThere()).has(id);

async function takeOut(auditor) {
  const { items } = await office.call("GET", `/devices?user=${auditor.id}`, null, "olga");
  await office.call("POST", `/devices/${items[0].dev}/revoke`, {}, "olga");
}

test("an incident that is reported without a network is sealed at once and comes to the office before any answer", () =>
  inVisit(async (phone, visit) => {
    const { page } = phone;
    const key = await office.newIncidentKey();
    const before = await page.evaluate(() => globalThis.veedor.core.pulled.value);
    await core(page, "sendNow");
    await until(page, "pulled", (it) => it > before);
    await until(page, "sync", allSent);

    front.network = "off";
    assert.equal((await answer(page, visit, "A01", "yes")).reply, "change");
    const words = "Me pidieron quinientos pesos en la ventanilla tres";
    const { id, known } = await reported(page, visit, words);
    assert.deepEqual([known.state, known.sealed], ["waiting", true]);
    assert.equal((await answer(page, visit, "A02", "no")).reply, "change");
    const waits = await until(page, "sync", (it) => it.problem !== null && it.incidents === 1 && it.edits === 2);
    assert.equal(waits.pill, "saved");
    await phone.kill();
    await phone.start();
    await until(phone.page, "standing", (it) => it.is === "open");
    assert.deepEqual(await found(phone.profile, [words]), []);

    // The run that it starts with has met no line.
    await until(phone.page, "sync", (it) => it.problem !== null);
    front.seen.length = 0;
    front.network = "on";
    await core(phone.page, "sendNow");
    await until(phone.page, "sync", (it) => allSent(it) && it.incidents === 0);
    const sent = front.seen.filter((it) => ["/api/v1/incidents", "/sync/v1/exchange"].includes(it.pathname)).map((it) => it.pathname);
    assert.equal(sent[0], "/api/v1/incidents");
    assert.equal(sent.filter((it) => it === "/api/v1/incidents").length, 1);
    assert.ok(sent.includes("/sync/v1/exchange"));
    assert.equal((await reportsThere()).get(id).key, key);
    const { incidents } = await ask(phone.page, { ask: "incidents" });
    assert.deepEqual(incidents.map((it) => [it.id, it.state]), [[id, "sent"]]);
  }));

test("an incident waits for no exchange that hangs and for no office that refuses the rest", () =>
  inVisit(async ({ page }, visit, auditor) => {
    front.network = "hangs";
    front.seen.length = 0;
    assert.equal((await answer(page, visit, "A01", "yes")).reply, "change");
    const isAsked = (path) => async () => front.seen.some((it) => it.pathname === path);
    await eventually(isAsked("/sync/v1/exchange"));
    const { id } = await reported(page, visit, "");
    // Long before the exchange is given up, which nobody answers.
    await eventually(isAsked("/api/v1/incidents"));
    front.network = "on";
    front.drop();
    await core(page, "sendNow");
    await until(page, "sync", (it) => allSent(it) && it.incidents === 0);
    assert.ok((await reportsThere()).has(id));

    await takeOut(auditor);
    const later = await reported(page, visit, "Me siguen");
    await eventually(isThere(later));
  }));

test("an incident on a copied phone waits for no office that does not let the phone go on as a new device", () =>
  inVisit(async (phone, visit) => {
    await phone.stop();
    const copy = await phone.copy();
    try {
      await phone.start();
      await until(phone.page, "standing", (it) => it.is === "open");
      await answer(phone.page, visit, "A01", "yes");
      await until(phone.page, "sync", (it) => it.edits > 0);
      await until(phone.page, "sync", allSent);
      await phone.stop();

      front.fails = /succession/;
      front.seen.length = 0;
      await copy.start();
      await until(copy.page, "standing", (it) => it.is === "open");
      await answer(copy.page, visit, "A02", "no");
      await eventually(async () => front.seen.some((it) => front.fails.test(it.pathname)));
      const before = await reported(copy.page, visit, "Me siguen");
      await eventually(isThere(before));
      // It is not known there under its new name, and nothing else of it went.
      assert.ok((await until(copy.page, "sync", (it) => it.incidents === 0)).edits > 0);

      front.fails = null;
      const since = await reported(copy.page, visit, "Siguen ahí");
      await core(copy.page, "sendNow");
      await until(copy.page, "sync", allSent);
      assert.ok(await isThere(since)());
    } finally {
      await copy.remove();
    }
  }));

test("an incident that is reported while another one's line breaks off goes, also from a device that was taken out", () =>
  inVisit(async ({ page }, visit, auditor) => {
    await takeOut(auditor);
    await answer(page, visit, "A01", "yes");
    await until(page, "sync", (it) => it.ended !== null && it.problem !== null && it.pill === "error");
    front.holds = /incidents/;
    front.seen.length = 0;
    const now = Date.now();
    const first = await reported(page, visit, "Me siguen", now);
    await eventually(async () => front.seen.some((it) => front.holds.test(it.pathname)));
    // The phone's clock was put back meanwhile.
    const second = await reported(page, visit, "Siguen ahí", now - 7_200_000);
    front.giveUp();
    await eventually(isThere(first));
    await eventually(isThere(second));
    await until(page, "sync", (it) => it.incidents === 0);
  }));

test("a clock that is put back after a failure makes nothing wait longer", () =>
  inVisit(async ({ page }, visit) => {
    front.network = "off";
    await answer(page, visit, "A01", "yes");
    await until(page, "sync", (it) => it.problem !== null);
    await page.workers()[0].evaluate(() => {
      const right = Date.now.bind(Date);
      Date.now = () => right() - 7_200_000;
    });
    front.network = "on";
    // What happens now asks how long to wait still.
    await answer(page, visit, "A02", "no");
    await until(page, "sync", allSent);
  }));
