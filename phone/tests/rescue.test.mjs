// What never got out of the phone by its own line, in a real browser against a real office: the rescue file, and a damaged store.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startFront } from "./support/front.mjs";
import { startOffice } from "./support/office.mjs";
import { withTrap } from "./support/version.mjs";
import { Phone, ask, core, damageFile, fileSizes, rescueFile, standing, takePhoto, until } from "./support/phone.mjs";

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

/** A phone whose person is in the middle of a visit when the network goes for good. */
async function withoutNetwork(work) {
  front.network = "on";
  const phone = await Phone.make(front.address);
  try {
    await phone.start();
    const { page } = phone;
    const auditor = await office.newAuditor();
    await until(page, "standing", (it) => it.is === "profiles");
    assert.deepEqual(await core(page, "enrol", await office.newCode(auditor.login), "Ana", null), { ok: true });
    await until(page, "pulled", (it) => it > 0);
    await until(page, "sync", allSent);
    const { assignments } = await ask(page, { ask: "home" });
    const { form } = await ask(page, { ask: "start", assignment: assignments[0].id });
    await until(page, "sync", allSent);
    front.network = "off";
    await work(phone, form.visit, (await standing(page)).profile.id);
  } finally {
    await phone.remove();
  }
}

const answer = (page, visit, field, value) => ask(page, { ask: "answer", visit, field, json: JSON.stringify(value) });
const evidence = async (visit) => JSON.stringify(await office.call("GET", `/visits/${visit}/evidence`, null, "rita"));

test("what a phone cannot send comes to the office in a file, and the phone that sends it later doubles nothing", () =>
  withoutNetwork(async ({ page }, visit) => {
    await answer(page, visit, "B05", "Solo está en este teléfono");
    const kept = await page.evaluate(takePhoto, { visit, field: "Z02", side: 900 });
    const made = await page.evaluate(rescueFile, null);
    assert.deepEqual([made.edits, made.photos, made.code], [3, 1, null], JSON.stringify({ ...made, file: null }));
    assert.ok(made.file.length > kept.bytes.length);
    assert.ok(!Buffer.from(made.file).includes("Solo está en este teléfono"));
    const taken = await office.importRescue(Buffer.from(made.file));
    assert.deepEqual(taken.visits[visit], { new: 2, before: 1, apart: 0 });
    assert.deepEqual(taken.photos, { new: 1, before: 0, damaged: 0 });
    const there = await office.call("GET", `/visits/${visit}`);
    assert.match(JSON.stringify(there), /Solo está en este teléfono/);
    const again = await office.importRescue(Buffer.from(made.file));
    assert.deepEqual([again.visits[visit], again.photos], [{ new: 0, before: 3, apart: 0 }, { new: 0, before: 1, damaged: 0 }]);

    front.network = "on";
    await core(page, "sendNow");
    await until(page, "sync", allSent);
    assert.deepEqual(await office.call("GET", `/visits/${visit}`), there);
  }));

test("a store whose files lost their names is not emptied, and all of it is salvaged; then the person starts anew", () =>
  withoutNetwork(async ({ page }, visit, profile) => {
    await answer(page, visit, "B05", "Antes del daño");
    await page.evaluate(takePhoto, { visit, field: "Z02", side: 500 });
    await core(page, "lock");
    const sizes = await page.evaluate(damageFile, { profile, name: "/device.db", at: 0, length: 516 });
    await page.reload();
    const broken = await until(page, "standing", (it) => it.is === "broken");
    assert.equal(broken.problem.code, "store_unreadable");
    const made = await page.evaluate(rescueFile, profile);
    assert.ok(made.edits >= 3 && made.photos === 1, JSON.stringify({ ...made, file: null }));
    const taken = await office.importRescue(Buffer.from(made.file));
    assert.ok(taken.salvaged && taken.visits[visit].new === 2, JSON.stringify(taken));
    assert.equal(taken.photos.new, 1);
    assert.match(JSON.stringify(await office.call("GET", `/visits/${visit}`)), /Antes del daño/);
    // What is damaged lies as it lay, until the person takes it away.
    assert.deepEqual(await page.evaluate(fileSizes, profile), sizes);

    front.network = "on";
    const login = taken.person;
    assert.deepEqual(await core(page, "enrol", await office.newCode(login), "Ana", null), { ok: true });
    await until(page, "pulled", (it) => it > 0);
    await until(page, "sync", allSent);
    assert.deepEqual(await core(page, "forget", profile), { ok: true });
  }));

/** The next start loads the version that is served then. */
async function forgetVersion(page) {
  await page.evaluate(async () => {
    await Promise.all((await navigator.serviceWorker.getRegistrations()).map((it) => it.unregister()));
    await Promise.all((await caches.keys()).map((it) => caches.delete(it)));
  });
  const browser = await page.context().newCDPSession(page);
  await browser.send("Network.clearBrowserCache");
}

