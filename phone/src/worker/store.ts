// The open store of one person: the wasm module with its one phone. Owns how it is opened, how what it throws is read, and which of
// its calls go in pairs with the vault (signing, a new key). Everything in it runs at once; nothing here waits for a network.

import type { SyncState } from "../core/messages";
import { Failed, isProblem, storeGone, storeUnreadable, unforeseen } from "../core/problems";
import initialize, { BrowserPhone, type Step } from "../../pkg/phone_wasm.js";
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

/** What the store says where its files cannot be read. */
const UNREADABLE = ["browser_storage_failed", "device_store_failed", "device_store_damaged", "device_file_failed"];

let ready: Promise<unknown> | null = null;

/** Loads the module once. */
function load(): Promise<unknown> {
  ready ??= initialize({ module_or_path: module });
  return ready;
}

/** What the module threw: its own problems are JSON texts; anything else means that it stopped for good. */
function thrownBy(thrown: unknown): Failed {
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
  constructor(thrown: unknown) {
    super(unforeseen(thrown));
  }
}

/** What is to be said where a store does not open: the store knows what, not what it means for people. */
function openingFailed(thrown: unknown): Failed {
  const failed = thrown instanceof Failed ? thrown : thrownBy(thrown);
  if (failed.problem.code === "no_device") {
    return new Failed(storeGone());
  }
  return UNREADABLE.includes(failed.problem.code) ? new Failed(storeUnreadable(failed.problem.title)) : failed;
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

export class Store {
  private constructor(
    private phone: BrowserPhone,
    private keys: vault.Opened,
  ) {}

  /** Opens the store of whoever these keys belong to; makes it where it never was. */
  static async open(keys: vault.Opened): Promise<Store> {
    await load();
    await files.untilFree(keys.profile);
    const with_ = await vault.storeKeys(keys);
    try {
      const phone = await BrowserPhone.open(keys.profile, with_.cipher, with_.keys, with_.make);
      return await Store.opened(new Store(phone, keys));
    } catch (thrown) {
      throw openingFailed(thrown);
    }
  }

  private static async opened(store: Store): Promise<Store> {
    try {
      await vault.opened(store.profile, Date.now());
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

  get vaultKeys(): vault.Opened {
    return this.keys;
  }

  /** The same person's keys under another PIN. */
  rekeyed(keys: vault.Opened): void {
    this.keys = keys;
  }

  /** Gives the files back. */
  close(): void {
    calling(() => this.phone.close());
    this.phone.free();
  }

  handle(message: string): string {
    return calling(() => this.phone.handle(message));
  }

  attach(photo: string, bytes: Uint8Array<ArrayBuffer>): string {
    return calling(() => this.phone.attach(photo, bytes));
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
  enrolled(answer: Uint8Array<ArrayBuffer>): void {
    calling(() => this.phone.enrolled(new TextDecoder().decode(answer)));
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

  // ---- photos ----

  uploadBegin(pause: string): void {
    calling(() => this.phone.upload_begin(pause, now(), jitter()));
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
