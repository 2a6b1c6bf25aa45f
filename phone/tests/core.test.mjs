// The phone's core in a real browser against a real office: what people rely on when the network, the battery or another tab fails them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { startFront } from "./support/front.mjs";
import { startOffice } from "./support/office.mjs";
import { Phone, ask, core, damageFiles, fileSizes, found, keptForOffline, lookForUpdate, standing, sync, takePhoto, until, waitSinceWrongPin } from "./support/phone.mjs";
import { anotherVersion } from "./support/version.mjs";

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
  front.seen.length = 0;
  const phone = await Phone.make(front.address);
  try {
    await phone.start();
    await work(phone);
  } finally {
    await phone.remove();
  }
}

/** A phone whose person is enrolled and has the visit on it. */
async function enrolled(phone, pin = null, auditorWith = {}) {
  const auditor = await office.newAuditor(auditorWith);
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

test("a code may be typed carelessly or come as a link; one of another server, a used one and one without a network are refused with what to do", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    const auditor = await office.newAuditor();
    await until(page, "standing", (it) => it.is === "profiles");
    const refusal = async (code, pin = null) => (await core(page, "enrol", code, "Ana", pin)).problem;

    const foreign = await refusal("https://otro.example/app/#code=7K4M-9XQ2-TB3H");
    assert.equal(foreign.code, "other_server");
    assert.match(foreign.errors[0].message_es, /https:\/\/otro\.example\/app\//);
    assert.equal((await refusal("¿qué código?")).code, "no_code");
    assert.equal((await refusal("7K4M-9XQ2-TB3H")).code, "code_not_valid");
    assert.equal((await refusal("7K4M-9XQ2-TB3H", "1234")).code, "pin_too_short");
    const code = await office.newCode(auditor.login);
    front.network = "off";
    assert.equal((await refusal(code)).code, "server_unreachable");
    await phone.context.setOffline(true);
    assert.equal((await refusal(code)).code, "offline");
    await phone.context.setOffline(false);
    front.network = "portal";
    assert.equal((await refusal(code)).code, "captive_portal");
    front.network = "on";

    // What the attempts left behind is no second person.
    const typed = ` ${code.toLowerCase().replaceAll("-", " - ")} `;
    assert.deepEqual(await core(page, "enrol", typed, "Ana", null), { ok: true });
    await core(page, "lock");
    assert.equal((await standing(page)).profiles.length, 1);
    assert.equal((await refusal(code)).code, "code_not_valid");

    // Another person on the same phone, by a link in a message.
    const other = await office.newAuditor();
    const link = `Su código: ${front.address}/app/#code=${await office.newCode(other.login)}`;
    assert.deepEqual(await core(page, "enrol", link, "Berta", null), { ok: true });
    // And the same one anew.
    assert.deepEqual(await core(page, "enrol", await office.newCode(other.login), "Berta", null), { ok: true });
    await core(page, "lock");
    assert.deepEqual((await standing(page)).profiles.map((it) => it.name).sort(), ["Ana", "Berta"]);
  }));

test("an answer that was confirmed survives the power going off, opens without a network, and reaches the office", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const visit = await begun(phone.page);
    await until(phone.page, "sync", allSent);
    await keptForOffline(phone.page);

    front.network = "off";
    const long = `Llegué antes de abrir. ${"Esperé en la fila de la entrada, y después en la de la caja. ".repeat(12)}`;
    const change = await answer(phone.page, visit, "B05", long);
    assert.equal(change.reply, "change", JSON.stringify(change));
    await phone.kill();

    await phone.start();
    await until(phone.page, "standing", (it) => it.is === "open");
    assert.match((await itemOf(phone.page, visit, "B05")).json, /Llegué antes de abrir/);
    assert.equal((await answer(phone.page, visit, "A01", "yes")).reply, "change");
    // The run that the start began may have failed before the second answer was told of.
    const waiting = await until(phone.page, "sync", (it) => it.problem !== null && it.edits === 2);
    assert.equal(waiting.pill, "saved");

    front.network = "on";
    await core(phone.page, "sendNow");
    await until(phone.page, "sync", allSent);
    assert.ok(front.seen.some((it) => it.pathname === "/sync/v1/exchange" && it.packed === "gzip"));
    const there = await office.call("GET", `/visits/${visit}`);
    assert.match(JSON.stringify(there), /Llegué antes de abrir/);
  }));

