// The service worker: keeps the app's own files, so that it starts without a network. Owns their copies and nothing else: what goes to
// `/api` and `/sync` never passes through here, and a new version waits until the person takes it. A browser puts a new service worker
// in force whenever the app was closed; which version it serves is therefore written down, and changes by a tap only.

/// <reference lib="webworker" />

/** Path and hash of each file of this version, written by the build (`vite.config.ts`). */
declare const FILES: readonly (readonly [path: string, integrity: string])[];
/** Hash of all of them. */
declare const VERSION: string;

const worker = self as unknown as ServiceWorkerGlobalScope;
const SCOPE = "/app/";
const nameOf = (version: string): string => `veedor-${version}`;
const CACHE = nameOf(VERSION);
/** Holds nothing but the version that is served. */
const CHOICE = "veedor-choice";
const CHOSEN = `${SCOPE}chosen`;

/** A file from the server. A Wi-Fi's sign-in page in its place has another hash, and is refused. */
function fetched(path: string, integrity: string, cache: RequestCache): Promise<Response> {
  return fetch(path, { integrity, cache, credentials: "omit", redirect: "error" });
}

/** A file as this version has it. What is named by its hash may come from an earlier version, or from what the page just loaded. */
async function found(path: string, integrity: string): Promise<Response> {
  if (!path.startsWith(`${SCOPE}assets/`)) {
    return fetched(path, integrity, "no-cache");
  }
  const known = await caches.match(path);
  return known ?? fetched(path, integrity, "default").catch(() => fetched(path, integrity, "reload"));
}

async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const [path, integrity] of FILES) {
    // One after the other: on a poor line, what came stays for the next attempt.
    if ((await cache.match(path)) === undefined) {
      await cache.put(path, await found(path, integrity));
    }
  }
}

/** The version that is served: this one, where none was chosen or the chosen one is not there any more. */
async function readChosen(): Promise<string> {
  const version = await (await caches.match(CHOSEN, { cacheName: CHOICE }))?.text();
  return version !== undefined && (await caches.has(nameOf(version))) ? version : VERSION;
}

let chosen: Promise<string> | null = null;

async function choose(version: string): Promise<void> {
  await (await caches.open(CHOICE)).put(CHOSEN, new Response(version));
  chosen = Promise.resolve(version);
}

async function clean(): Promise<void> {
  const version = await readChosen();
  await choose(version);
  const names = await caches.keys();
  const old = names.filter((it) => it.startsWith("veedor-") && ![CACHE, CHOICE, nameOf(version)].includes(it));
  await Promise.all(old.map((it) => caches.delete(it)));
  await worker.clients.claim();
}

async function takeOver(): Promise<void> {
  await choose(VERSION);
  if (worker.registration.waiting !== null) {
    await worker.skipWaiting();
  } else {
    await clean();
  }
}

async function answer(request: Request): Promise<Response> {
  chosen ??= readChosen();
  const cache = await caches.open(nameOf(await chosen));
  const path = request.mode === "navigate" ? SCOPE : new URL(request.url).pathname;
  return (await cache.match(path)) ?? fetch(request);
}

worker.addEventListener("install", (event) => event.waitUntil(keep()));
worker.addEventListener("activate", (event) => event.waitUntil(clean()));

worker.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method === "GET" && origin === location.origin && pathname.startsWith(SCOPE)) {
    event.respondWith(answer(event.request));
  }
});

worker.addEventListener("message", (event) => {
  const [port] = event.ports;
  if (event.data === "take-over") {
    event.waitUntil(takeOver().then(() => port?.postMessage(true)));
  } else if (event.data === "is-waiting") {
    event.waitUntil(readChosen().then((it) => port?.postMessage(it !== VERSION)));
  }
});
