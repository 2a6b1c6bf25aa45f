// The service worker: keeps the app's own files, so that it starts without a network. Owns their copies and nothing else: what goes to
// `/api` and `/sync` never passes through here, and a new version waits until the person takes it.

/// <reference lib="webworker" />

/** Path and hash of each file of this version, written by the build (`vite.config.ts`). */
declare const FILES: readonly (readonly [path: string, integrity: string])[];
/** Hash of all of them. */
declare const VERSION: string;

const worker = self as unknown as ServiceWorkerGlobalScope;
const SCOPE = "/app/";
const CACHE = `veedor-${VERSION}`;

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

async function clean(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((it) => it.startsWith("veedor-") && it !== CACHE);
  await Promise.all(old.map((it) => caches.delete(it)));
  await worker.clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
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
  if (event.data === "take-over") {
    event.waitUntil(worker.skipWaiting());
  }
});