test("a tap is answered at once while a run to the office waits for the network", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const visit = await begun(phone.page);
    await until(phone.page, "sync", allSent);
    front.network = "hangs";
    await answer(phone.page, visit, "A01", "no");
    await core(phone.page, "sendNow");
    await until(phone.page, "sync", (it) => it.pill === "sending");
    const took = await phone.page.evaluate(async (visit) => {
      const begun = performance.now();
      await globalThis.veedor.core.ask({ ask: "answer", visit, field: "A02", json: '"yes"' });
      return performance.now() - begun;
    }, visit);
    assert.equal((await sync(phone.page)).pill, "sending");
    assert.ok(took < 1_000, `${took} ms`);
  }));

test("a photo is kept, waits on a metered line while answers go, and goes by hand", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    await page.addInitScript(() => {
      const line = Object.assign(new EventTarget(), { saveData: false, type: "cellular" });
      Object.defineProperty(navigator, "connection", { value: line });
    });
    await page.reload();
    await until(page, "standing", (it) => it.is === "profiles");
    await enrolled(phone);
    const visit = await begun(page);
    const kept = await page.evaluate(takePhoto, { visit, field: "Z02", side: 600 });
    assert.equal(kept.reply.reply, "change", JSON.stringify(kept.reply));
    const { photos } = await itemOf(page, visit, "Z02");
    assert.equal(photos.length, 1);
    assert.equal(photos[0].size, kept.bytes.length);
    assert.equal(photos[0].lat_e7, 194_326_077);
    const read = await page.evaluate(async (hash) => {
      const blob = await globalThis.veedor.core.photo(hash, "image/jpeg");
      return Array.from(new Uint8Array(await blob.arrayBuffer()));
    }, photos[0].blob);
    assert.deepEqual(read, kept.bytes);
    const missing = "0".repeat(photos[0].blob.length);
    assert.equal(await core(page, "photo", missing, "image/jpeg"), null);

    const resting = await until(page, "sync", (it) => it.edits === 0 && it.photosRest !== null);
    assert.equal(resting.photosRest, "metered");
    assert.equal(resting.photos, 1);
    assert.equal(resting.pill, "saved");
    assert.ok(!front.seen.some((it) => it.method === "PATCH"));
    await core(page, "sendNow");
    await until(page, "sync", allSent);
    assert.equal((await itemOf(page, visit, "Z02")).photos[0].state, "stored");
    assert.ok(front.seen.some((it) => it.method === "PATCH"));
    assert.match(JSON.stringify(await office.call("GET", `/visits/${visit}/evidence`, null, "rita")), new RegExp(photos[0].blob));
  }));

for (const [how, getBattery] of [["never answers", () => new Promise(() => undefined)], ["refuses", () => Promise.reject(new DOMException("no", "NotAllowedError"))]]) {
  test(`a browser that ${how} when it is asked for the battery still tells of its line`, () =>
    withPhone(async (phone) => {
      const { page } = phone;
      await page.addInitScript(`
        Object.defineProperty(navigator, "connection", { value: Object.assign(new EventTarget(), { saveData: true }) });
        Object.defineProperty(navigator, "getBattery", { value: ${getBattery} });`);
      await page.reload();
      await until(page, "standing", (it) => it.is === "profiles");
      await enrolled(phone);
      const visit = await begun(page);
      await page.evaluate(takePhoto, { visit, field: "Z02", side: 600 });
      await until(page, "sync", (it) => it.edits === 0 && it.photosRest === "metered");
      await page.context().setOffline(true);
      await until(page, "sync", (it) => !it.online);
    }));
}

