// What goes between the page and its worker. Owns the names and types of the calls, and both directions of the envelope; knows no
// screen and no store.

import type { PhotoFacts, Place, Profile, Rescued, SyncStatus } from "./api";
import type { Ask, Problem, Reply } from "./messages";

/** What the page knows of the world and the worker does not. */
export interface Facts {
  online: boolean;
  /** Whether the line is paid by the byte, as far as the browser says. */
  metered: boolean;
  /** Whether the browser says that the line costs nothing: not all of them say. */
  free: boolean;
  /** Whether the battery is low and not being charged, as far as the browser says. */
  lowBattery: boolean;
}

/** A person's keys, opened with the PIN where there is one. */
export interface Opened {
  readonly profile: string;
  readonly pinKey: CryptoKey | null;
}

/** How opening ended. A store that did not open gives the keys back, for what can be read of it to be taken out. */
export type Opening =
  | { is: "open"; profile: Profile }
  | { is: "locked"; profile: Profile; wrong: number; waitMs: number; problem: Problem | null }
  | { is: "broken"; profile: Profile; problem: Problem; keys: Opened };

/** What the page asks of the worker. */
export interface Calls {
  /** Opens the store of whoever is alone on this phone; the people, where there is not exactly one. */
  begin: () => Opening | { is: "profiles"; profiles: Profile[] };
  profiles: () => Profile[];
  /** Opens a person's store where no PIN is asked. */
  choose: (profile: string) => Opening;
  open: (profile: string, pin: string | null) => Opening;
  close: () => void;
  enrol: (code: string, name: string, pin: string | null) => Profile;
  setPin: (current: string | null, next: string | null) => Profile;
  forget: (profile: string) => void;
  ask: (nowMs: number, ask: Ask) => Reply;
  attach: (nowMs: number, visit: string, field: string, picture: Blob, facts: PhotoFacts) => Reply;
  photo: (blob: string) => Uint8Array<ArrayBuffer> | null;
  /** Writes the rescue file of the open store. */
  rescue: () => Rescued;
  /** The same of what can be read of a store that did not open. */
  salvage: (keys: Opened) => Rescued;
  place: (place: Place) => void;
  facts: (facts: Facts) => void;
  /** The app came to the front, or the network came back: a good moment to synchronise. */
  awake: () => void;
  sendNow: () => void;
  sendOriginals: () => void;
  allowMetered: (allowed: boolean) => void;
  /** Of test builds: the secret and the key of the open store, to look for them where they must not be. */
  secrets: () => string[];
}

export type CallName = keyof Calls;
export type Answer<Name extends CallName> = ReturnType<Calls[Name]>;

/** A call on its way to the worker. */
export interface Called<Name extends CallName = CallName> {
  id: number;
  call: Name;
  with: Parameters<Calls[Name]>;
}

/** What comes from the worker: the answer to a call, or news. */
export type FromWorker =
  | { is: "answer"; id: number; answer: unknown }
  | { is: "failed"; id: number; problem: Problem }
  /** A store is about to be opened without a PIN. */
  | { is: "opening"; profile: Profile }
  | { is: "sync"; status: SyncStatus }
  | { is: "pulled" }
  /** Nothing works any more until the worker is started anew. `keys`: of the store that was being opened. */
  | { is: "fatal"; problem: Problem; keys: Opened | null };
