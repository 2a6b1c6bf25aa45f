// A phone in tests: a Chromium with a profile of its own, which may be killed and started again, and the core of its page.

import { cp, mkdtemp, readFile, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export class Phone {
  constructor(address, profile) {
    this.address = address;
    this.profile = profile;
  }

  static async make(address) {
    return new Phone(address, await mkdtemp(join(tmpdir(), "veedor-phone-")));
  }

  async start() {
    // Never a new context: incognito has another, slower file system.
    this.context = await chromium.launchPersistentContext(this.profile, { executablePath: PROGRAM, args: ["--no-sandbox"] });
    this.page = this.context.pages()[0] ?? (await this.context.newPage());
    await this.open(this.page);
    return this;
  }

  async open(page) {
    page.on("pageerror", (error) => console.error("page:", error));
    page.on("console", (message) => message.type() === "error" && console.error("console:", message.text()));
    await page.goto(`${this.address}/app/`);
    while (!(await page.evaluate(() => "veedor" in globalThis))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async newTab() {
    const page = await this.context.newPage();
    await this.open(page);
    return page;
  }

  /** Power off, in the middle of whatever it does. */
  async kill() {
    const owner = await readlink(join(this.profile, "SingletonLock"));
    const closed = new Promise((resolve) => this.context.once("close", resolve));
    process.kill(Number(owner.split("-").at(-1)), "SIGKILL");
    await closed;
  }

  async stop() {
    await this.context.close();
  }

  /** The same phone once more, as from a backup. */
  async copy() {
    const profile = await mkdtemp(join(tmpdir(), "veedor-phone-"));
    await cp(this.profile, profile, { recursive: true, verbatimSymlinks: true });
    return new Phone(this.address, profile);
  }

  async remove() {
    await this.context.close().catch(() => undefined);
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Calls the core of a page. */
export const core = (page, call, ...with_) => page.evaluate(([name, args]) => globalThis.veedor.core[name](...args), [call, with_]);
export const ask = (page, message) => core(page, "ask", message);
export const standing = (page) => page.evaluate(() => globalThis.veedor.core.standing.value);
export const sync = (page) => page.evaluate(() => globalThis.veedor.core.sync.value);

/** Waits until a signal of the core is as wanted, and gives it. */
export async function until(page, name, isWanted, timeout = 20_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await page.evaluate((signal) => globalThis.veedor.core[signal].value, name);
    if (isWanted(value)) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`${name} never was: ${isWanted}; it is ${JSON.stringify(value)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until the app would start without a network. */
export async function keptForOffline(page) {
  await page.evaluate(async () => (await navigator.serviceWorker.ready).active);
}

/** Lets the browser look for a new version of the app, as it does by itself now and then. */
export async function lookForUpdate(page) {
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
}

/** Makes the last wrong PIN so much older. */
export async function waitSinceWrongPin(page, ms) {
  await page.evaluate(
    (ms) =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open("veedor");
        opening.onsuccess = () => {
          const transaction = opening.result.transaction("profiles", "readwrite");
          const table = transaction.objectStore("profiles");
          table.getAll().onsuccess = ({ target }) => {
            for (const row of target.result) {
              row.pin.lastWrongMs -= ms;
              table.put(row);
            }
          };
          transaction.oncomplete = () => resolve(opening.result.close());
          transaction.onabort = () => reject(transaction.error);
        };
      }),
    ms,
  );
}

/** Which files below a folder hold any of these, and which. */
export async function found(folder, needles) {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((it) => it.isFile());
  const hits = [];
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    const content = await readFile(path);
    needles.forEach((needle, at) => content.includes(needle) && hits.push(`${path}: ${at}`));
  }
  return hits;
}

/** In the page: the sizes of a person's files. */
export async function fileSizes(profile) {
  const root = await navigator.storage.getDirectory();
  const folder = await (await root.getDirectoryHandle(`.veedor-${profile}`)).getDirectoryHandle(".opaque");
  const sizes = [];
  for await (const [name, handle] of folder.entries()) {
    sizes.push(`${name} ${(await handle.getFile()).size}`);
  }
  return sizes.sort();
}

/** In the page: writes over what a person's files hold, and gives their sizes. */
export async function damageFiles(profile) {
  const root = await navigator.storage.getDirectory();
  const folder = await (await root.getDirectoryHandle(`.veedor-${profile}`)).getDirectoryHandle(".opaque");
  const sizes = [];
  for await (const [name, handle] of folder.entries()) {
    const { size } = await handle.getFile();
    // The pool's own page at the beginning stays.
    if (size > 4_096) {
      const writing = await handle.createWritable({ keepExistingData: true });
      const noise = new Uint8Array(size - 4_096).map((_, at) => (at * 31) & 255);
      await writing.write({ type: "write", position: 4_096, data: noise });
      await writing.close();
    }
    sizes.push(`${name} ${size}`);
  }
  return sizes.sort();
}

/** In the page: writes noise into one file of a person's, from a position on, as many bytes; below zero both are parts of the file. Gives
 * how long each file is. */
export async function damageFile({ profile, name, at, length }) {
  const root = await navigator.storage.getDirectory();
  const folder = await (await root.getDirectoryHandle(`.veedor-${profile}`)).getDirectoryHandle(".opaque");
  const sizes = [];
  for await (const [opaque, handle] of folder.entries()) {
    const file = await handle.getFile();
    const head = new TextDecoder().decode(await file.slice(0, name.length + 1).arrayBuffer());
    if (head === `${name}\0`) {
      const from = at < 0 ? Math.floor((file.size * -at) / 4_096) * 4_096 : at;
      const writing = await handle.createWritable({ keepExistingData: true });
      await writing.write({ type: "write", position: from, data: new Uint8Array(length < 0 ? Math.floor(file.size * -length) : length).map((_, it) => (it * 31 + 7) & 255) });
      await writing.close();
    }
    sizes.push(`${opaque} ${file.size}`);
  }
  return sizes.sort();
}

/** In the page: a rescue file, of the open store or of a damaged one. */
export async function rescueFile(profile) {
  const { core } = globalThis.veedor;
  const outcome = await (profile === null ? core.rescue() : core.salvage(profile));
  if (!outcome.ok) {
    return outcome;
  }
  const { file, ...rest } = outcome.rescued;
  return { ...rest, name: file.name, file: Array.from(new Uint8Array(await file.arrayBuffer())) };
}

/** In the page: a picture that does not compress much, kept with an item; gives the reply and its bytes. */
export async function takePhoto({ visit, field, side, originalBytes = 0 }) {
  const canvas = new OffscreenCanvas(side, side);
  const pixels = new ImageData(side, side);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const noise = Math.imul(at ^ (at >>> 7), 2_654_435_761);
    pixels.data.set([noise >>> 24, noise >>> 16, noise >>> 8, 255], at);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const picture = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  const position = { lat_e7: 194_326_077, lon_e7: -991_332_080, accuracy_mm: 12_000 };
  const facts = { capturedAtMs: Date.now(), position, source: "camera", original: originalBytes > 0 ? new Blob([new Uint8Array(originalBytes).fill(7)]) : null };
  const reply = await globalThis.veedor.core.attach(visit, field, picture, facts);
  return { reply, bytes: Array.from(new Uint8Array(await picture.arrayBuffer())) };
}
