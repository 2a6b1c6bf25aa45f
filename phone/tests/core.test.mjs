// The phone's core in a real browser against a real office: what people rely on when the network, the battery or another tab fails them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startFront } from "./support/front.mjs";
import { startOffice } from "./support/office.mjs";
import { Phone, ask, core, standing, sync, until } from "./support/phone.mjs";

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

/** Runs with a phone that is taken away afterwards. */
async function withPhone(work) {
  front.network = "on";
  const phone = await Phone.make(front.address);
  try {
    await phone.start();
    await work(phone);
  } finally {
    await phone.remove();
  }
}

/** A phone whose person is enrolled and has the visit on it. */
async function enrolled(phone, pin = null) {
  const auditor = await office.newAuditor();
  await until(phone.page, "standing", (it) => it.is === "profiles");
  const outcome = await core(phone.page, "enrol", await office.newCode(auditor.login), "Ana", pin);
  assert.deepEqual(outcome, { ok: true });
  await until(phone.page, "pulled", (it) => it > 0);
  await until(phone.page, "sync", allSent);
  return auditor;
}

/** Begins the one visit that there is. */
async function begun(page) {
  const { assignments } = await ask(page, { ask: "home" });
  assert.equal(assignments.length, 1);
  const visit = await ask(page, { ask: "start", assignment: assignments[0].id });
  assert.equal(visit.reply, "visit", JSON.stringify(visit));
  return visit.form.visit;
}

const answer = (page, visit, field, value) => ask(page, { ask: "answer", visit, field, json: JSON.stringify(value) });
const itemOf = async (page, visit, id) => (await ask(page, { ask: "open", visit })).items.find((it) => it.id === id);

test("a person enrols with a code, and the visit comes to the phone", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const home = await ask(phone.page, { ask: "home" });
    assert.equal(home.reply, "home");
    assert.equal(home.assignments.length, 1);
    assert.match(home.assignments[0].branch.name, /^Centro/);
    assert.equal((await standing(phone.page)).is, "open");
    const { lastSentMs } = await sync(phone.page);
    assert.ok(Date.now() - lastSentMs < 60_000);
  }));

test("printing", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const visit = await begun(phone.page);
    const open = await ask(phone.page, { ask: "open", visit });
    for (const s of open.form.sections) for (const i of s.items) console.log(i.id, i.kind, i.must, i.photos);
  }));