test("photos rest on a low battery and on a metered line until they are let go, and answers go before the rest of a photo", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    await page.addInitScript(() => {
      const line = Object.assign(new EventTarget(), { saveData: true });
      const battery = Object.assign(new EventTarget(), { level: 0.1, charging: false });
      Object.defineProperty(navigator, "connection", { value: line });
      Object.defineProperty(navigator, "getBattery", { value: () => Promise.resolve(battery) });
      Object.assign(globalThis, { battery });
    });
    await page.reload();
    await until(page, "standing", (it) => it.is === "profiles");
    await enrolled(phone);
    const visit = await begun(page);
    const { reply } = await page.evaluate(takePhoto, { visit, field: "Z02", side: 2_000 });
    assert.equal(reply.reply, "change", JSON.stringify(reply));
    await until(page, "sync", (it) => it.edits === 0 && it.photosRest === "metered");
    await core(page, "allowMetered", true);
    const low = await until(page, "sync", (it) => it.photosRest === "low_battery");
    assert.equal(low.meteredAllowed, true);

    front.network = "slow";
    await page.evaluate(() => {
      globalThis.battery.charging = true;
      globalThis.battery.dispatchEvent(new Event("chargingchange"));
    });
    while (!front.seen.some((it) => it.method === "PATCH")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const from = front.seen.length;
    await answer(page, visit, "A01", "yes");
    await until(page, "sync", allSent);
    const names = front.seen.slice(from).map((it) => (it.method === "PATCH" ? "part" : it.pathname.split("/").at(-1)));
    assert.ok(names.indexOf("exchange") < names.lastIndexOf("part"), names.join());
    // What was allowed stays so.
    await page.reload();
    await until(page, "standing", (it) => it.is === "open");
    assert.equal((await until(page, "sync", allSent)).meteredAllowed, true);
  }));

test("an enrolment whose answer was lost is made good with the next code, also with somebody else's", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    const [one, other] = [await office.newAuditor(), await office.newAuditor()];
    await until(page, "standing", (it) => it.is === "profiles");
    const code = await office.newCode(one.login);
    const enrol = (code) => core(page, "enrol", code, "Ana", null);
    front.network = "deaf";
    assert.equal((await enrol(code)).problem.code, "server_unreachable");
    front.network = "on";
    assert.equal((await enrol(code)).problem.code, "code_not_valid");
    // Somebody else picks the phone up.
    assert.deepEqual(await enrol(await office.newCode(other.login)), { ok: true });
    await until(page, "pulled", (it) => it > 0);
    assert.equal((await ask(page, { ask: "home" })).assignments.length, 1);
    await core(page, "lock");
    assert.equal((await standing(page)).profiles.length, 1);

    front.network = "deaf";
    assert.equal((await enrol(await office.newCode(one.login))).problem.code, "server_unreachable");
    front.network = "on";
    assert.deepEqual(await enrol(await office.newCode(one.login)), { ok: true });
    const { items } = await office.call("GET", `/devices?user=${one.id}`, null, "olga");
    // The one of the first attempt, which somebody else's code took the place of, and the one that came through in the end.
    assert.equal(items.length, 2);
  }));

