// One run to the office: reports of incidents before all else, edits until both sides have nothing more, then photos, then edits once more where the office has to hear of
// photos. Owns this order and what each outcome leads to; when a run happens is the sender's.

import type { Problem } from "../core/messages";
import { Failed, appTooOld, enrolAgain } from "../core/problems";
import { Lane } from "./incidents";
import * as network from "./network";
import type { Ended, Store } from "./store";

/** How a run ended. */
export interface RunEnd {
  /** What stopped it; none if all went well. */
  problem: Problem | null;
  /** Whether trying again by itself can help. */
  temporary: boolean;
  /** The least time before the next attempt. */
  waitMs: number;
  /** Why photos rest though edits went. */
  photosRest: string | null;
  /** Whether a report of an incident still waits, which is worth another try whatever stands in the way of the rest. */
  reportWaits: boolean;
}

/** What a run asks of whoever began it. */
export interface RunContext {
  stop: AbortSignal;
  /** Why photos are to rest now; empty if they are not. */
  pause: () => "" | "metered" | "low_battery";
  /** Whether reports of incidents are on their way now. */
  handingIn: (is: boolean) => void;
  /** Whether pictures as the camera gave them may go now. */
  originalsMay: () => boolean;
  /** Edits are about to go: all that there are now. */
  editsGo: () => void;
  /** Whether there are edits since then, which go before the next part of a photo. */
  editsWait: () => boolean;
  /** Something moved. */
  progress: () => void;
  /** Something came that screens may show. */
  pulled: () => void;
}

/** What an office that is put back asks for more than this in one run, waits for the next. */
const MOST_ROUNDS = 4;

/** The store's names of why photos rest, and those of the boundary. */
const RESTS: Record<string, string> = {
  paused_metered: "metered",
  paused_low_battery: "low_battery",
  paused_by_hand: "by_hand",
  paused_by_server: "server",
  paused_quota: "quota",
};

const well: RunEnd = { problem: null, temporary: false, waitMs: 0, photosRest: null, reportWaits: false };

/** An end with what really was in the way: the store only knows that no reply came. */
function endOf(ended: Ended, inTheWay: Problem | null): RunEnd {
  const waitMs = ended.wait_ms ?? 0;
  const { temporary } = ended;
  if (ended.how === "auth_needed" && ended.cause !== "device_revoked" && ended.cause !== "user_ended") {
    return { ...well, problem: enrolAgain(ended.cause ?? ""), temporary, waitMs };
  }
  if (ended.how === "backoff" && inTheWay !== null) {
    return { ...well, problem: inTheWay, temporary, waitMs };
  }
  if (ended.how === "done" && ended.push_only) {
    return { ...well, problem: appTooOld() };
  }
  return { ...well, problem: ended.problem, temporary, waitMs };
}

class Run {
  /** Why the last request brought no reply. */
  private inTheWay: Problem | null = null;

  constructor(
    private readonly store: Store,
    private readonly token: string,
    private readonly context: RunContext,
  ) {}

  private heard(answer: network.Answer): Uint8Array<ArrayBuffer> | string {
    if (answer.is === "answered") {
      this.inTheWay = null;
      return answer.body;
    }
    this.inTheWay = answer.problem;
    return answer.problem.title;
  }

  async exchange(): Promise<Ended> {
    const { store, context } = this;
    store.syncBegin();
    for (;;) {
      context.stop.throwIfAborted();
      const next = store.syncNext();
      if (next.is === "sign") {
        store.syncSigned(await store.sign(next.dev, next.bytes));
      } else if (next.is === "send") {
        const reply = this.heard(await network.exchange(this.token, next.bytes, context.stop));
        context.stop.throwIfAborted();
        if (typeof reply === "string") {
          store.syncUnreachable(reply);
        } else {
          store.syncAnswered(reply);
          context.progress();
        }
      } else if (next.is === "done") {
        return JSON.parse(next.text) as Ended;
      } else {
        throw new Error(`an exchange does not ${next.is}`);
      }
    }
  }

  /** Sends photos; stops between two parts where edits wait, or where photos are to rest now. */
  async upload(what: "photos" | "originals"): Promise<Ended | "interrupted"> {
    const { store, context } = this;
    const pause = context.pause();
    const mayGo = (): boolean => context.pause() === pause && (what === "photos" || context.originalsMay());
    store.uploadBegin(what, pause);
    for (;;) {
      context.stop.throwIfAborted();
      const next = store.uploadNext();
      if (next.is === "done") {
        return JSON.parse(next.text) as Ended;
      }
      if (context.editsWait() || !mayGo()) {
        return "interrupted";
      }
      const reply = this.heard(await this.carry(next));
      context.stop.throwIfAborted();
      if (typeof reply === "string") {
        store.uploadUnreachable(reply);
      } else {
        store.uploadAnswered(reply);
        context.progress();
      }
    }
  }

