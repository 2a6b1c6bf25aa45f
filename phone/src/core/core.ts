// The core as the page has it: where the app stands, and every call of `Core`. Owns the standing and its changes; the store and all
// that travels are the worker's.

import { signal } from "@preact/signals";
import type { Core, Outcome, PhotoFacts, Place, Rescued, Standing, StorageStatus, SyncStatus } from "./api";
import type { Answer, Calls, Facts, Opened } from "./line";
import type { Ask, Problem, Reply } from "./messages";
import { Ownership } from "./ownership";
import { Failed, notOpen, problemOf, unsupported } from "./problems";
import { askToKeep, missing, storageNow, watchFacts } from "./surroundings";
import { Updates } from "./updates";
import { WorkerLine, type News } from "./worker-line";

/** A worker that does not close its store within this is ended as it is. */
const CLOSING_MS = 2_000;
/** Longer than a browser takes to say whether a lock is free. */
const SOON_MS = 50;

const nothingSent: SyncStatus = {
  pill: "sent",
  done: 0,
  total: 0,
  edits: 0,
  photos: 0,
  bytes: 0,
  incidents: 0,
  lost: 0,
  originals: 0,
  originalBytes: 0,
  originalsLetGo: 0,
  setAside: {},
  lastSentMs: null,
  problem: null,
  photosRest: null,
  meteredAllowed: false,
  online: navigator.onLine,
  ended: null,
};

const refused = (problem: Problem): Outcome => ({ ok: false, problem });

class BrowserCore implements Core {
  readonly standing = signal<Standing>({ is: "starting" });
  readonly sync = signal<SyncStatus>(nothingSent);
  readonly storage = signal<StorageStatus>({ persisted: null, usage: null, quota: null });
  readonly pulled = signal(0);
  readonly updateWaits = signal(false);

  /** None before it is needed, after it broke down, and while another tab has the store. */
  private worker: WorkerLine | null = null;
  /** Starts while the store is being taken, and holds nothing of it yet. */
  private next: WorkerLine | null = null;
  /** Of a store that did not open: whoever salvages it needs them. */
  private damaged: Opened | null = null;
  private place: Place | undefined;
  private isOwner = false;
  /** A button that is tapped twice takes the store once. */
  private takingOver: Promise<void> | null = null;
  private isTaken: () => void = () => undefined;
  private facts: Facts | null = null;
  private ownership: Ownership | null = null;
  private readonly updates = new Updates(() => {
    this.updateWaits.value = true;
  });

  /** Takes the store where no other tab has it. Comes back once the browser said whether it does, or soon: nothing that takes long
   *  is to be begun before. */
  begin(): Promise<void> {
    const lacks = missing();
    if (lacks.length > 0) {
      this.standing.value = { is: "unsupported", problem: unsupported(lacks) };
      return Promise.resolve();
    }
    this.next = this.newLine();
    this.surround();
    const taken = this.take().catch((thrown: unknown) => this.breakDown(problemOf(thrown)));
    if ("serviceWorker" in navigator) {
      // Copies for later come after what is loaded to start now.
      this.unlessItFails(
        taken.then(() => this.updates.begin()),
        "the app cannot be kept for use without a network",
      );
    }
    return new Promise((resolve) => {
      this.isTaken = resolve;
      setTimeout(resolve, SOON_MS);
    });
  }

