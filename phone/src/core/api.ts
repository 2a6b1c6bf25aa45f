// What screens ask of the phone's core. Owns this boundary: screens know nothing of workers, keys or networks, and the core
// knows nothing of screens. The messages themselves are generated from Rust (`messages.ts`).

import type { ReadonlySignal } from "@preact/signals";
import type { Ask, Problem, Reply } from "./messages";

/** A person who uses this phone, with a store of their own. */
export interface Profile {
  id: string;
  /** What the person is called on this phone. */
  name: string;
  /** Address of the server without a path: `https://veedor.example`. */
  server: string;
  /** Whether a PIN opens it. */
  pin: boolean;
  lastUsedMs: number;
  /** Where in which visit the person was last. */
  place?: Place | undefined;
}

/** A question of a visit, in the words of whoever shows it. */
export interface Place {
  visit: string;
  at: string;
}

/** Where the app stands. */
export type Standing =
  | { is: "starting" }
  /** This browser lacks something; nothing works. */
  | { is: "unsupported"; problem: Problem }
  /** Something failed before anybody was chosen; another start may do better. */
  | { is: "stopped"; problem: Problem }
  /** Another tab has the store; `useHere` takes it. */
  | { is: "elsewhere" }
  /** Nobody is chosen. No profile: enrol. */
  | { is: "profiles"; profiles: Profile[] }
  /** A PIN is asked. `waitMs`: how long before another try, after wrong ones. */
  | { is: "locked"; profile: Profile; wrong: number; waitMs: number }
  | { is: "opening"; profile: Profile }
  | { is: "open"; profile: Profile }
  /** The store cannot be opened: what is safe and what to do stands in the problem. */
  | { is: "broken"; profile: Profile; problem: Problem };

/** The pill: all saved on the phone, on its way, all on the server, or stopped by something. */
export type PillState = "saved" | "sending" | "sent" | "error";

export interface SyncStatus {
  pill: PillState;
  /** While sending: what was sent of what there was when the run began, in edits and photos. */
  done: number;
  total: number;
  /** What is not on the server. */
  edits: number;
  photos: number;
  bytes: number;
  /** Reports of incidents that are not on the server: they go first. */
  incidents: number;
  lost: number;
  /** Pictures as the camera gave them that wait for a line that costs nothing. */
  originals: number;
  originalBytes: number;
  /** Such pictures that did not fit on this phone. */
  originalsLetGo: number;
  /** Own edits that wait for a person in the office, by reason. */
  setAside: Record<string, number>;
  /** When all of it last was on the server, milliseconds since 1970; none since this app started and before. */
  lastSentMs: number | null;
  /** Why the last run stopped. */
  problem: Problem | null;
  /** Why photos rest though answers go: `metered`, `low_battery`; `server` and `quota` where the office asked for it. */
  photosRest: string | null;
  /** Whether photos may go on a metered line (`allowMetered`), as it was last said by this person. */
  meteredAllowed: boolean;
  online: boolean;
  /** Why this phone may read no longer. */
  ended: string | null;
}

export interface StorageStatus {
  /** Whether the browser promised to keep the data; none while not asked or not known. */
  persisted: boolean | null;
  usage: number | null;
  quota: number | null;
}

/** Where and when a photo was taken, as far as the platform tells. */
export interface PhotoFacts {
  capturedAtMs: number | null;
  position: { lat_e7: number; lon_e7: number; accuracy_mm: number | null; at_ms: number | null } | null;
  /** The app's own camera, or a file that a person picked; none of a picture that the phone's own camera may have taken, and of sound. */
  source: "camera" | "file" | null;
  /** The picture as the camera gave it, to be kept beside the smaller one; none where something in it was covered. */
  original?: Blob | null;
}

/** A rescue file that is written. */
export interface Rescued {
  file: File;
  /** What opens it, where the office gave no key: for the person to pass on by another way. */
  code: string | null;
  edits: number;
  incidents: number;
  photos: number;
  bytes: number;
}

export type Outcome = { ok: true } | { ok: false; problem: Problem };

export interface Core {
  readonly standing: ReadonlySignal<Standing>;
  readonly sync: ReadonlySignal<SyncStatus>;
  readonly storage: ReadonlySignal<StorageStatus>;
  /** Grows by one whenever synchronising brought something that a screen may show: ask again then. */
  readonly pulled: ReadonlySignal<number>;
  /** A new version of the app waits for `applyUpdate`. */
  readonly updateWaits: ReadonlySignal<boolean>;

  /** Enrols a new person with a one-time code, or the same one anew. `pin`: 6 digits or more; none for no PIN. */
  enrol(code: string, name: string, pin: string | null): Promise<Outcome>;
  /** Begins to open a person's store; a PIN is asked where there is one. */
  choose(profile: string): Promise<void>;
  /** Opens with a PIN. */
  unlock(pin: string): Promise<Outcome>;
  /** Closes the store; back to the people. */
  lock(): Promise<void>;
  setPin(current: string | null, next: string | null): Promise<Outcome>;
  /** Removes a person's store from this phone, with all that is not sent. */
  forget(profile: string): Promise<Outcome>;
  /** Takes the store from another tab. */
  useHere(): Promise<void>;

  /** One message, one answer. Reply `refused` says what is wrong; nothing was written then. */
  ask(ask: Ask): Promise<Reply>;
  /** Keeps a picture as it is to be sent, scaled already. */
  attach(visit: string, field: string, picture: Blob, facts: PhotoFacts): Promise<Reply>;
  /** Where the person was in a visit, if that visit was the last; it outlives a phone that loses its power at once. */
  placeIn(visit: string): string | null;
  keepPlace(place: Place): void;
  /** The bytes of a photo that is on this phone; none where it is not. */
  photo(blob: string, mime: string): Promise<Blob | null>;

  /** Writes all that is only on this phone into one sealed file, for the office. */
  rescue(): Promise<{ ok: true; rescued: Rescued } | { ok: false; problem: Problem }>;

  /** The same of what can still be read of a store that does not open. Its files stay as they lie. */
  salvage(profile: string): ReturnType<Core["rescue"]>;

  /** "Enviar ahora": sends also on a metered line. */
  sendNow(): void;
  /** Sends also the pictures as the camera gave them, whatever the line costs. */
  sendOriginals(): void;
  /** Lets photos go on a metered line, or not. */
  allowMetered(allowed: boolean): void;
  applyUpdate(): void;
}
