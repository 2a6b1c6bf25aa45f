// The rescue file of the open store: all that the office may lack, sealed for the office's key, or for a code that the person passes
// on where the office gave no key. Owns sealing and the name of the file; its form is written down in `sync-core/src/rescue.rs`.

import type { Rescued } from "../core/api";
import { Failed, rescueFailed } from "../core/problems";
import * as files from "./files";
import type { Source } from "./store";

const MAGIC = new TextEncoder().encode("VEEDOR-RESCUE-1\n");
const FOR_OFFICE = 1;
const FOR_CODE = 2;
const INFO = new TextEncoder().encode("veedor-rescue-1");
const PART_BYTES = 256 * 1024;
/** Digits and capital letters that are not taken for each other: 5 bits each. */
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH = 24;
const GROUP = 6;

type Bytes = Uint8Array<ArrayBuffer>;

function joined(...parts: Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, it) => sum + it.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function keyOf(shared: Bytes, head: Bytes): Promise<CryptoKey> {
  const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: head, info: INFO };
  return crypto.subtle.deriveKey(how, secret, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
}

/** Bytes that go sealed into a sink, part by part. */
class Sealer {
  private waiting: Bytes = new Uint8Array();
  private part = 0;

  private constructor(
    private readonly sink: files.Sink,
    private readonly key: CryptoKey,
  ) {}

  static async forOffice(sink: files.Sink, point: Bytes): Promise<Sealer> {
    const curve = { name: "ECDH", namedCurve: "P-256" };
    const office = await crypto.subtle.importKey("raw", point, curve, false, []);
    const pair = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
    const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: office }, pair.privateKey, 256);
    const name = new Uint8Array(await crypto.subtle.digest("SHA-256", point)).subarray(0, 8);
    const own = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    return Sealer.behind(sink, joined(MAGIC, Uint8Array.of(FOR_OFFICE), name, own), new Uint8Array(shared));
  }

  static forCode(sink: files.Sink, code: string): Promise<Sealer> {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const shared = new TextEncoder().encode(code.replaceAll("-", ""));
    return Sealer.behind(sink, joined(MAGIC, Uint8Array.of(FOR_CODE), salt), shared);
  }

  private static async behind(sink: files.Sink, head: Bytes, shared: Bytes): Promise<Sealer> {
    const sealer = new Sealer(sink, await keyOf(shared, head));
    await sink.add(head);
    return sealer;
  }

  async add(bytes: Bytes): Promise<void> {
    this.waiting = joined(this.waiting, bytes);
    // What may be the last part waits for more.
    while (this.waiting.length > PART_BYTES) {
      await this.seal(this.waiting.slice(0, PART_BYTES), false);
      this.waiting = this.waiting.slice(PART_BYTES);
    }
  }

  async finish(): Promise<void> {
    await this.seal(this.waiting, true);
  }

  private async seal(part: Bytes, isLast: boolean): Promise<void> {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setBigUint64(3, BigInt(this.part));
    iv[11] = isLast ? 1 : 0;
    this.part += 1;
    await this.sink.add(new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.key, part)));
  }
}

function newCode(): string {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(CODE_LENGTH)), (it) => LETTERS[it % LETTERS.length]).join("");
  return letters.match(new RegExp(`.{${GROUP}}`, "g"))?.join("-") ?? letters;
}

async function writeInto(sink: files.Sink, from: Source): Promise<Pick<Rescued, "file" | "code">> {
  const key = from.key();
  const code = key === null ? newCode() : null;
  const sealer = key === null ? await Sealer.forCode(sink, code ?? "") : await Sealer.forOffice(sink, key);
  for (let bytes = from.next(); bytes !== null; bytes = from.next()) {
    await sealer.add(bytes);
  }
  await sealer.finish();
  const day = new Date().toISOString().slice(0, 10);
  return { file: await sink.done(`veedor-${day}-${from.profile.slice(0, 8)}.rescate`), code };
}

/** Writes the rescue file; the source is asked part by part, so that taps are answered in between. */
export async function write(from: Source): Promise<Rescued> {
  const holds = await from.begin();
  const sink = await files.rescueSink(from.profile, holds.bytes);
  try {
    return { ...(await writeInto(sink, from)), ...holds };
  } catch (thrown) {
    // What the store says has its own words.
    throw thrown instanceof Failed ? thrown : new Failed(rescueFailed(thrown));
  } finally {
    sink.end();
  }
}