test("a second tab is told that the store is elsewhere, and takes it where it is asked to", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const visit = await begun(phone.page);
    const second = await phone.newTab();
    await until(second, "standing", (it) => it.is === "elsewhere");
    assert.equal((await ask(second, { ask: "home" })).reply, "refused");
    assert.equal((await answer(phone.page, visit, "A01", "yes")).reply, "change");

    // Tapped twice, it is taken once.
    await second.evaluate(() => {
      const { core } = globalThis.veedor;
      globalThis.stands = [];
      core.standing.subscribe((it) => globalThis.stands.push(it.is));
      return Promise.all([core.useHere(), new Promise((resolve) => setTimeout(resolve, 30)).then(() => core.useHere())]);
    });
    await until(second, "standing", (it) => it.is === "open");
    assert.deepEqual(await second.evaluate(() => globalThis.stands), ["elsewhere", "starting", "opening", "open"]);
    assert.equal((await standing(phone.page)).is, "elsewhere");
    assert.match((await itemOf(second, visit, "A01")).json, /yes/);
    assert.equal((await ask(phone.page, { ask: "home" })).reply, "refused");

    // The first tab hangs with the store in its hands: it is taken from it.
    await core(phone.page, "useHere");
    await until(phone.page, "standing", (it) => it.is === "open");
    const hung = phone.page.evaluate(() => {
      const end = performance.now() + 5_000;
      while (performance.now() < end) {
        // hangs
      }
    });
    await core(second, "useHere");
    await until(second, "standing", (it) => it.is === "open");
    await hung;
    await until(phone.page, "standing", (it) => it.is === "elsewhere");
    assert.match((await itemOf(second, visit, "A01")).json, /yes/);
  }));

test("a worker that breaks down is told, and whoever is chosen again finds everything", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    await enrolled(phone);
    const visit = await begun(page);
    assert.equal((await answer(page, visit, "A01", "yes")).reply, "change");
    await page.workers()[0].evaluate(() => {
      setTimeout(() => {
        throw new Error("on purpose");
      });
    });
    const { problem, profile } = await until(page, "standing", (it) => it.is === "broken");
    assert.equal(problem.code, "app_failed");
    assert.match(problem.errors[0].message_es, /on purpose.*a salvo/);
    await core(page, "choose", profile.id);
    assert.equal((await standing(page)).is, "open");
    assert.match((await itemOf(page, visit, "A01")).json, /yes/);
  }));

test("a wrong PIN is refused, counted and made to wait for, and nothing on the disk tells an answer or a key", () =>
  withPhone(async (phone) => {
    await enrolled(phone, "246810");
    const visit = await begun(phone.page);
    const told = "Nadie debe leer esta frase en el disco del teléfono";
    assert.equal((await answer(phone.page, visit, "B05", told)).reply, "change");
    const secrets = await phone.page.evaluate(() => globalThis.veedor.secrets());
    assert.equal(secrets.length, 2);
    await phone.stop();

    const seals = secrets.flatMap((it) => [it, Buffer.from(it, "hex")]);
    assert.deepEqual(await found(phone.profile, [told, Buffer.from(told, "utf16le"), "246810", ...seals]), []);
    // The search sees both places: the keys' row in IndexedDB, and the store's files, whose names are not sealed.
    assert.notDeepEqual(await found(phone.profile, ["wrapping"]), []);
    assert.notDeepEqual(await found(phone.profile, ["/device.db"]), []);

    await phone.start();
    const locked = await until(phone.page, "standing", (it) => it.is === "locked");
    assert.deepEqual([locked.wrong, locked.waitMs, locked.profile.name], [0, 0, "Ana"]);
    assert.equal((await ask(phone.page, { ask: "home" })).reply, "refused");
    for (const wrong of [1, 2, 3]) {
      const outcome = await core(phone.page, "unlock", "111111");
      assert.equal(outcome.problem.code, "wrong_pin");
      assert.deepEqual(await standing(phone.page).then((it) => [it.is, it.wrong, it.waitMs]), ["locked", wrong, 0]);
    }
    // Started anew, it still knows.
    await phone.page.reload();
    await until(phone.page, "standing", (it) => it.is === "locked" && it.wrong === 3);
    await core(phone.page, "unlock", "111111");
    const { waitMs } = await standing(phone.page);
    assert.ok(waitMs > 25_000 && waitMs <= 30_000, `${waitMs}`);
    assert.equal((await core(phone.page, "unlock", "246810")).problem.code, "pin_must_wait");
    await waitSinceWrongPin(phone.page, 31_000);
    assert.deepEqual(await core(phone.page, "unlock", "246810"), { ok: true });
    assert.match((await itemOf(phone.page, visit, "B05")).json, /Nadie debe leer/);

    assert.equal((await core(phone.page, "setPin", "111111", null)).problem.code, "wrong_pin");
    assert.deepEqual(await core(phone.page, "setPin", "246810", null), { ok: true });
    await phone.page.reload();
    await until(phone.page, "standing", (it) => it.is === "open");
  }));

