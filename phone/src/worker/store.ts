// The open store of one person: the wasm module with its one phone. Owns how it is opened, how what it throws is read, and which of
// its calls go in pairs with the vault (signing, a new key). Everything in it runs at once; nothing here waits for a network.

import type { Opened } from "../core/line";
import type { SyncState } from "../core/messages";
import { Failed, isProblem, notOpen, rescueFailed, storeGone, storeUnreadable, unforeseen } from "../core/problems";
import initialize, { BrowserPhone, BrowserSalvage, type Step } from "../../pkg/phone_wasm.js";
import module from "../../pkg/phone_wasm_bg.wasm?url";
import * as files from "./files";
import * as vault from "./vault";

/** How a run of sending ended, as Rust writes it. */
export interface Ended {
  how: "done" | "backoff" | "auth_needed" | "recover" | "refused" | "paused" | "exchange_first";
  cause: string | null;
  wait_ms: number | null;
  temporary: boolean;
  news: boolean;
  push_only: boolean;
  problem: Failed["problem"] | null;
}

/** What the outside does next for a run. */
export type Next =
  | { is: "sign"; dev: string; bytes: Uint8Array<ArrayBuffer> }
  | { is: "send" | "query"; bytes: Uint8Array<ArrayBuffer> }
  | { is: "part"; part: string; bytes: Uint8Array<ArrayBuffer> }
  | { is: "done"; text: string };

/** What a rescue file holds. */
export interface Holds {
  edits: number;
  incidents: number;
  photos: number;
  bytes: number;
}

/** What the store says where its files cannot be read. */
const UNREADABLE = ["browser_storage_failed", "device_store_failed", "device_store_damaged", "device_file_failed"];

let ready: Promise<unknown> | null = null;

/** Loads the module once; where it did not come, it is asked for again. */
export function load(): Promise<unknown> {
  ready ??= initialize({ module_or_path: module }).catch((thrown: unknown) => {
    ready = null;
    throw thrown;
  });
  return ready;
}

/** What the module threw: its own problems are JSON texts; anything else means that it stopped for good. */
function thrownBy(thrown: unknown): Failed {
  if (thrown instanceof Failed) {
    return thrown;
  }
  if (typeof thrown === "string") {
    const said: unknown = JSON.parse(thrown);
    if (isProblem(said)) {
      return new Failed(said);
    }
  }
  return new Fatal(thrown);
}

/** The module cannot go on; a new worker can. */
export class Fatal extends Failed {
  constructor(readonly thrown: unknown) {
    super(unforeseen(thrown));
  }
}

/** What is to be said where a store does not open: the store knows what, not what it means for people. */
function openingFailed(thrown: unknown): Failed {
  const failed = thrownBy(thrown);
  if (failed.problem.code === "no_device") {
    return new Failed(storeGone());
  }
  return UNREADABLE.includes(failed.problem.code) ? new Failed(storeUnreadable(failed.problem.title)) : failed;
}

/** Whether something was refused since the files cannot be read. */
export function isUnreadable(thrown: unknown): boolean {
  return thrown instanceof Failed && UNREADABLE.includes(thrown.problem.code);
}

function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw thrownBy(thrown);
  }
}

function nextOf(step: Step): Next {
  const { kind, text } = step;
  const bytes = step.bytes as Uint8Array<ArrayBuffer>;
  step.free();
  switch (kind) {
    case "sign":
      return { is: kind, dev: text, bytes };
    case "send":
    case "query":
      return { is: kind, bytes };
    case "part":
      return { is: kind, part: text, bytes };
    case "done":
      return { is: kind, text };
    default:
      throw new Fatal(`the store wants something unknown: ${kind}`);
  }
}

const now = (): bigint => BigInt(Date.now());
const jitter = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

/** What gives the content of a rescue file. */
export interface Source {
  profile: string;
  begin: () => Promise<Holds>;
  /** The next bytes, not sealed yet; none once it is whole. */
  next: () => Uint8Array<ArrayBuffer> | null;
  /** The office's key for rescue files; none where it gave none. */
  key: () => Uint8Array<ArrayBuffer> | null;
}