  private surround(): void {
    this.unlessItFails(this.lookAtStorage(), "the browser does not say how much room there is");
    this.unlessItFails(
      watchFacts((facts) => this.know(facts)),
      "the browser does not say how the line and the battery are",
    );
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") {
        this.tell("awake");
      }
    });
  }

  private async take(): Promise<void> {
    this.ownership = new Ownership({ letGo: () => this.letGo(), robbed: () => this.robbed() });
    if (await this.ownership.take()) {
      this.isTaken();
      await this.start();
    } else {
      this.isTaken();
      this.endNext();
      this.standing.value = { is: "elsewhere" };
    }
  }

  /** What the app can do without is only noted where it fails. */
  private unlessItFails(work: Promise<unknown>, otherwise: string): void {
    work.catch((thrown: unknown) => console.warn(otherwise, thrown));
  }

  private know(facts: Facts): void {
    this.facts = facts;
    this.sync.value = { ...this.sync.value, online: facts.online };
    this.tell("facts", facts);
  }

  private async lookAtStorage(): Promise<void> {
    this.storage.value = await storageNow();
  }

  // ---- the worker ----

  /** Starts with the store in this tab's hands. */
  private async start(): Promise<void> {
    this.isOwner = true;
    this.standing.value = { is: "starting" };
    const line = this.line();
    if (line !== null) {
      await this.standAfter(line, line.call("begin"));
    }
  }

  /** The line to the worker, which is started where there is none; none while another tab has the store. */
  private line(): WorkerLine | null {
    if (this.worker === null && this.isOwner) {
      this.worker = this.next ?? this.newLine();
      this.next = null;
      if (this.facts !== null) {
        this.tell("facts", this.facts);
      }
    }
    return this.worker;
  }

  private newLine(): WorkerLine {
    return new WorkerLine((news) => this.hear(news));
  }

  private endNext(): void {
    this.next?.end();
    this.next = null;
  }

  private hear(news: News): void {
    if (news.is === "opening") {
      this.standing.value = news;
    } else if (news.is === "sync") {
      this.sync.value = news.status;
    } else if (news.is === "pulled") {
      this.pulled.value += 1;
    } else {
      this.breakDown(news.problem);
      this.damaged = news.keys;
    }
  }

  /** The worker stopped for good; whatever is asked next starts another one, in which the person may be chosen again. */
  private breakDown(problem: Problem): void {
    const { value } = this.standing;
    this.endNext();
    this.worker?.end();
    this.worker = null;
    const isSomebodyHere = value.is === "open" || value.is === "opening" || value.is === "locked" || value.is === "broken";
    this.standing.value = isSomebodyHere ? { is: "broken", profile: value.profile, problem } : { is: "stopped", problem };
  }

  /** Says something to the worker that has no answer. */
  private tell<Name extends "place" | "facts" | "awake" | "sendNow" | "sendOriginals" | "allowMetered">(call: Name, ...with_: Parameters<Calls[Name]>): void {
    this.worker?.call(call, ...with_).catch((thrown: unknown) => {
      // What ends the worker comes as news; the rest is no reason to take the visit off the screen.
      console.warn(`the worker could not take in "${call}"`, problemOf(thrown));
    });
  }

  private async letGo(): Promise<void> {
    const { worker } = this;
    this.goElsewhere();
    const late = new Promise((resolve) => setTimeout(resolve, CLOSING_MS));
    // Whether it closed in good order or not: ending the worker frees the files.
    await Promise.race([worker?.call("close").catch(() => undefined), late]);
    worker?.end();
  }

  private robbed(): void {
    this.worker?.end();
    this.goElsewhere();
  }

  private goElsewhere(): void {
    this.worker = null;
    this.isOwner = false;
    this.sync.value = { ...nothingSent, online: navigator.onLine };
    this.standing.value = { is: "elsewhere" };
  }

  private async outcome(work: (line: WorkerLine) => Promise<void>): Promise<Outcome> {
    const line = this.line();
    if (line === null) {
      return refused(notOpen());
    }
    try {
      await work(line);
      return { ok: true };
    } catch (thrown) {
      return refused(problemOf(thrown));
    }
  }

  // ---- people ----

  enrol(code: string, name: string, pin: string | null): Promise<Outcome> {
    return this.outcome(async (line) => {
      const profile = await line.call("enrol", code, name, pin);
      this.standing.value = { is: "open", profile };
      this.keep();
    });
  }

  /** Browsers promise it to whom they know better by now, as to an installed app: asked once a start until they do. */
  private keep(): void {
    if (this.storage.peek().persisted !== true) {
      this.unlessItFails(
        askToKeep().then((storage) => {
          this.storage.value = storage;
        }),
        "the browser was not asked to keep what is stored",
      );
    }
  }

  async choose(id: string): Promise<void> {
    const line = this.line();
    if (line === null) {
      return;
    }
    await this.standAfter(line, line.call("choose", id));
  }

  private async standAfter(line: WorkerLine, opening: Promise<Answer<"begin">>): Promise<void> {
    try {
      this.stand(await opening);
    } catch (thrown) {
      // Where the worker ended or the store went to another tab meanwhile, that is what stands.
      if (this.worker === line) {
        this.breakDown(problemOf(thrown));
      }
    }
  }

  /** Whoever is locked out stays so until the PIN is known to be right. */
  async unlock(pin: string): Promise<Outcome> {
    const { value } = this.standing;
    const line = this.line();
    if (value.is !== "locked" || line === null) {
      return refused(notOpen());
    }
    try {
      const opening = await line.call("open", value.profile.id, pin);
      this.stand(opening);
      return opening.is === "open" ? { ok: true } : refused(opening.problem ?? notOpen());
    } catch (thrown) {
      return refused(problemOf(thrown));
    }
  }

  private stand(opening: Answer<"begin">): void {
    if (opening.is === "locked") {
      const { profile, wrong, waitMs } = opening;
      this.standing.value = { is: "locked", profile, wrong, waitMs };
    } else if (opening.is === "broken") {
      const { profile, problem, keys } = opening;
      this.standing.value = { is: "broken", profile, problem };
      this.damaged = keys;
    } else {
      this.standing.value = opening;
      if (opening.is === "open") {
        this.place = opening.profile.place;
        this.keep();
      }
    }
  }

  async lock(): Promise<void> {
    const line = this.line();
    if (line === null) {
      return;
    }
    await line.call("close");
    this.sync.value = { ...nothingSent, online: navigator.onLine };
    this.standing.value = { is: "profiles", profiles: await line.call("profiles") };
  }

  setPin(current: string | null, next: string | null): Promise<Outcome> {
    return this.outcome(async (line) => {
      this.standing.value = { is: "open", profile: await line.call("setPin", current, next) };
    });
  }

  forget(profile: string): Promise<Outcome> {
    return this.outcome(async (line) => {
      await line.call("forget", profile);
      this.sync.value = { ...nothingSent, online: navigator.onLine };
      this.standing.value = { is: "profiles", profiles: await line.call("profiles") };
      await this.lookAtStorage();
    });
  }

  useHere(): Promise<void> {
    this.takingOver ??= this.takeOver().finally(() => {
      this.takingOver = null;
    });
    return this.takingOver;
  }

  private async takeOver(): Promise<void> {
    if (this.updates.isStale) {
      location.reload();
      return;
    }
    if (this.standing.value.is !== "elsewhere") {
      return;
    }
    try {
      await this.ownership?.takeOver();
      await this.start();
    } catch (thrown) {
      this.breakDown(problemOf(thrown));
    }
  }

  // ---- visits ----

  async ask(ask: Ask): Promise<Reply> {
    return this.answered((line) => line.call("ask", Date.now(), ask));
  }

  async attach(visit: string, field: string, picture: Blob, facts: PhotoFacts): Promise<Reply> {
    const reply = await this.answered((line) => line.call("attach", Date.now(), visit, field, picture, facts));
    this.unlessItFails(this.lookAtStorage(), "the browser does not say how much room there is");
    return reply;
  }

  placeIn(visit: string): string | null {
    return this.place?.visit === visit ? this.place.at : null;
  }

  keepPlace(place: Place): void {
    this.place = place;
    this.tell("place", place);
  }

  async photo(blob: string, mime: string): Promise<Blob | null> {
    const bytes = (await this.line()?.call("photo", blob)) ?? null;
    return bytes === null ? null : new Blob([bytes], { type: mime });
  }

  private async answered(call: (line: WorkerLine) => Promise<Reply>): Promise<Reply> {
    try {
      const line = this.line();
      return line === null ? { reply: "refused", problem: notOpen() } : await call(line);
    } catch (thrown) {
      return { reply: "refused", problem: problemOf(thrown) };
    }
  }

  rescue(): ReturnType<Core["rescue"]> {
    return this.rescued((line) => line.call("rescue"));
  }

  salvage(profile: string): ReturnType<Core["rescue"]> {
    const keys = this.damaged;
    return this.rescued((line) => {
      // What is not open here is not salvaged either.
      return keys?.profile === profile ? line.call("salvage", keys) : Promise.reject(new Failed(notOpen()));
    });
  }

  private async rescued(call: (line: WorkerLine) => Promise<Rescued>): ReturnType<Core["rescue"]> {
    try {
      const line = this.line();
      const rescued = line === null ? undefined : await call(line);
      return rescued === undefined ? { ok: false, problem: notOpen() } : { ok: true, rescued };
    } catch (thrown) {
      return { ok: false, problem: problemOf(thrown) };
    }
  }

  // ---- sending ----

  sendNow(): void {
    this.tell("sendNow");
  }

  sendOriginals(): void {
    this.tell("sendOriginals");
  }

  allowMetered(allowed: boolean): void {
    this.tell("allowMetered", allowed);
  }

  applyUpdate(): void {
    this.updates.apply();
  }

  async secrets(): Promise<string[]> {
    return (await this.worker?.call("secrets")) ?? [];
  }
}

/** Starts the core of this page; `begun` is when other work may begin. */
export function startCore(): { core: Core; begun: Promise<void> } {
  const core = new BrowserCore();
  return { core, begun: core.begin() };
}

/** Of test builds: what must never be found where it is not sealed. */
export function secretsOf(core: Core): Promise<string[]> {
  return core instanceof BrowserCore ? core.secrets() : Promise.resolve([]);
}