test("a Wi-Fi's sign-in page is told as what it is, whether it answers or redirects, and nothing is lost by it", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const visit = await begun(phone.page);
    await until(phone.page, "sync", allSent);
    for (const kind of ["portal", "redirect"]) {
      front.network = kind;
      await answer(phone.page, visit, "B05", `Detrás del Wi-Fi de la cafetería: ${kind}, sin entrar todavía`);
      await core(phone.page, "sendNow");
      const told = await until(phone.page, "sync", (it) => it.problem?.code === "captive_portal");
      assert.equal(told.pill, "error");
      assert.equal(told.edits, 1);
      front.network = "on";
      await core(phone.page, "sendNow");
      await until(phone.page, "sync", allSent);
    }
  }));

test("what a gateway refuses with a page of its own is no Wi-Fi to sign in to, and goes once it passes", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const visit = await begun(phone.page);
    await until(phone.page, "sync", allSent);
    front.network = "gateway";
    await answer(phone.page, visit, "B05", "Detrás de un servidor intermedio");
    await core(phone.page, "sendNow");
    const told = await until(phone.page, "sync", (it) => it.problem?.code === "not_veedor");
    assert.deepEqual([told.edits, told.problem.title.includes("413")], [1, true]);
    front.network = "on";
    await core(phone.page, "sendNow");
    await until(phone.page, "sync", allSent);
  }));

test("the browser is asked to keep what is stored at each start until it promises to", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    await page.addInitScript(() => {
      globalThis.asked = 0;
      globalThis.promises = sessionStorage.promises === "yes";
      StorageManager.prototype.persisted = () => Promise.resolve(globalThis.promises);
      StorageManager.prototype.persist = () => {
        globalThis.asked += 1;
        return Promise.resolve(globalThis.promises);
      };
    });
    await enrolled(phone);
    const askedAt = async (promises) => {
      await page.evaluate((it) => sessionStorage.setItem("promises", it), promises);
      await page.reload();
      await until(page, "standing", (it) => it.is === "open");
      const { persisted } = await until(page, "storage", (it) => it.persisted === (promises === "yes"));
      return [persisted, await page.evaluate(() => globalThis.asked)];
    };
    assert.deepEqual(await askedAt("no"), [false, 1]);
    assert.deepEqual((await askedAt("yes"))[0], true);
    assert.deepEqual(await askedAt("no"), [false, 1]);
  }));

