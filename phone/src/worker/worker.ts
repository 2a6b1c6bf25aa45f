// The worker: holds the one open store and answers the page. Owns which calls run at once and which one after the other: a tap is
// answered at once, also while a run to the office waits for the network; opening, closing and enrolling wait for each other.

import type { Profile, Rescued } from "../core/api";
import type { Answer, Called, CallName, Calls, Facts, FromWorker, Opened, Opening } from "../core/line";
import type { Ask, Problem, Reply } from "../core/messages";
import { Failed, noCode, noSuchProfile, notOpen, otherServer, problemOf, storeUnreadable, unforeseen, whatOf } from "../core/problems";
import * as files from "./files";
import * as network from "./network";
import * as rescueFile from "./rescue";
import { Sender } from "./sender";
import { Fatal, isUnreadable, load, salvage as salvageOf, Store } from "./store";
import * as vault from "./vault";

interface Open {
  store: Store;
  sender: Sender;
}

let open: Open | null = null;
/** Whose store is being opened; nobody notices otherwise where the module stops in the middle of it. */
let opening: Opened | null = null;
let facts: Facts = { online: navigator.onLine, metered: false, free: false, lowBattery: false };

const say = (message: FromWorker): void => postMessage(message);

const listener = {
  status: (status: Extract<FromWorker, { is: "sync" }>["status"]) => say({ is: "sync", status }),
  pulled: () => say({ is: "pulled" }),
  fatal: (problem: Problem) => say({ is: "fatal", problem, keys: null }),
};

function opened(): Open {
  if (open === null) {
    throw new Failed(notOpen());
  }
  return open;
}

// ---- opening and closing, one after the other ----

async function close(): Promise<void> {
  const was = open;
  open = null;
  if (was !== null) {
    await was.sender.finish();
    was.store.close();
    // It ends at its next part, since the store is closed; whoever asked for it hears so.
    await rescuing?.catch(() => undefined);
  }
}

async function openWith(keys: Opened): Promise<Profile> {
  await close();
  const store = await Store.open(keys);
  return elseClose(store, () => begin(store));
}

/** What is not all open is not open: its files are free for the next attempt. */
async function elseClose<T>(store: Store, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    store.close();
    throw thrown;
  }
}

/** From now on taps are answered, and what is there is sent. */
async function begin(store: Store): Promise<Profile> {
  const profile = await vault.profile(store.profile);
  const sender = await Sender.over(store, facts, listener);
  open = { store, sender };
  sender.tell();
  return profile;
}

async function openStore(id: string, pin: string | null): Promise<Opening> {
  const unlocked = await vault.unlock(id, pin, Date.now());
  const profile = await vault.profile(id);
  if ("problem" in unlocked) {
    return { is: "locked", profile, wrong: unlocked.wrong, waitMs: unlocked.waitMs, problem: unlocked.problem.problem };
  }
  opening = unlocked.opened;
  try {
    return { is: "open", profile: await openWith(opening) };
  } catch (thrown) {
    if (thrown instanceof Fatal) {
      // It still holds the files: a new worker is told whose they are.
      stopped(thrown.thrown);
    }
    // A store that cannot be opened is left as it lies, for a rescue file to be made of what is left in it.
    return { is: "broken", profile, problem: problemOf(thrown), keys: unlocked.opened };
  } finally {
    opening = null;
  }
}

/** Opens a store at once where no PIN is asked: the page has more to do than to pass on what it hears. */
async function choose(id: string): Promise<Opening> {
  const profile = await vault.profile(id);
  if (profile.pin) {
    return { is: "locked", profile, ...(await vault.attempts(id, Date.now())), problem: null };
  }
  say({ is: "opening", profile });
  return openStore(id, null);
}

async function beginWithPeople(): Promise<Answer<"begin">> {
  const profiles = await vault.profiles();
  const [only, ...others] = profiles;
  return only !== undefined && others.length === 0 ? choose(only.id) : { is: "profiles", profiles };
}