for (const [when, pin] of [["at once", null], ["later", "246810"]]) {
  test(`where the module stops ${when} as it opens a store, all is salvaged by another worker${pin ? ", with the PIN that was typed" : ""}`, () =>
    withoutNetwork(async (phone, visit, profile) => {
      const { page } = phone;
      await answer(page, visit, "B05", "Antes de abrir otra vez");
      assert.deepEqual(await core(page, "setPin", null, pin), { ok: true });
      await forgetVersion(page);
      await phone.stop();
      const version = await withTrap(APP, when);
      front.folder = version.folder;
      front.network = "on";
      try {
        await phone.start();
        const again = phone.page;
        if (pin !== null) {
          await until(again, "standing", (it) => it.is === "locked");
          core(again, "unlock", pin).catch(() => undefined);
        }
        const broken = await until(again, "standing", (it) => it.is === "broken");
        assert.deepEqual([broken.problem.code, broken.profile.id], ["store_unreadable", profile]);
        const made = await again.evaluate(rescueFile, profile);
        assert.equal(made.edits, 2, JSON.stringify({ ...made, file: null }));
        const taken = await office.importRescue(Buffer.from(made.file));
        assert.match(JSON.stringify(await office.call("GET", `/visits/${visit}`)), /Antes de abrir otra vez/, JSON.stringify(taken));
        assert.equal((await again.evaluate(rescueFile, "another")).problem.code, "not_open");
        await forgetVersion(again);
      } finally {
        front.folder = APP;
        await version.remove();
      }
      // With a version that does not stop there, the person goes on where they were.
      await phone.stop();
      await phone.start();
      if (pin !== null) {
        await until(phone.page, "standing", (it) => it.is === "locked");
        await core(phone.page, "unlock", pin);
      }
      await until(phone.page, "standing", (it) => it.is === "open");
      assert.match(JSON.stringify(await ask(phone.page, { ask: "open", visit })), /Antes de abrir otra vez/);
    }));
}

test("of a store without its beginning the photos are salvaged, and of one with a hole what lies around it", () =>
  withoutNetwork(async ({ page }, visit, profile) => {
    for (let number = 0; number < 60; number += 1) {
      await answer(page, visit, "B05", `${number} ${"Esperé en la fila y después en la caja. ".repeat(12)}`);
    }
    const kept = await page.evaluate(takePhoto, { visit, field: "Z02", side: 500 });
    const all = (await page.evaluate(rescueFile, null)).edits;
    let hole = null;
    // Where the pages of the log lie follows from the schema: one after the other until one of them is hit.
    for (const part of [0.86, 0.9, 0.82, 0.94, 0.78, 0.74, 0.7]) {
      if ((await standing(page)).is === "open") {
        await core(page, "lock");
      }
      await page.evaluate(damageFile, { profile, name: "/device.db", at: -part, length: 4_096 });
      await page.reload();
      const now = await until(page, "standing", (it) => it.is === "open" || it.is === "broken");
      hole = await page.evaluate(rescueFile, now.is === "open" ? null : profile);
      if (hole.edits < all) {
        break;
      }
    }
    assert.ok(hole.photos === 1 && hole.edits > all / 2 && hole.edits < all, JSON.stringify({ ...hole, file: null }));
    await office.importRescue(Buffer.from(hole.file));

    if ((await standing(page)).is === "open") {
      await core(page, "lock");
    }
    await page.evaluate(damageFile, { profile, name: "/device.db", at: 4_096, length: 4_096 });
    await page.reload();
    await until(page, "standing", (it) => it.is === "broken");
    const made = await page.evaluate(rescueFile, profile);
    assert.deepEqual([made.edits, made.photos], [0, 1], JSON.stringify({ ...made, file: null }));
    const taken = await office.importRescue(Buffer.from(made.file));
    assert.equal(taken.photos.before + taken.photos.new, 1);
    // What attached the photo stands in the visit, or, written behind the hole, beside the log, where people look at it.
    const { blob } = kept.reply.items[0].photos[0];
    const beside = await office.call("GET", `/devices/${taken.device}/beside`, null, "olga");
    const isBeside = beside.items.some((run) => run.ops.some((it) => it.audit === visit && it.kind === "attach" && it.field === "Z02"));
    assert.ok((await evidence(visit)).includes(blob) || isBeside, JSON.stringify(beside));
  }));

test("the original of a photo waits for a line that costs nothing, and goes where a person says so", () =>
  withoutNetwork(async ({ page }, visit) => {
    await page.evaluate(takePhoto, { visit, field: "Z02", side: 500, originalBytes: 900_000 });
    front.network = "on";
    await core(page, "sendNow");
    const sent = await until(page, "sync", allSent);
    assert.deepEqual([sent.originals, sent.originalBytes], [1, 900_000]);
    await core(page, "sendOriginals");
    await until(page, "sync", (it) => it.originals === 0);
  }));

