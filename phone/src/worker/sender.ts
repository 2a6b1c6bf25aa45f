// When to carry edits and photos to the office, and what the pill says meanwhile. Owns the triggers, the waits between attempts and the
// status; how a run goes is `run`'s.

import type { SyncStatus } from "../core/api";
import type { Facts } from "../core/line";
import type { Problem, SyncState } from "../core/messages";
import { problemOf } from "../core/problems";
import { carry, wasCalledOff, type RunEnd } from "./run";
import { Fatal, type Store } from "./store";
import * as vault from "./vault";

/** How long after an edit the next one is waited for. */
const AFTER_EDIT_MS = 1_500;
/** The first wait after a failure; each further one is twice as long. */
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** With a network, after so many failures in a row the pill says so: what mends itself has had its time. */
const PATIENCE = 4;
/** A moment that is over, by both of a browser's clocks. */
const PAST = { wallMs: 0, monotonicMs: 0 };

/** Whom a sender tells. */
export interface Listener {
  status: (status: SyncStatus) => void;
  pulled: () => void;
  fatal: (problem: Problem) => void;
}

export class Sender {
  private readonly stop = new AbortController();
  /** Calls the run under way off, for one that begins with what cannot wait. */
  private call = new AbortController();
  private handingIn = false;
  private running: Promise<void> | null = null;
  /** A run is wanted once the one under way is over. */
  private again = false;
  /** An incident was reported while others are on their way. */
  private reportedMeanwhile = false;
  private editsWait = false;
  /** Somebody wants everything to go now: the run under way takes it to heart, and the next one too. */
  private byHand = false;
  private nextByHand = false;
  /** Somebody wants the pictures as the camera gave them to go too. */
  private originalsByHand = false;
  private timer = 0;
  private failures = 0;
  /** Before this the office asked not to be asked. */
  private notBefore = PAST;
  private begunWith: SyncState | null = null;
  private last: RunEnd = { problem: null, temporary: false, waitMs: 0, photosRest: null, reportWaits: false };

  private constructor(
    private readonly store: Store,
    private readonly listener: Listener,
    private facts: Facts,
    private meteredAllowed: boolean,
    private lastSentMs: number | null,
  ) {}

  static async over(store: Store, facts: Facts, listener: Listener): Promise<Sender> {
    const { meteredAllowed, lastSentMs } = await vault.remembered(store.profile);
    const sender = new Sender(store, listener, facts, meteredAllowed, lastSentMs);
    sender.schedule(0);
    return sender;
  }

  // ---- triggers ----

  edited(): void {
    this.editsWait = true;
    this.tell();
    this.schedule(AFTER_EDIT_MS);
  }

  submitted(): void {
    this.editsWait = true;
    this.awake();
  }

  /** An incident was reported: what else is under way is called off, since it goes first and alone. Nothing of that is lost. */
  reported(): void {
    this.failures = 0;
    this.notBefore = PAST;
    if (this.running === null) {
      void this.run();
    } else if (this.handingIn) {
      // It goes with those, unless the line of theirs breaks off before.
      this.reportedMeanwhile = true;
    } else {
      this.call.abort();
    }
  }

  /** A good moment: the app came to the front, the network came back, something was handed in. */
  awake(): void {
    this.failures = 0;
    this.schedule(0);
  }

  know(facts: Facts): void {
    const isBetter =
      (!this.facts.online && facts.online) || (this.facts.metered && !facts.metered) || (!this.facts.free && facts.free) || (this.facts.lowBattery && !facts.lowBattery);
    this.facts = facts;
    this.tell();
    if (isBetter) {
      this.awake();
    }
  }

  /** Sends at once; with `originals` also what else waits for a line that costs nothing. */
  now(originals = false): void {
    this.originalsByHand ||= originals;
    this.byHand = true;
    this.nextByHand = true;
    this.failures = 0;
    this.notBefore = PAST;
    void this.run();
  }

  async allowMetered(allowed: boolean): Promise<void> {
    this.meteredAllowed = allowed;
    this.tell();
    await vault.remember(this.store.profile, { meteredAllowed: allowed });
    this.schedule(0);
  }