test("a new version waits until the person takes it, and a portal's page never becomes one", () =>
  withPhone(async (phone) => {
    let { page } = phone;
    await enrolled(phone);
    const visit = await begun(page);
    await keptForOffline(page);
    const newer = await anotherVersion(APP);
    try {
      // The first half of the download is a sign-in page's.
      front.folder = newer.broken;
      await lookForUpdate(page);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.equal(await page.evaluate(() => globalThis.veedor.core.updateWaits.value), false);

      front.folder = newer.folder;
      await lookForUpdate(page);
      await until(page, "updateWaits", (it) => it);
      assert.equal(await page.evaluate(() => document.getElementById("app").dataset.edition), undefined);
      assert.equal((await answer(page, visit, "A01", "yes")).reply, "change");

      // A browser puts the new service worker in force once the app is closed: nobody took the version by that.
      for (const network of ["on", "off"]) {
        await phone.stop();
        front.network = network;
        await phone.start();
        ({ page } = phone);
        await until(page, "standing", (it) => it.is === "open");
        await until(page, "updateWaits", (it) => it);
        assert.equal(await page.evaluate(() => document.getElementById("app").dataset.edition), undefined, network);
      }
      front.network = "on";

      const loaded = page.waitForEvent("load");
      await core(page, "applyUpdate");
      await loaded;
      await until(page, "standing", (it) => it.is === "open");
      assert.equal(await page.evaluate(() => document.getElementById("app").dataset.edition), "2");
      assert.equal(await page.evaluate(async () => (await caches.keys()).length), 2, "the version and its choice");
      assert.match((await itemOf(page, visit, "A01")).json, /yes/);
    } finally {
      front.folder = APP;
      await newer.remove();
    }
  }));

test("a phone whose files were copied goes on as a new device, and the office gets what both copies wrote", () =>
  withPhone(async (phone) => {
    await enrolled(phone);
    const visit = await begun(phone.page);
    await until(phone.page, "sync", allSent);
    await phone.stop();
    const copy = await phone.copy();
    try {
      await phone.start();
      await until(phone.page, "standing", (it) => it.is === "open");
      await answer(phone.page, visit, "A01", "yes");
      await until(phone.page, "sync", (it) => it.edits > 0);
      await until(phone.page, "sync", allSent);
      await phone.stop();

      await copy.start();
      await until(copy.page, "standing", (it) => it.is === "open");
      await answer(copy.page, visit, "A02", "no");
      await until(copy.page, "sync", (it) => it.edits > 0);
      await until(copy.page, "sync", allSent);
      // And it opens with its new key.
      await copy.page.reload();
      await until(copy.page, "standing", (it) => it.is === "open");
      const { items } = await ask(copy.page, { ask: "open", visit });
      assert.match(items.find((it) => it.id === "A02").json, /no/);
      const there = await office.call("GET", "/devices?limit=1000", null, "olga");
      assert.ok(there.items.some((it) => it.forked));
    } finally {
      await copy.remove();
    }
  }));

test("a phone whose session the office no longer knows keeps everything, and a new code lets it go on", () =>
  withPhone(async (phone) => {
    const { login } = await enrolled(phone);
    const visit = await begun(phone.page);
    await until(phone.page, "sync", allSent);
    await phone.stop();
    const copy = await phone.copy();
    try {
      // The same device takes a new session, which ends the one that the copy still has.
      await copy.start();
      await until(copy.page, "standing", (it) => it.is === "open");
      assert.deepEqual(await core(copy.page, "enrol", await office.newCode(login), "Ana", null), { ok: true });
      await copy.stop();

      await phone.start();
      await until(phone.page, "standing", (it) => it.is === "open");
      await answer(phone.page, visit, "A01", "yes");
      const told = await until(phone.page, "sync", (it) => it.problem?.code === "auth_needed");
      assert.equal(told.pill, "error");
      assert.equal(told.edits, 1);
      assert.match(told.problem.errors[0].message_es, /código nuevo/);
      assert.deepEqual(await core(phone.page, "enrol", await office.newCode(login), "Ana", null), { ok: true });
      await until(phone.page, "sync", allSent);
    } finally {
      await copy.remove();
    }
  }));