  private carry(next: ReturnType<Store["uploadNext"]>): Promise<network.Answer> {
    const { stop } = this.context;
    if (next.is === "query") {
      return network.queryPhotos(this.token, next.bytes, stop);
    }
    if (next.is === "part") {
      return network.sendPart(this.token, JSON.parse(next.part) as network.Part, next.bytes, stop);
    }
    throw new Error(`sending photos does not ${next.is}`);
  }

  end(ended: Ended): RunEnd {
    return endOf(ended, this.inTheWay);
  }
}

/** Tells the office that this device goes on for another one. */
async function succeed(store: Store, token: string, request: Record<string, unknown>, stop: AbortSignal): Promise<RunEnd | null> {
  const { key, sig, former_sig } = request;
  const answer = await network.post("/api/v1/devices/succession", token, { key, sig, former_sig }, stop);
  stop.throwIfAborted();
  if (answer.is === "answered") {
    await store.enrolled(answer.body);
    return null;
  }
  const isTemporary = answer.is === "none" || answer.problem.status === 429 || answer.problem.status >= 500;
  return { ...well, problem: answer.problem, temporary: isTemporary };
}

/** Edits until both sides have nothing more. */
async function exchangeAll(store: Store, context: RunContext, lane: Lane): Promise<RunEnd> {
  for (let renewed = false; ; ) {
    context.editsGo();
    const token = store.token();
    if (token === null) {
      return well;
    }
    await lane.handIn(token);
    const succession = store.succession();
    if (succession !== null) {
      const stopped = await succeed(store, token, succession, context.stop);
      if (stopped !== null) {
        return stopped;
      }
      continue;
    }
    const run = new Run(store, token, context);
    const ended = await run.exchange();
    if (ended.news) {
      context.pulled();
    }
    // An office that was put back asks for them again.
    if (lane.inTheWay === null) {
      await lane.handIn(token);
    }
    // The browser's files were copied or set back: this phone goes on as a new device and says again what it had not sent.
    if (ended.how === "recover" && ended.cause === "recover_fork" && !renewed) {
      await store.renew();
      renewed = true;
      continue;
    }
    return run.end(ended);
  }
}

/** Carries everything to the office that may go, and brings what is new. */
export async function carry(store: Store, context: RunContext): Promise<RunEnd> {
  const lane = new Lane(store, context);
  const end = await carryAll(store, context, lane);
  if (lane.inTheWay === null) {
    return end;
  }
  const told = end.problem === null ? { problem: lane.inTheWay, temporary: true } : {};
  return { ...end, ...told, reportWaits: true };
}

async function carryAll(store: Store, context: RunContext, lane: Lane): Promise<RunEnd> {
  let end = well;
  for (let round = 0; round < MOST_ROUNDS; ) {
    end = await exchangeAll(store, context, lane);
    const isOut = store.syncState().ended !== null;
    // Of a device that was taken out the photos follow its edits.
    if (end.problem !== null && end.problem.code !== appTooOld().code && !isOut) {
      return end;
    }
    const token = store.token();
    if (token === null) {
      return end;
    }
    const run = new Run(store, token, context);
    const photos = await run.upload("photos");
    if (photos === "interrupted") {
      // What interrupts comes from people, so that it is no endless loop and no round.
      continue;
    }
    round += 1;
    if (photos.news) {
      // Their states are shown beside answers.
      context.pulled();
    }
    const photosRest = photos.how === "paused" ? (RESTS[photos.cause ?? ""] ?? photos.cause) : null;
    const after = { ...run.end(photos), photosRest };
    if (after.problem !== null && photos.how !== "exchange_first") {
      return { ...after, problem: end.problem ?? after.problem };
    }
    if (photos.how !== "exchange_first" && !photos.news) {
      if (photos.how === "done" && context.originalsMay()) {
        // Last of all; what becomes of them is nobody's trouble.
        await run.upload("originals");
      }
      store.evict();
      return { ...after, problem: end.problem, temporary: end.temporary };
    }
  }
  return { ...end, temporary: true };
}

/** Whether a thrown error only says that the run was called off. */
export function wasCalledOff(thrown: unknown, stop: AbortSignal): boolean {
  return stop.aborted && !(thrown instanceof Failed);
}
