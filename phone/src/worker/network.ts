// Requests to the office. Owns time limits, packing, and telling the office's answer from whatever else answers on a phone's way: a
// Wi-Fi's sign-in page, a proxy, nothing.

import type { Problem } from "../core/messages";
import { isProblem, notVeedor, offline, portal, tooSlow, unreachable } from "../core/problems";

/** An answer of the office, or why there is none. */
export type Answer =
  | { is: "answered"; body: Uint8Array<ArrayBuffer> }
  | { is: "refused"; problem: Problem }
  | { is: "none"; problem: Problem };

/** How long nothing may happen. */
const SILENCE_MS = 30_000;
/** The slowest line that is waited for, in bytes a millisecond. */
const SLOWEST = 8;
/** Below this, packing costs more than it saves. */
const WORTH_PACKING = 512;

interface Asked {
  method: "POST" | "PATCH";
  path: string;
  token: string | null;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
  /** The media type that only the office answers with. */
  accept: "application/cbor" | "application/json";
}

async function packed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
  if (bytes.length < WORTH_PACKING || typeof CompressionStream === "undefined") {
    return null;
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The bytes of an answer, as long as some keep coming. */
async function bytesOf(response: Response, alive: (ms: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
    alive(SILENCE_MS);
    parts.push(next.value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    // Whoever says JSON and sends none is not the office; the caller tells so.
    return undefined;
  }
}

async function judged(response: Response, accept: Asked["accept"], alive: (ms: number) => void): Promise<Answer> {
  if (response.type === "opaqueredirect") {
    return { is: "none", problem: portal() };
  }
  const type = response.headers.get("content-type") ?? "";
  const is = (wanted: string): boolean => type === wanted || type.startsWith(`${wanted};`);
  const { status } = response;
  if (accept === "application/cbor" && is(accept)) {
    // Refusals too are said in it.
    return { is: "answered", body: await bytesOf(response, alive) };
  }
  if (is("application/json") || is("application/problem+json")) {
    const body = await bytesOf(response, alive);
    const said = jsonOf(body);
    if (isProblem(said)) {
      return { is: "refused", problem: said };
    }
    const isExpected = accept === "application/json" && response.ok && said !== undefined;
    return isExpected ? { is: "answered", body } : { is: "none", problem: notVeedor(status) };
  }
  // What stands between refuses with pages too: those are no sign-in.
  const isPage = is("text/html") && (status < 400 || status === 511);
  return { is: "none", problem: isPage ? portal() : notVeedor(status) };
}

async function ask(asked: Asked, stop: AbortSignal): Promise<Answer> {
  const limit = new AbortController();
  let timer = 0;
  let isLate = false;
  const alive = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isLate = true;
      limit.abort();
    }, ms);
  };
  const callOff = (): void => limit.abort();
  stop.addEventListener("abort", callOff);
  alive(SILENCE_MS + asked.body.length / SLOWEST);
  const { method, path, token, body } = asked;
  const headers = { ...asked.headers, Accept: asked.accept, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
  try {
    const response = await fetch(path, {
      method,
      headers,
      body,
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      // Not followed, and yet told from a line that is down: the office never redirects, a Wi-Fi's sign-in does.
      redirect: "manual",
      signal: limit.signal,
    });
    return await judged(response, asked.accept, alive);
  } catch (thrown) {
    if (isLate) {
      return { is: "none", problem: tooSlow() };
    }
    const what = thrown instanceof Error ? thrown.message : String(thrown);
    return { is: "none", problem: navigator.onLine ? unreachable(what) : offline() };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", callOff);
  }
}

/** One exchange of the sync protocol. */
export async function exchange(token: string, request: Uint8Array<ArrayBuffer>, stop: AbortSignal): Promise<Answer> {
  const gzip = await packed(request);
  const headers: Record<string, string> = { "Content-Type": "application/cbor" };
  if (gzip !== null) {
    headers["Content-Encoding"] = "gzip";
  }
  const body = gzip ?? request;
  return ask({ method: "POST", path: "/sync/v1/exchange", token, headers, body, accept: "application/cbor" }, stop);
}

/** Asks where photos stand. */
export function queryPhotos(token: string, body: Uint8Array<ArrayBuffer>, stop: AbortSignal): Promise<Answer> {
  const headers = { "Content-Type": "application/cbor" };
  return ask({ method: "POST", path: "/sync/v1/blobs/query", token, headers, body, accept: "application/cbor" }, stop);
}

/** A part of a photo. */
export interface Part {
  blob: string;
  size: number;
  offset: number;
  hash: string;
}

/** Sends a part of a photo as it is; photos do not compress. */
export function sendPart(token: string, part: Part, body: Uint8Array<ArrayBuffer>, stop: AbortSignal): Promise<Answer> {
  const headers = { "Content-Type": "application/octet-stream", "Chunk-SHA256": part.hash };
  const path = `/sync/v1/blobs/${part.blob}?offset=${part.offset}&size=${part.size}`;
  return ask({ method: "PATCH", path, token, headers, body, accept: "application/cbor" }, stop);
}

/** Hands in a report of an incident. */
export function handIn(token: string, body: Uint8Array<ArrayBuffer>, stop: AbortSignal): Promise<Answer> {
  const headers = { "Content-Type": "application/json" };
  return ask({ method: "POST", path: "/api/v1/incidents", token, headers, body, accept: "application/json" }, stop);
}

/** One call of the JSON API. */
export function post(path: string, token: string | null, message: unknown, stop: AbortSignal): Promise<Answer> {
  const headers = { "Content-Type": "application/json" };
  const body = new TextEncoder().encode(JSON.stringify(message));
  return ask({ method: "POST", path, token, headers, body, accept: "application/json" }, stop);
}
