// Another version of the app, made of the built one: the page bears another mark, and the service worker's list says so.

import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const integrityOf = (content) => `sha256-${createHash("sha256").update(content).digest("base64")}`;

/** `folder` is the version; in `broken` a sign-in page stands where its page should be. */
export async function anotherVersion(built) {
  const root = await mkdtemp(join(tmpdir(), "veedor-version-"));
  const folder = join(root, "whole");
  await cp(built, folder, { recursive: true });
  const page = await readFile(join(folder, "index.html"), "utf8");
  const changed = page.replace('<div id="app">', '<div id="app" data-edition="2">');
  const worker = await readFile(join(folder, "sw.js"), "utf8");
  const listed = worker.replace(integrityOf(page), integrityOf(changed)).replace(/VERSION="[^"]*"/, 'VERSION="2"');
  await writeFile(join(folder, "index.html"), changed);
  await writeFile(join(folder, "sw.js"), listed);
  const broken = join(root, "broken");
  await cp(folder, broken, { recursive: true });
  await writeFile(join(broken, "index.html"), "<h1>Wi-Fi gratis</h1>");
  return { folder, broken, remove: () => rm(root, { recursive: true }) };
}

/** The same version on a phone whose clock is wrong by so many milliseconds, in its page and in its worker. */
export function withClock(built, byMs) {
  return withFault(built, `if(!globalThis.isClockWrong){globalThis.isClockWrong=true;const Right=Date;globalThis.Date=class extends Right{constructor(...it){if(it.length){super(...it)}else{super(Right.now()+${byMs})}}static now(){return Right.now()+${byMs}}}}`);
}

/** The same version in a browser whose key store refuses to open, so often in each page and worker. */
export function withoutVault(built, times) {
  return withFault(built, `if(!globalThis.refusals){globalThis.refusals=${times};const open=IDBFactory.prototype.open;IDBFactory.prototype.open=function(...it){if(globalThis.refusals-->0)throw new DOMException("Connection to Indexed Database server lost","UnknownError");return open.apply(this,it)}}`);
}

/** The same version whose module stops for good when it opens a store: at once, or later, in the middle of it. */
export function withTrap(built, when) {
  const fault = (when, real) => {
    const { exports } = real.instance;
    let isOver = false;
    const trap = () => {
      isOver = true;
      throw new WebAssembly.RuntimeError("unreachable");
    };
    const pass = ([name, it]) => {
      if (typeof it !== "function") {
        return [name, it];
      }
      return [name, (...args) => {
        if (isOver || (name === "browserphone_open" && when === "at once")) {
          trap();
        }
        const answer = it(...args);
        isOver = name === "browserphone_open";
        return answer;
      }];
    };
    return { module: real.module, instance: { exports: Object.fromEntries(Object.entries(exports).map(pass)) } };
  };
  return withFault(built, `if(!globalThis.isTrapSet){globalThis.isTrapSet=true;const real=WebAssembly.instantiateStreaming;const trapped=${fault};WebAssembly.instantiateStreaming=(...it)=>real.apply(WebAssembly,it).then((made)=>trapped(${JSON.stringify(when)},made))}`);
}

/** The same version where this is done before anything else, in its page and in its worker. */
async function withFault(built, fault) {
  const folder = await mkdtemp(join(tmpdir(), "veedor-fault-"));
  await cp(built, folder, { recursive: true });
  let listed = await readFile(join(folder, "sw.js"), "utf8");
  for (const name of await readdir(join(folder, "assets"))) {
    if (!name.endsWith(".js")) {
      continue;
    }
    const path = join(folder, "assets", name);
    const code = await readFile(path, "utf8");
    const changed = `${fault}\n${code}`;
    await writeFile(path, changed);
    listed = listed.replace(integrityOf(code), integrityOf(changed));
  }
  await writeFile(join(folder, "sw.js"), listed);
  return { folder, remove: () => rm(folder, { recursive: true }) };
}