/** In the worker: what is written into a rescue file fails once some bytes are on the disk, by taking a part only. */
function diskFills() {
  const make = FileSystemFileHandle.prototype.createSyncAccessHandle;
  FileSystemFileHandle.prototype.createSyncAccessHandle = async function () {
    const access = await make.call(this);
    if (this.name.startsWith("rescue-")) {
      let writes = 0;
      const write = access.write.bind(access);
      access.write = (bytes, where) => {
        writes += 1;
        return writes < 3 ? write(bytes, where) : write(bytes.subarray(0, 10), where);
      };
    }
    return access;
  };
}

test("a rescue file whose disk fills up meanwhile goes on in memory, and what fails altogether can be tried again", () =>
  withoutNetwork(async ({ page }, visit, profile) => {
    await answer(page, visit, "B05", "Con el disco lleno");
    await page.evaluate(takePhoto, { visit, field: "Z02", side: 700 });
    const [worker] = page.workers();
    // The sealing fails before the disk does.
    await worker.evaluate(() => {
      const encrypt = SubtleCrypto.prototype.encrypt;
      SubtleCrypto.prototype.encrypt = () => {
        SubtleCrypto.prototype.encrypt = encrypt;
        return Promise.reject(new DOMException("on purpose", "OperationError"));
      };
    });
    const failed = await page.evaluate(rescueFile, null);
    assert.equal(failed.problem.code, "rescue_failed");
    assert.match(failed.problem.errors[0].message_es, /libere espacio/);
    await worker.evaluate(async (name) => {
      const root = await navigator.storage.getDirectory();
      // Nobody holds it any more.
      (await (await root.getFileHandle(name)).createSyncAccessHandle()).close();
    }, `rescue-${profile}`);

    await worker.evaluate(diskFills);
    const made = await page.evaluate(rescueFile, null);
    assert.deepEqual([made.edits, made.photos], [3, 1], JSON.stringify({ ...made, file: null }));
    const taken = await office.importRescue(Buffer.from(made.file));
    assert.deepEqual([taken.visits[visit].new, taken.photos.new], [2, 1]);
  }));

test("a damaged store whose copy finds no room says so, and is salvaged once there is some", () =>
  withoutNetwork(async ({ page }, visit, profile) => {
    await answer(page, visit, "B05", "Antes del daño");
    await core(page, "lock");
    await page.evaluate(damageFile, { profile, name: "/device.db", at: 0, length: 516 });
    await page.reload();
    await until(page, "standing", (it) => it.is === "broken");
    await page.workers()[0].evaluate(() => {
      const { write } = FileSystemSyncAccessHandle.prototype;
      FileSystemSyncAccessHandle.prototype.write = function (bytes, where) {
        FileSystemSyncAccessHandle.prototype.write = write;
        return write.call(this, bytes.slice(0, 10), where);
      };
    });
    assert.equal((await page.evaluate(rescueFile, profile)).problem?.code, "rescue_failed");
    const made = await page.evaluate(rescueFile, profile);
    assert.equal((await office.importRescue(Buffer.from(made.file))).visits[visit].new, 1);
  }));

test("a person who is left while a rescue file is written is left, and the file is not made", () =>
  withoutNetwork(async ({ page }, visit, profile) => {
    await answer(page, visit, "B05", "Antes de salir");
    await page.evaluate(takePhoto, { visit, field: "Z02", side: 900 });
    const [worker] = page.workers();
    await worker.evaluate(() => {
      const encrypt = SubtleCrypto.prototype.encrypt;
      const gate = new Promise((resolve) => {
        globalThis.goOn = resolve;
      });
      globalThis.begun = new Promise((resolve) => {
        SubtleCrypto.prototype.encrypt = async function (...with_) {
          SubtleCrypto.prototype.encrypt = encrypt;
          resolve();
          await gate;
          return encrypt.apply(this, with_);
        };
      });
    });
    await page.evaluate(() => {
      globalThis.rescued = globalThis.veedor.core.rescue();
    });
    await worker.evaluate(() => globalThis.begun);
    await page.evaluate(() => {
      globalThis.left = globalThis.veedor.core.lock();
    });
    assert.equal((await ask(page, { ask: "home" })).problem.code, "not_open");
    await worker.evaluate(() => globalThis.goOn());
    const outcome = await page.evaluate(() => globalThis.rescued);
    assert.equal(outcome.problem?.code, "not_open");
    await page.evaluate(() => globalThis.left);
    assert.equal((await standing(page)).is, "profiles");

    await core(page, "choose", profile);
    assert.equal((await standing(page)).is, "open");
    assert.equal((await page.evaluate(rescueFile, null)).photos, 1);
  }));
