// The people of this phone and their keys. Owns how keys are made, kept and opened, and how often a PIN may be tried.
//
// A person's store needs three things: the cipher key of its files, a random secret for each signing key, and the signing keys, which
// WebCrypto never tells anybody. The first two lie here sealed with a key that never leaves the browser either, and where there is a
// PIN once more with a key made from it. A PIN keeps out whoever picks up the phone. It does not keep out whoever takes the browser's
// files off it: browsers keep keys that they tell nobody in files too, and a good machine tries all PINs of 6 digits within minutes.

import type { Place, Profile } from "../core/api";
import type { Opened } from "../core/line";
import { Failed, noSuchProfile, pinMustWait, shortPin, wrongPin } from "../core/problems";
import * as database from "./database";

const SECRET_BYTES = 32;
/** As much as a cheap phone does in about a second. */
const PIN_ROUNDS = 600_000;
const PIN = /^\d{6,}$/;
/** How long to wait after so many wrong ones: three cost nothing. */
const WAITS_MS = [0, 0, 0, 0, 30_000, 60_000, 300_000, 900_000];

interface SigningKey {
  /** The id of the device that has it: the beginning of its hash, hexadecimal. */
  dev: string;
  /** 65 bytes, uncompressed. */
  publicKey: Uint8Array<ArrayBuffer>;
  privateKey: CryptoKey;
}

interface Sealed {
  nonce: Uint8Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
}

interface PinFacts {
  salt: Uint8Array<ArrayBuffer>;
  rounds: number;
  wrong: number;
  lastWrongMs: number;
}

interface Row {
  id: string;
  name: string;
  server: string;
  lastUsedMs: number;
  /** Whether the server took its code; until then nobody sees it, and the next code uses it. */
  enrolled: boolean;
  /** Whether its store was opened once: from then on a store that is missing was lost, and its keys make no other. */
  made: boolean;
  lastSentMs: number | null;
  meteredAllowed: boolean;
  /** JSON of whose store it is and what rescue files are sealed for, for when the store cannot say it any more. */
  office?: string;
  /** Where in which visit the person was last. */
  place?: Place;
  pin: PinFacts | null;
  wrapping: CryptoKey;
  /** The cipher key and the secret of each signing key, one after the other. */
  sealed: Sealed;
  /** The newest last. */
  keys: SigningKey[];
}

/** What the store is opened with. */
export interface StoreKeys {
  /** Hexadecimal. */
  cipher: string;
  /** Secret and public key of each signing key. */
  keys: Uint8Array<ArrayBuffer>;
  /** Whether the store may be made. */
  make: boolean;
}

export type Unlocked = { opened: Opened } | { wrong: number; waitMs: number; problem: Failed };

const hex = (bytes: Uint8Array): string => Array.from(bytes, (it) => it.toString(16).padStart(2, "0")).join("");
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, it) => sum + it.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// ---- sealing ----

async function sealWith(key: CryptoKey, content: Uint8Array<ArrayBuffer>, about: string): Promise<Sealed> {
  const nonce = random(12);
  const additionalData = new TextEncoder().encode(about);
  const bytes = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData }, key, content);
  return { nonce, bytes: new Uint8Array(bytes) };
}

async function unsealWith(key: CryptoKey, sealed: Sealed, about: string): Promise<Uint8Array<ArrayBuffer>> {
  const additionalData = new TextEncoder().encode(about);
  const opening = { name: "AES-GCM", iv: sealed.nonce, additionalData };
  return new Uint8Array(await crypto.subtle.decrypt(opening, key, sealed.bytes));
}

async function seal(row: Pick<Row, "id" | "wrapping">, pinKey: CryptoKey | null, content: Uint8Array<ArrayBuffer>): Promise<Sealed> {
  if (pinKey === null) {
    return sealWith(row.wrapping, content, row.id);
  }
  const inner = await sealWith(pinKey, content, row.id);
  return sealWith(row.wrapping, joined([inner.nonce, inner.bytes]), row.id);
}