/** The code in what was typed, pasted or scanned: itself, or a link with it. */
function codeOf(text: string): string {
  const bareLink = text.match(/\S*[#?&]code=\S+/i)?.[0];
  const link = text.match(/https?:\/\/\S+/i)?.[0] ?? (bareLink && `${location.protocol}//${bareLink}`);
  const bare = link === undefined ? text : codeOfLink(link);
  const code = bare.toUpperCase().replace(/\s+/g, "");
  if (!/^[0-9A-Z]+(-?[0-9A-Z]+)*$/.test(code)) {
    throw new Failed(noCode());
  }
  return code;
}

function urlOf(link: string): URL {
  try {
    return new URL(link);
  } catch {
    throw new Failed(noCode());
  }
}

function codeOfLink(link: string): string {
  const { origin, hash } = urlOf(link);
  if (origin !== location.origin) {
    throw new Failed(otherServer(origin));
  }
  return new URLSearchParams(hash.slice(1)).get("code") ?? "";
}

/** Asks the office to take the open store's device in. */
async function enrolOpen(store: Store, code: string, name: string): Promise<void> {
  const request = await store.enrolmentRequest(code);
  const called = name.trim().slice(0, 100);
  const message = called === "" ? request : { ...request, name: called };
  const answer = await network.post("/api/v1/devices/enrol", null, message, new AbortController().signal);
  if (answer.is !== "answered") {
    throw new Failed(answer.problem);
  }
  await store.enrolled(answer.body);
}

/** Enrols whoever is open anew, with all that the store holds. */
async function enrolAnew({ store, sender }: Open, code: string, name: string): Promise<Profile> {
  await enrolOpen(store, code, name);
  sender.awake();
  return vault.profile(store.profile);
}

async function enrolNew(code: string, name: string, pin: string | null): Promise<Profile> {
  const keys = await vault.prepare(location.origin);
  const store = await Store.open(keys);
  return elseClose(store, async () => {
    await enrolOpen(store, code, name);
    store.rekeyed(await vault.enrolled(keys, name.trim(), pin, Date.now()));
    return begin(store);
  });
}

async function enrol(text: string, name: string, pin: string | null): Promise<Profile> {
  const code = codeOf(text);
  vault.checkPin(pin);
  if (open !== null) {
    return enrolAnew(open, code, name);
  }
  try {
    return await enrolNew(code, name, pin);
  } catch (thrown) {
    // The keys of an attempt whose answer never came may be somebody else's by now, or without their files: the code still stands,
    // with new keys.
    const isOfBefore = thrown instanceof Failed && ["device_known", "store_gone"].includes(thrown.problem.code);
    if (!isOfBefore) {
      throw thrown;
    }
    await forgetPrepared();
    return enrolNew(code, name, pin);
  }
}

async function forgetPrepared(): Promise<void> {
  const { profile } = await vault.prepare(location.origin);
  await files.remove(profile);
  await vault.forget(profile);
}

async function forget(id: string): Promise<void> {
  if (open?.store.profile === id) {
    await close();
  }
  // The keys last: files without keys could never be removed by anybody.
  await files.remove(id);
  await vault.forget(id);
}

async function setPin(current: string | null, next: string | null): Promise<Profile> {
  const { store } = opened();
  store.rekeyed(await vault.setPin(store.vaultKeys, current, next, Date.now()));
  return vault.profile(store.profile);
}

// ---- what runs at once ----

const EDITS: readonly Ask["ask"][] = ["accept", "decline", "start", "start_ad_hoc", "answer", "detach", "resolve"];

/** Tells the sender once the answer is on its way to the page. */
function afterReply(asked: Ask["ask"] | "attach", reply: Reply, { sender }: Open): void {
  if (reply.reply === "refused") {
    return;
  }
  if (asked === "report") {
    setTimeout(() => sender.reported());
  } else if (asked === "submit") {
    setTimeout(() => sender.submitted());
  } else if (asked === "attach" || EDITS.includes(asked)) {
    setTimeout(() => sender.edited());
  }
}

function ask(nowMs: number, message: Ask): Reply {
  const now = opened();
  const reply = JSON.parse(now.store.handle(JSON.stringify({ now_ms: nowMs, ask: message }))) as Reply;
  afterReply(message.ask, reply, now);
  return reply;
}

async function attach(...[nowMs, visit, field, picture, picked]: Parameters<Calls["attach"]>): Promise<Reply> {
  const { capturedAtMs, position, source } = picked;
  const bytes = new Uint8Array(await picture.arrayBuffer());
  // A picture that the platform takes back meanwhile has no original; the photo is kept all the same.
  const whole = await picked.original?.arrayBuffer().catch(() => null);
  const original = whole ? new Uint8Array(whole) : null;
  const now = opened();
  const photo = { now_ms: nowMs, visit, field, mime: picture.type, captured_at_ms: capturedAtMs, position, source };
  const reply = JSON.parse(now.store.attach(JSON.stringify(photo), bytes, original)) as Reply;
  afterReply("attach", reply, now);
  return reply;
}

function photo(blob: string): Uint8Array<ArrayBuffer> | null {
  try {
    return opened().store.photo(blob);
  } catch (thrown) {
    if (thrown instanceof Failed && thrown.problem.status === 404) {
      return null;
    }
    throw thrown;
  }
}

/** The rescue file that is being written of the open store. */
let rescuing: Promise<Rescued> | null = null;
/** The same, or what is taken out of a store that turned out to be damaged. */
let rescued: Promise<Rescued> | null = null;

/** The rescue file; asked for again meanwhile, it is the same one. */
function rescue(): Promise<Rescued> {
  const { store } = opened();
  if (rescued !== null) {
    return rescued;
  }
  rescuing = rescueFile.write(store.rescue()).finally(() => {
    rescuing = null;
  });
  rescued = rescuing
    .catch((thrown: unknown) => {
      if (!isUnreadable(thrown)) {
        throw thrown;
      }
      return inTurn(() => salvageOpen(store));
    })
    .finally(() => {
      rescued = null;
    });
  return rescued;
}

/** A store that opens may be damaged further in: then what can be read of it is taken out from outside. */
async function salvageOpen(store: Store): Promise<Rescued> {
  if (open?.store !== store) {
    throw new Failed(notOpen());
  }
  const keys = store.vaultKeys;
  await close();
  try {
    return await salvageOf(keys, rescueFile.write);
  } finally {
    await openWith(keys);
  }
}

// ---- the line to the page ----

let lifecycle: Promise<unknown> = Promise.resolve();

/** One after the other, whatever became of the one before. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = lifecycle.then(work, work);
  lifecycle = turn.catch(() => undefined);
  return turn;
}

type Handlers = { [Name in CallName]: (...with_: Parameters<Calls[Name]>) => ReturnType<Calls[Name]> | Promise<ReturnType<Calls[Name]>> };

const handlers: Handlers = {
  begin: () => inTurn(beginWithPeople),
  profiles: () => vault.profiles(),
  choose: (id) => inTurn(() => choose(id)),
  open: (id, pin) => inTurn(() => openStore(id, pin)),
  close: () => inTurn(close),
  enrol: (code, name, pin) => inTurn(() => enrol(code, name, pin)),
  setPin: (current, next) => inTurn(() => setPin(current, next)),
  forget: (id) => inTurn(() => forget(id)),
  ask,
  attach,
  photo,
  rescue,
  salvage: (keys) => inTurn(() => salvageOf(keys, rescueFile.write)),
  place: (place) => (open === null ? undefined : vault.remember(open.store.profile, { place })),
  facts: (now) => {
    facts = now;
    open?.sender.know(now);
  },
  awake: () => open?.sender.awake(),
  sendNow: () => open?.sender.now(),
  sendOriginals: () => open?.sender.now(true),
  allowMetered: (allowed) => open?.sender.allowMetered(allowed),
  secrets: async () => {
    if (import.meta.env.MODE !== "test") {
      throw new Failed(noSuchProfile());
    }
    const { cipher, keys } = await vault.storeKeys(opened().store.vaultKeys);
    const secret = Array.from(keys.subarray(0, 32), (it) => it.toString(16).padStart(2, "0")).join("");
    return [cipher, secret];
  },
};

/** Nothing works here any more. Where that came in the middle of opening a store, what can be read of it can still be taken out. */
function stopped(thrown: unknown): void {
  const problem = opening === null ? unforeseen(thrown) : storeUnreadable(whatOf(thrown));
  say({ is: "fatal", problem, keys: opening });
}

function failed(id: number, thrown: unknown): void {
  if (thrown instanceof Fatal) {
    stopped(thrown.thrown);
  }
  say({ is: "failed", id, problem: problemOf(thrown) });
}

function dispatch<Name extends CallName>({ id, call, with: with_ }: Called<Name>): void {
  try {
    const answer = handlers[call](...with_);
    if (answer instanceof Promise) {
      answer.then(
        (it) => say({ is: "answer", id, answer: it }),
        (thrown: unknown) => failed(id, thrown),
      );
    } else {
      say({ is: "answer", id, answer });
    }
  } catch (thrown) {
    failed(id, thrown);
  }
}

// What takes longest to be there is asked for first; whoever opens a store hears where it did not come.
load().catch(() => undefined);
addEventListener("message", (event: MessageEvent<Called>) => dispatch(event.data));
addEventListener("unhandledrejection", (event) => stopped(event.reason));
addEventListener("error", (event) => {
  // The page hears of it with what is known here.
  event.preventDefault();
  stopped(event.error);
});