/** A rescue file of the open store, or of a damaged one; `from` says where that was closed meanwhile. */
function sourceOf(profile: string, keys: Opened, from: () => BrowserPhone | BrowserSalvage): Source {
  return {
    profile,
    begin: async () => {
      const at = now();
      let step = nextOf(calling(() => from().rescue_begin(at)));
      while (step.is === "sign") {
        const signature = await vault.sign(keys, step.dev, step.bytes);
        step = nextOf(calling(() => from().rescue_begin(at, signature)));
      }
      if (step.is !== "done") {
        throw new Fatal(`a rescue file does not ${step.is}`);
      }
      return JSON.parse(step.text) as Holds;
    },
    next: () => (calling(() => from().rescue_next()) ?? null) as Uint8Array<ArrayBuffer> | null,
    key: () => (calling(() => from().rescue_key()) ?? null) as Uint8Array<ArrayBuffer> | null,
  };
}

/** Reads what can be read of a store that does not open, out of a copy of its files: the files themselves stay as they lie. */
export async function salvage<T>(keys: Opened, work: (from: Source) => Promise<T>): Promise<T> {
  await load();
  await files.untilFree(keys.profile);
  try {
    const copy = await files.copyToRead(keys.profile).catch((thrown: unknown) => {
      throw thrown instanceof Failed ? thrown : new Failed(rescueFailed(thrown));
    });
    const with_ = await vault.storeKeys(keys);
    const found = await BrowserSalvage.open(copy, with_.cipher, with_.keys, await vault.office(keys.profile)).catch((thrown: unknown) => {
      throw thrownBy(thrown);
    });
    try {
      return await work(sourceOf(keys.profile, keys, () => found));
    } finally {
      calling(() => found.close());
      found.free();
    }
  } finally {
    await files.removeCopies(keys.profile);
  }
}

export class Store {
  private isClosed = false;

  private constructor(
    private phone: BrowserPhone,
    private keys: Opened,
  ) {}

  /** Opens the store of whoever these keys belong to; makes it where it never was. */
  static async open(keys: Opened): Promise<Store> {
    const [with_] = await Promise.all([vault.storeKeys(keys), files.untilFree(keys.profile), load()]);
    try {
      if (await files.hasDamagedNames(keys.profile)) {
        // The store takes a file whose name it cannot read for one that nobody uses, and empties it.
        throw new Failed(storeUnreadable("header"));
      }
      const phone = await BrowserPhone.open(keys.profile, with_.cipher, with_.keys, with_.make);
      return await Store.opened(new Store(phone, keys), with_.make);
    } catch (thrown) {
      throw openingFailed(thrown);
    }
  }

  private static async opened(store: Store, isNew: boolean): Promise<Store> {
    try {
      const noted = vault.opened(store.profile, store.remembered(), Date.now());
      if (isNew) {
        await noted;
      } else {
        // What a later opening goes by stands there already.
        noted.catch((thrown: unknown) => console.warn("when this store was used last is not kept", thrown));
      }
      await store.tellFreeSpace();
      return store;
    } catch (thrown) {
      store.close();
      throw thrown;
    }
  }

  get profile(): string {
    return this.keys.profile;
  }

  get vaultKeys(): Opened {
    return this.keys;
  }

  /** The same person's keys under another PIN. */
  rekeyed(keys: Opened): void {
    this.keys = keys;
  }

  /** Gives the files back. */
  close(): void {
    this.isClosed = true;
    calling(() => this.phone.close());
    this.phone.free();
  }

  handle(message: string): string {
    return calling(() => this.phone.handle(message));
  }

  attach(photo: string, bytes: Uint8Array<ArrayBuffer>, original: Uint8Array<ArrayBuffer> | null): string {
    return calling(() => this.phone.attach(photo, bytes, original));
  }

  photo(blob: string): Uint8Array<ArrayBuffer> {
    return calling(() => this.phone.photo(blob)) as Uint8Array<ArrayBuffer>;
  }

  syncState(): SyncState {
    return JSON.parse(calling(() => this.phone.sync_state())) as SyncState;
  }