  /** Ends whatever is under way, for good. */
  async finish(): Promise<void> {
    this.stop.abort();
    this.call.abort();
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(inMs: number): void {
    clearTimeout(this.timer);
    if (this.stop.signal.aborted) {
      return;
    }
    const { wallMs, monotonicMs } = this.notBefore;
    // A clock that was put back makes nobody wait longer, and a phone that slept has waited meanwhile.
    const leftMs = Math.min(wallMs - Date.now(), monotonicMs - performance.now());
    this.timer = setTimeout(() => void this.run(), Math.max(inMs, leftMs));
  }

  // ---- runs ----

  private async run(): Promise<void> {
    if (this.stop.signal.aborted) {
      return;
    }
    if (this.running !== null) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.byHand = this.nextByHand;
    this.nextByHand = false;
    this.running = this.once();
    this.tell();
    await this.running;
    this.running = null;
    if (this.stop.signal.aborted) {
      return;
    }
    const wanted = this.again || this.editsWait;
    this.again = false;
    this.tell();
    if (this.call.signal.aborted || (this.reportedMeanwhile && this.last.reportWaits)) {
      this.notBefore = PAST;
      this.schedule(0);
      return;
    }
    this.afterwards(wanted);
  }

  private async once(): Promise<void> {
    try {
      this.reportedMeanwhile = false;
      this.begunWith = this.store.syncState();
      this.call = new AbortController();
      this.last = await carry(this.store, {
        stop: this.call.signal,
        handingIn: (is) => {
          this.handingIn = is;
        },
        pause: () => this.pause(),
        originalsMay: () => this.originalsByHand || (this.facts.free && this.pause() === ""),
        editsGo: () => {
          this.editsWait = false;
        },
        editsWait: () => this.editsWait,
        progress: () => this.tell(),
        pulled: () => this.listener.pulled(),
      });
      this.originalsByHand = this.originalsByHand && this.store.syncState().originals > 0 && this.last.problem !== null;
      await this.store.tellFreeSpace();
      await this.note();
    } catch (thrown) {
      if (thrown instanceof Fatal) {
        this.listener.fatal(thrown.problem);
      }
      if (!wasCalledOff(thrown, this.call.signal)) {
        this.last = { problem: problemOf(thrown), temporary: true, waitMs: 0, photosRest: null, reportWaits: false };
      }
    }
  }

  /** What the run moved. */
  private async note(): Promise<void> {
    const { edits, photos, bytes, incidents } = this.store.syncState();
    const before = this.begunWith;
    if (before !== null && (edits < before.edits || photos < before.photos || bytes < before.bytes)) {
      // A poor line is no reason to wait longer each time; one that moves nothing is.
      this.failures = 0;
    }
    if (this.last.problem === null && edits + photos + incidents === 0) {
      this.lastSentMs = Date.now();
      await vault.remember(this.store.profile, { lastSentMs: this.lastSentMs });
    }
  }

  /** What comes after a run: the next one at once, later, or when something happens. */
  private afterwards(wanted: boolean): void {
    const { problem, temporary, waitMs, photosRest, reportWaits } = this.last;
    this.notBefore = waitMs > 0 ? { wallMs: Date.now() + waitMs, monotonicMs: performance.now() + waitMs } : PAST;
    this.failures = problem === null ? 0 : this.failures + 1;
    if (problem === null) {
      if (wanted) {
        this.schedule(0);
      } else if (photosRest !== null && waitMs > 0) {
        this.schedule(waitMs);
      }
      return;
    }
    if (temporary || reportWaits) {
      const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1));
      this.schedule(Math.max(waitMs, ceiling * (0.5 + Math.random() / 2)));
    }
  }

  private pause(): "" | "metered" | "low_battery" {
    if (this.byHand) {
      return "";
    }
    if (this.facts.metered && !this.meteredAllowed) {
      return "metered";
    }
    return this.facts.lowBattery ? "low_battery" : "";
  }

  // ---- status ----

  tell(): void {
    if (this.stop.signal.aborted) {
      return;
    }
    this.listener.status(this.status(this.store.syncState()));
  }

  private status(state: SyncState): SyncStatus {
    const { edits, photos, bytes, incidents, lost, originals, original_bytes, originals_let_go, set_aside, ended } = state;
    const left = edits + photos + incidents;
    const isRunning = this.running !== null;
    const before = this.begunWith === null ? 0 : this.begunWith.edits + this.begunWith.photos + this.begunWith.incidents;
    const total = isRunning ? Math.max(before, left) : 0;
    return {
      pill: this.pill(left, isRunning),
      done: isRunning ? total - left : 0,
      total,
      edits,
      photos,
      bytes,
      incidents,
      lost,
      originals,
      originalBytes: original_bytes,
      originalsLetGo: originals_let_go,
      setAside: set_aside,
      lastSentMs: this.lastSentMs,
      problem: isRunning ? null : this.last.problem,
      photosRest: photos > 0 ? this.last.photosRest : null,
      online: this.facts.online,
      ended,
      meteredAllowed: this.meteredAllowed,
    };
  }

  private pill(left: number, isRunning: boolean): SyncStatus["pill"] {
    if (isRunning && left > 0 && this.facts.online) {
      return "sending";
    }
    const { problem, temporary } = this.last;
    // A line that is down mends itself; a sign-in page and what the office refuses do not.
    const mendsItself = temporary && problem?.code !== "captive_portal" && !(this.facts.online && this.failures >= PATIENCE);
    if (!isRunning && problem !== null && !mendsItself) {
      return "error";
    }
    return left > 0 ? "saved" : "sent";
  }
}