/** The content; none where the PIN's key is another. */
async function unseal(row: Row, pinKey: CryptoKey | null): Promise<Uint8Array<ArrayBuffer> | null> {
  const outer = await unsealWith(row.wrapping, row.sealed, row.id);
  if (pinKey === null) {
    return outer;
  }
  try {
    return await unsealWith(pinKey, { nonce: outer.slice(0, 12), bytes: outer.slice(12) }, row.id);
  } catch (thrown) {
    // What another key opens is told apart by its tag, as this error; anything else is no wrong PIN.
    if (thrown instanceof DOMException && thrown.name === "OperationError") {
      return null;
    }
    throw thrown;
  }
}

async function pinKeyOf(pin: string, facts: Pick<PinFacts, "salt" | "rounds">): Promise<CryptoKey> {
  const typed = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: facts.salt, iterations: facts.rounds };
  return crypto.subtle.deriveKey(how, typed, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

// ---- keys ----

async function newSigningKey(): Promise<SigningKey> {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(curve, false, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", publicKey));
  return { dev: hex(hash.subarray(0, 16)), publicKey, privateKey: pair.privateKey };
}

async function rowOf(id: string): Promise<Row> {
  const row = await database.read<Row>(id);
  if (row === undefined) {
    throw new Failed(noSuchProfile());
  }
  return row;
}

async function contentOf(opened: Opened): Promise<[Row, Uint8Array<ArrayBuffer>]> {
  const row = await rowOf(opened.profile);
  const content = await unseal(row, opened.pinKey);
  if (content === null) {
    throw new Failed(wrongPin());
  }
  return [row, content];
}

function storeKeysOf(row: Row, content: Uint8Array<ArrayBuffer>): StoreKeys {
  const parts = row.keys.flatMap((it, index) => {
    const at = SECRET_BYTES * (index + 1);
    return [content.subarray(at, at + SECRET_BYTES), it.publicKey];
  });
  return { cipher: hex(content.subarray(0, SECRET_BYTES)), keys: joined(parts), make: !row.made };
}

export async function storeKeys(opened: Opened): Promise<StoreKeys> {
  return storeKeysOf(...(await contentOf(opened)));
}

/** Another signing key, kept before it is told: from the next opening on the store may be that key's. */
export async function addKey(opened: Opened): Promise<StoreKeys> {
  const [row, content] = await contentOf(opened);
  const key = await newSigningKey();
  const sealed = await seal(row, opened.pinKey, joined([content, random(SECRET_BYTES)]));
  await database.change<Row>(row.id, (now) => ({ ...now, sealed, keys: [...row.keys, key] }));
  return storeKeys(opened);
}

/** The signature of a device's key, as 64 bytes. */
export async function sign(opened: Opened, dev: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const key = (await rowOf(opened.profile)).keys.find((it) => it.dev === dev);
  if (key === undefined) {
    throw new Error(`no key of device ${dev}`);
  }
  return new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, bytes));
}

// ---- people ----

function profileOf(row: Row): Profile {
  const { id, name, server, lastUsedMs, place } = row;
  return { id, name, server, pin: row.pin !== null, lastUsedMs, place };
}

/** Who uses this phone, the last one first. */
export async function profiles(): Promise<Profile[]> {
  const rows = (await database.readAll<Row>()).filter((it) => it.enrolled);
  return rows.map(profileOf).sort((one, other) => other.lastUsedMs - one.lastUsedMs);
}

export async function profile(id: string): Promise<Profile> {
  return profileOf(await rowOf(id));
}

/** Keys for a code that is about to be used: those of the last attempt, where it did not come through, or new ones. */
export async function prepare(server: string): Promise<Opened> {
  const begun = (await database.readAll<Row>()).find((it) => !it.enrolled);
  if (begun !== undefined) {
    return { profile: begun.id, pinKey: null };
  }
  const wrapping = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const place = { id: crypto.randomUUID(), wrapping };
  const row: Row = {
    ...place,
    name: "",
    server,
    lastUsedMs: 0,
    enrolled: false,
    made: false,
    lastSentMs: null,
    meteredAllowed: false,
    pin: null,
    sealed: await seal(place, null, random(2 * SECRET_BYTES)),
    keys: [await newSigningKey()],
  };
  await database.write(row);
  return { profile: row.id, pinKey: null };
}