test("a device that was taken out says so, and a person who is removed leaves nothing here", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    const auditor = await enrolled(phone);
    const visit = await begun(page);
    await until(page, "sync", allSent);
    const { items } = await office.call("GET", `/devices?user=${auditor.id}`, null, "olga");
    await office.call("POST", `/devices/${items[0].dev}/revoke`, {}, "olga");
    await answer(page, visit, "A01", "yes");
    const told = await until(page, "sync", (it) => it.ended !== null && it.problem !== null && it.pill === "error");
    assert.equal(told.ended, "device_revoked");
    assert.equal(told.edits, 0);

    const { profile } = await standing(page);
    assert.deepEqual(await core(page, "forget", profile.id), { ok: true });
    assert.deepEqual(await standing(page), { is: "profiles", profiles: [] });
    const left = await page.evaluate(async () => {
      const names = [];
      for await (const name of (await navigator.storage.getDirectory()).keys()) {
        names.push(name);
      }
      return names;
    });
    assert.deepEqual(left, []);
  }));

test("a store that cannot be read is told with what is safe and what to do, and is left as it lies", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    await enrolled(phone);
    await core(page, "lock");
    const [{ id }] = (await standing(page)).profiles;
    const sizes = await page.evaluate(damageFiles, id);
    await page.reload();
    const broken = await until(page, "standing", (it) => it.is === "broken");
    assert.equal(broken.problem.code, "store_unreadable");
    assert.match(broken.problem.errors[0].message_es, /No se borró nada/);
    assert.equal((await ask(page, { ask: "home" })).reply, "refused");
    await core(page, "choose", id);
    assert.equal((await standing(page)).is, "broken");
    assert.deepEqual(await page.evaluate(fileSizes, id), sizes);
    assert.deepEqual(await core(page, "forget", id), { ok: true });
  }));

test("a store that the browser deleted is told as gone, and its keys make no other", () =>
  withPhone(async (phone) => {
    const { page } = phone;
    await enrolled(phone);
    await core(page, "lock");
    const { profiles } = await standing(page);
    await page.evaluate(async (id) => {
      const root = await navigator.storage.getDirectory();
      await root.removeEntry(`.veedor-${id}`, { recursive: true });
    }, profiles[0].id);
    await page.reload();
    const broken = await until(page, "standing", (it) => it.is === "broken");
    assert.equal(broken.problem.code, "store_gone");
    assert.deepEqual(await core(page, "forget", profiles[0].id), { ok: true });
    await enrolled(phone);
  }));

test("sound and a file are kept where the programme permits them, go to the office, and are refused where they are not what they say", () =>
  withPhone(async (phone) => {
    const text = await readFile(new URL("../../audit-templates/examples/evidencia.yaml", import.meta.url), "utf8");
    const template = await office.release(text, { id: "ejemplo-evidencia", version: 1 });
    await enrolled(phone, null, { template, onPhones: { audio: true, files: true } });
    const { page } = phone;
    const visit = await begun(page);
    const keep = (field, type, bytes) =>
      page.evaluate(
        ([visit, field, type, bytes]) => globalThis.veedor.core.attach(visit, field, new Blob([new Uint8Array(bytes)], { type }), { capturedAtMs: Date.now(), position: null, source: null }),
        [visit, field, type, [...bytes]],
      );
    const sound = Buffer.concat([Buffer.from([0x1a, 0x45, 0xdf, 0xa3]), Buffer.alloc(60_000, 7)]);
    const wrong = await keep("A03", "audio/ogg", sound);
    assert.equal(wrong.problem.errors[0].code, "wrong_bytes");
    assert.equal((await keep("A03", "audio/webm", sound)).reply, "change");
    const kept = await keep("A04", "text/csv", Buffer.from("concepto;precio\nCuenta;0\n"));
    assert.deepEqual(kept.state.missing.map((it) => it.field), ["/A01"]);
    await until(page, "sync", allSent);
    const seen = await office.call("GET", `/visits/${visit}/evidence`, null, "rita");
    const told = seen.photos.map((it) => [it.field, it.state, it.declared_mime, it.size]);
    assert.deepEqual(told, [["A03", "stored", "audio/webm", sound.length], ["A04", "stored", "text/csv", 25]]);
    assert.ok(seen.complete && !seen.photos.some((it) => it.flags.includes("not_permitted")));
  }));