  async tellFreeSpace(): Promise<void> {
    const { quota, usage } = await navigator.storage.estimate();
    // Where the browser does not say, nothing is told: photos are then taken as long as they can be kept.
    if (quota !== undefined && usage !== undefined) {
      calling(() => this.phone.tell_free_space(Math.max(0, quota - usage)));
    }
  }

  // ---- enrolment ----

  /** The request that enrols with a one-time code. */
  async enrolmentRequest(code: string): Promise<Record<string, unknown>> {
    const bytes = calling(() => this.phone.enrolment_bytes(code)) as Uint8Array<ArrayBuffer>;
    const signature = await vault.sign(this.keys, calling(() => this.phone.device_id()), bytes);
    return JSON.parse(calling(() => this.phone.enrolment_request(code, signature))) as Record<string, unknown>;
  }

  /** Keeps what the server answered to it. */
  async enrolled(answer: Uint8Array<ArrayBuffer>): Promise<void> {
    calling(() => this.phone.enrolled(new TextDecoder().decode(answer)));
    await vault.opened(this.profile, this.remembered(), Date.now());
  }

  private remembered(): string | null {
    return calling(() => this.phone.remembered()) ?? null;
  }

  /** The token of the device's session; none before it is enrolled. */
  token(): string | null {
    const enrolment = calling(() => this.phone.enrolment());
    return enrolment === undefined ? null : (JSON.parse(enrolment) as { token: string }).token;
  }

  // ---- exchange ----

  syncBegin(): void {
    calling(() => this.phone.sync_begin(now(), jitter()));
  }

  syncNext(): Next {
    return nextOf(calling(() => this.phone.sync_next()));
  }

  syncSigned(signature: Uint8Array<ArrayBuffer>): void {
    calling(() => this.phone.sync_signed(signature));
  }

  syncAnswered(body: Uint8Array<ArrayBuffer>): void {
    calling(() => this.phone.sync_answered(body));
  }

  syncUnreachable(why: string): void {
    calling(() => this.phone.sync_unreachable(why));
  }

  sign(dev: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return vault.sign(this.keys, dev, bytes);
  }

  /** Goes on as a new device, whose key the vault keeps first. */
  async renew(): Promise<void> {
    const { keys } = await vault.addKey(this.keys);
    let step = nextOf(calling(() => this.phone.renew(keys)));
    while (step.is === "sign") {
      const signature = await this.sign(step.dev, step.bytes);
      step = nextOf(calling(() => this.phone.renew(keys, signature)));
    }
  }

  /** What the server is to be told after a renewal, before anything else. */
  succession(): Record<string, unknown> | null {
    const request = calling(() => this.phone.succession());
    return request === undefined ? null : (JSON.parse(request) as Record<string, unknown>);
  }

  // ---- reports of incidents ----

  incidentsBegin(): void {
    calling(() => this.phone.incidents_begin());
  }

  incidentsNext(): Next {
    return nextOf(calling(() => this.phone.incidents_next()));
  }

  incidentsSigned(signature: Uint8Array<ArrayBuffer>): void {
    calling(() => this.phone.incidents_signed(signature));
  }

  incidentsAnswered(status: number, code: string): void {
    calling(() => this.phone.incidents_answered(status, code));
  }

  // ---- rescue ----

  private stillOpen(): BrowserPhone {
    if (this.isClosed) {
      throw new Failed(notOpen());
    }
    return this.phone;
  }

  /** What the rescue file is made of; once the store is closed it says so. */
  rescue(): Source {
    return sourceOf(this.profile, this.keys, () => this.stillOpen());
  }

  // ---- photos ----

  uploadBegin(what: "photos" | "originals", pause: string): void {
    calling(() => this.phone.upload_begin(what === "originals", pause, now(), jitter()));
  }

  uploadNext(): Next {
    return nextOf(calling(() => this.phone.upload_next()));
  }

  uploadAnswered(body: Uint8Array<ArrayBuffer>): void {
    calling(() => this.phone.upload_answered(body));
  }

  uploadUnreachable(why: string): void {
    calling(() => this.phone.upload_unreachable(why));
  }

  /** Clears photos that are not needed here any more. */
  evict(): void {
    calling(() => this.phone.evict(now()));
  }
}