/** From now on the person is seen, and opened with the PIN. */
export async function enrolled(opened: Opened, name: string, pin: string | null, nowMs: number): Promise<Opened> {
  const secured = await secure(opened, pin);
  await database.change<Row>(opened.profile, (row) => {
    return { ...row, ...secured.row, name, enrolled: true, lastUsedMs: nowMs };
  });
  return secured.opened;
}

export function checkPin(pin: string | null): void {
  if (pin !== null && !PIN.test(pin)) {
    throw new Failed(shortPin());
  }
}

/** The keys sealed with another PIN, or none. */
async function secure(opened: Opened, pin: string | null): Promise<{ opened: Opened; row: Pick<Row, "pin" | "sealed"> }> {
  checkPin(pin);
  const [row, content] = await contentOf(opened);
  const facts = pin === null ? null : { salt: random(16), rounds: PIN_ROUNDS, wrong: 0, lastWrongMs: 0 };
  const pinKey = pin === null || facts === null ? null : await pinKeyOf(pin, facts);
  const sealed = await seal(row, pinKey, content);
  return { opened: { profile: opened.profile, pinKey }, row: { pin: facts, sealed } };
}

/** Changes the PIN of whoever is open. */
export async function setPin(opened: Opened, current: string | null, next: string | null, nowMs: number): Promise<Opened> {
  const unlocked = await unlock(opened.profile, current, nowMs);
  if ("problem" in unlocked) {
    throw unlocked.problem;
  }
  const secured = await secure(unlocked.opened, next);
  await database.change<Row>(opened.profile, (row) => ({ ...row, ...secured.row }));
  return secured.opened;
}

function waitMsOf(pin: PinFacts, nowMs: number): number {
  const wait = WAITS_MS[Math.min(pin.wrong, WAITS_MS.length - 1)] ?? 0;
  // A clock that was set back makes nobody wait longer than once.
  return Math.min(wait, Math.max(0, pin.lastWrongMs + wait - nowMs));
}

/** How the PIN of a person stands. */
export async function attempts(id: string, nowMs: number): Promise<{ wrong: number; waitMs: number }> {
  const { pin } = await rowOf(id);
  return pin === null ? { wrong: 0, waitMs: 0 } : { wrong: pin.wrong, waitMs: waitMsOf(pin, nowMs) };
}

/** Opens a person's keys. A wrong PIN is counted before it is known to be wrong, so that stopping the app gains nothing. */
export async function unlock(id: string, pin: string | null, nowMs: number): Promise<Unlocked> {
  const { pin: facts } = await rowOf(id);
  if (facts === null) {
    return { opened: { profile: id, pinKey: null } };
  }
  const waitMs = waitMsOf(facts, nowMs);
  if (waitMs > 0) {
    return { wrong: facts.wrong, waitMs, problem: new Failed(pinMustWait(waitMs)) };
  }
  const counted = { ...facts, wrong: facts.wrong + 1, lastWrongMs: nowMs };
  const row = await database.change<Row>(id, (now) => ({ ...now, pin: counted }));
  const pinKey = await pinKeyOf(pin ?? "", facts);
  if (row === undefined || (await unseal(row, pinKey)) === null) {
    return { wrong: counted.wrong, waitMs: waitMsOf(counted, nowMs), problem: new Failed(wrongPin()) };
  }
  await database.change<Row>(id, (now) => ({ ...now, pin: { ...facts, wrong: 0, lastWrongMs: 0 } }));
  return { opened: { profile: id, pinKey } };
}

// ---- what is remembered beside the keys ----

/** The store was opened: from now on it has to be there. */
export async function opened(id: string, office: string | null, nowMs: number): Promise<void> {
  await database.change<Row>(id, (row) => ({ ...row, ...(office === null ? {} : { office }), made: true, lastUsedMs: row.enrolled ? nowMs : 0 }));
}

/** Whose store it is; empty where it was never opened since it was enrolled. */
export async function office(id: string): Promise<string> {
  return (await rowOf(id)).office ?? "";
}

export async function remembered(id: string): Promise<Pick<Row, "lastSentMs" | "meteredAllowed">> {
  return rowOf(id);
}

export async function remember(id: string, what: Partial<Pick<Row, "lastSentMs" | "meteredAllowed" | "place">>): Promise<void> {
  await database.change<Row>(id, (row) => ({ ...row, ...what }));
}

export function forget(id: string): Promise<void> {
  return database.remove(id);
}
