// A visit on the screen: its questions, one signal for each so that a tap draws one question anew, and the way of an answer to
// the core. Owns what is shown while the core has not answered yet; what is asked, missing or right is the core's.

import { batch, computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Core, PhotoFacts } from "../core/api";
import type { FieldProblem, Form, FormItem, FormSection, ItemState, Problem, Reply, State, Visit } from "../core/messages";
import { PLATFORM_JSON } from "./moments";
import { words } from "./prefs";
import { announce } from "./say";

/** How long a text rests before it is kept, milliseconds. */
export const REST_MS = 300;
/** The longest that a text waits while keys go on. */
const LONGEST_MS = 1_000;
/** What could not be kept, since there is no room or nobody is open, is tried again after so long, milliseconds; and at any moment at
 *  which another answer is kept. */
const AGAIN_MS = 5_000;
/** So many questions that appear by one tap are drawn with it: what a phone's screen shows under the tap. The others come once that is
 *  painted. */
const AT_ONCE = 2;

export interface Shown {
  item: FormItem;
  section: FormSection;
  state: Signal<ItemState>;
  /** Refusals by part: the answer, its comment, its photos. */
  problems: Signal<Record<string, string>>;
  /** The answer before the last change made here, to go back to; undefined where nothing was changed. */
  before: Signal<string | null | undefined>;
}

export type Saving = "saved" | "saving" | "failed";

/** The fields of what a visit states beside its answers. */
export const OUTCOME = "@outcome";
const FACTS = ["@arrival", "@departure", OUTCOME] as const;

export interface Outcome {
  reason?: string;
  explanation?: string;
}

export const outcomeOf = (json: string | null): Outcome | null => (json === null ? null : (JSON.parse(json) as Outcome));

export class VisitStore {
  readonly form: Form;
  readonly state: Signal<State>;
  readonly items = new Map<string, Shown>();
  /** What the visit states beside its answers, each shown as a question is. */
  readonly facts = new Map<string, Shown>();
  /** A grave answer that was just given and waits to be confirmed. */
  readonly grave = signal<Shown | null>(null);
  readonly saving = signal<Saving>("saved");
  /** Questions by whether they demand something, from what the core says is missing. */
  readonly demands: ReadonlySignal<Map<string, FieldProblem[]>>;
  readonly core: Core;
  /** What the core last said of each question. */
  private readonly told = new Map<string, ItemState>();
  /** Questions that appear once the picture before is painted. */
  private readonly soon = new Map<string, ItemState>();
  /** Writes on their way, by field. */
  private readonly onWay = new Map<string, number>();
  private waiting = 0;
  private platformStated: boolean;
  /** What is typed and not kept as an answer (yet), by field, so that it outlives the leaving of a section. */
  private readonly drafts = new Map<string, Signal<string | null>>();
  /** Texts and numbers that rest before they are kept, and answers that wait to be tried again. */
  private readonly resting = new Map<string, { json: string; timer: number; sinceMs: number }>();
  /** Fields of answers that could not be kept: they stand on the screen and nowhere else. */
  private readonly unkept = new Set<string>();
  /** How often each field was answered, to tell the newest answer. */
  private readonly turns = new Map<string, number>();

  constructor(core: Core, visit: Visit) {
    this.core = core;
    this.form = visit.form;
    this.state = signal(visit.state);
    const states = new Map(visit.items.map((it) => [it.id, it]));
    for (const section of visit.form.sections) {
      for (const item of section.items) {
        const state = states.get(item.id);
        if (!state) continue;
        this.told.set(item.id, state);
        this.items.set(item.id, { item, section, state: signal(state), problems: signal({}), before: signal(undefined) });
      }
    }
    this.platformStated = visit.state.facts.platform !== null;
    for (const id of FACTS) this.facts.set(id, { item: factItem(id), section: NO_SECTION, state: signal(factState(id, visit.state)), problems: signal({}), before: signal(undefined) });
    this.demands = computed(() => {
      const demands = new Map<string, FieldProblem[]>();
      for (const it of this.state.value.missing) {
        const id = itemOf(it.field);
        demands.set(id, [...(demands.get(id) ?? []), it]);
      }
      return demands;
    });
  }

  get visit(): string {
    return this.form.visit;
  }

  /** Keeps an answer at once. */
  async answer(field: string, json: string): Promise<boolean> {
    this.dropResting(field);
    const id = itemOf(field);
    const shown = this.items.get(id);
    const isAnswer = field === id;
    if (shown && isAnswer) {
      const prior = shown.state.peek().json;
      const next = json === "null" ? null : json;
      batch(() => {
        if (prior !== next) {
          shown.before.value = prior;
          shown.state.value = { ...shown.state.peek(), json: next };
        }
        this.blame(id, field, null);
      });
    }
    return this.write(field, () => this.core.ask({ ask: "answer", visit: this.visit, field, json }), json);
  }

  /** Whether something is on the screen that is not kept yet. */
  get isUnkept(): boolean {
    return this.waiting > 0 || this.resting.size > 0;
  }

  /** Keeps a text or number once no key was pressed for a moment, soon also while keys go on, and at `flush`. */
  answerSoon(field: string, json: string): void {
    const now = performance.now();
    const sinceMs = this.resting.get(field)?.sinceMs ?? now;
    this.dropResting(field);
    if (this.unkept.size === 0) this.saving.value = "saving";
    this.rest(field, json, Math.min(REST_MS, sinceMs + LONGEST_MS - now), sinceMs);
  }

  private rest(field: string, json: string, ms: number, sinceMs = performance.now()): void {
    const timer = setTimeout(() => void this.flush(field), ms) as unknown as number;
    this.resting.set(field, { json, timer, sinceMs });
  }

  draftOf(field: string): Signal<string | null> {
    let found = this.drafts.get(field);
    if (!found) this.drafts.set(field, (found = signal(null)));
    return found;
  }

  /** Says at a field what keeps it from being kept; an earlier text that rests is not kept either. */
  refuse(field: string, text: string | null): void {
    if (text !== null) this.dropResting(field);
    if (text !== null && this.waiting === 0 && this.resting.size === 0) this.saving.value = "saved";
    this.blame(itemOf(field), field, text);
  }

  /** Sends what rests: one field, or all. The message is posted before this returns. */
  flush(field?: string): Promise<unknown> {
    const fields = field === undefined ? [...this.resting.keys()] : [field];
    return Promise.all(
      fields.map((it) => {
        const rest = this.resting.get(it);
        return rest ? this.answer(it, rest.json) : null;
      }),
    );
  }

  async attach(field: string, picture: Blob, facts: PhotoFacts): Promise<boolean> {
    return this.write(field, () => this.core.attach(this.visit, field, picture, facts));
  }

  async detach(photo: string, field: string): Promise<boolean> {
    return this.write(field, () => this.core.ask({ ask: "detach", visit: this.visit, photo }));
  }

  /** Takes the visit in anew, as when the office changed it. */
  async refresh(): Promise<void> {
    if (this.waiting > 0 || this.resting.size > 0) return;
    const reply = await this.core.ask({ ask: "open", visit: this.visit });
    if (reply.reply === "visit" && this.waiting === 0) this.take(reply.state, reply.items);
  }

  /** Whether a question has an answer: a value, or photos where photos are the answer. */
  isAnswered(id: string): boolean {
    const state = this.items.get(id)?.state.value;
    return !!state && (state.json !== null || (holdsBlobs(this.items.get(id)?.item.kind) && state.photos.length > 0));
  }

  /** The next question after one that is unanswered or demands something, in order and around; none where nothing is left. */
  nextOpen(after: string | null): Shown | null {
    this.showSoon();
    const all = [...this.items.values()].filter((it) => it.state.peek().visible);
    const demands = this.demands.peek();
    const isOpen = (it: Shown) =>
      demands.has(it.item.id) || (it.item.must && !this.isAnswered(it.item.id)) || it.state.peek().conflict;
    const at = after === null ? -1 : all.findIndex((it) => it.item.id === after);
    return [...all.slice(at + 1), ...all.slice(0, at + 1)].find(isOpen) ?? null;
  }

  /** Once a visit, before its first answer; where it is not kept, the next answer tries again. */
  private statePlatform(): void {
    if (this.platformStated) return;
    this.platformStated = true;
    void this.core.ask({ ask: "answer", visit: this.visit, field: "@platform", json: PLATFORM_JSON }).then((reply) => {
      if (reply.reply === "refused") this.platformStated = false;
    });
  }

  /** `json`: the answer, to be tried again where it could not be kept. */
  private async write(field: string, ask: () => Promise<Reply>, json: string | null = null): Promise<boolean> {
    const id = itemOf(field);
    const turn = (this.turns.get(field) ?? 0) + 1;
    this.turns.set(field, turn);
    this.statePlatform();
    this.onWay.set(id, (this.onWay.get(id) ?? 0) + 1);
    this.waiting++;
    if (this.unkept.size === 0) this.saving.value = "saving";
    const reply = await ask();
    this.waiting--;
    this.landed(id);
    const failed = isNotKept(reply);
    // Where another tab has the store by now, what is answered there is the newer.
    const mayAgain = json !== null && this.core.standing.peek().is !== "elsewhere";
    if (failed && mayAgain && this.turns.get(field) === turn && !this.resting.has(field)) {
      this.unkept.add(field);
      this.rest(field, json, AGAIN_MS);
    }
    const kept = this.apply(reply, id, field);
    if (kept) for (const it of [...this.unkept]) void this.flush(it);
    if (failed || this.unkept.size > 0) this.saving.value = "failed";
    else if (!this.isUnkept) this.saving.value = "saved";
    return kept;
  }

  private landed(id: string): void {
    const left = (this.onWay.get(id) ?? 1) - 1;
    if (left > 0) this.onWay.set(id, left);
    else this.onWay.delete(id);
  }

  private apply(reply: Reply, id: string, field: string): boolean {
    if (reply.reply === "change" || reply.reply === "visit") {
      const wasGrave = !!this.told.get(id)?.grave;
      batch(() => {
        this.take(reply.state, reply.items);
        this.settle(id);
        this.blame(id, field, null);
        if (field === id && !wasGrave && this.told.get(id)?.grave) this.grave.value = this.items.get(id) ?? null;
      });
      return true;
    }
    batch(() => {
      this.settle(id);
      this.blame(id, field, reply.reply === "refused" ? sayRefusal(reply.problem) : words.peek().visit.failed);
    });
    return false;
  }

  /** Takes what the core says; a question with a write on its way keeps what is shown until that write is answered. */
  private take(state: State, items: ItemState[]): void {
    let appeared = 0;
    let gone = 0;
    batch(() => {
      this.state.value = state;
      for (const [fact, shown] of this.facts) {
        const next = factState(fact, state);
        if (!isSame(next, shown.state.peek())) shown.state.value = next;
      }
      for (const it of items) {
        const shown = this.items.get(it.id);
        if (!shown) continue;
        const was = shown.state.peek().visible || this.soon.delete(it.id);
        if (!was && it.visible) appeared++;
        if (was && !it.visible) gone++;
        this.told.set(it.id, it);
        const next = this.isAhead(it.id) ? { ...it, json: shown.state.peek().json } : it;
        if (!shown.state.peek().visible && it.visible && appeared > AT_ONCE) this.soon.set(it.id, next);
        else if (!isSame(next, shown.state.peek())) shown.state.value = next;
      }
    });
    const t = words.peek().visit;
    const heard = [appeared ? t.appeared(appeared) : "", gone ? t.disappeared(gone) : ""].filter(Boolean).join(" ");
    if (heard) announce(heard);
    if (this.soon.size > 0) requestAnimationFrame(() => requestAnimationFrame(() => this.showSoon()));
  }

  private showSoon(): void {
    batch(() => {
      for (const [id, state] of this.soon) {
        const shown = this.items.get(id);
        if (shown) shown.state.value = state;
      }
      this.soon.clear();
    });
  }

  private settle(id: string): void {
    const shown = this.items.get(id);
    const told = this.told.get(id);
    if (shown && told && !this.isAhead(id) && !this.soon.has(id) && !isSame(told, shown.state.peek())) shown.state.value = told;
  }

  /** Whether the screen shows an answer that the core does not have yet. */
  private isAhead(id: string): boolean {
    return this.onWay.has(id) || this.unkept.has(id);
  }

  private blame(id: string, field: string, text: string | null): void {
    const problems = (this.items.get(id) ?? this.facts.get(id))?.problems;
    if (!problems || (text === null && !(field in problems.peek()))) return;
    const { [field]: _, ...rest } = problems.peek();
    problems.value = text === null ? rest : { ...rest, [field]: text };
  }

  private dropResting(field: string): void {
    const rest = this.resting.get(field);
    if (rest) clearTimeout(rest.timer);
    this.resting.delete(field);
    this.unkept.delete(field);
  }
}

const NO_TEXT = { es: "", en: "" };
const NO_SECTION: FormSection = { id: "", title: NO_TEXT, items: [] };

const factItem = (id: string): FormItem => ({
  id, kind: "text", q: NO_TEXT, hint: null, must: false, na: false, unit: null, min: null, max: null, min_chars: null, anchors: [], options: [],
  photos: id === OUTCOME, camera_only: false, gps: true, photo_limits: null, accepts: [], photo_hint: null, comment_hint: null,
});

function factState(id: string, { facts }: State): ItemState {
  const json = id === OUTCOME ? facts.outcome : id === "@arrival" ? facts.arrival : facts.departure;
  return {
    id, visible: true, json, comment: null, photos: id === OUTCOME ? facts.outcome_photos : [], photos_wanted: 0, comment_wanted: 0, grave: null,
    conflict: false, redacted: false, returned: [],
  };
}

/** Whether it is the phone that could not keep it, and not the answer that is wrong. */
const isNotKept = (reply: Reply): boolean => reply.reply === "refused" && (reply.problem.status >= 500 || reply.problem.code === "not_open");

/** Whether two states say the same: a question that was drawn at the tap is not drawn again at the reply. */
const isSame = (a: ItemState, b: ItemState): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** The question of a field or of a problem's pointer: `/B02#comment` is of `B02`. */
export const itemOf = (field: string): string => field.replace(/^\//, "").split(/[#/]/)[0] ?? "";
export const commentOf = (id: string): string => `${id}#comment`;
/** Whether what is attached is the answer. */
export const holdsBlobs = (kind: FormItem["kind"] | undefined): boolean => kind === "photo" || kind === "audio" || kind === "file";
export const photosOf = (item: FormItem): string => (holdsBlobs(item.kind) ? item.id : `${item.id}#photo`);

function sayRefusal(problem: Problem): string {
  const t = words.peek();
  const why = problem.errors.map((it) => (t.lang === "en" ? it.message_en : it.message_es)).join(". ");
  return `${t.visit.refused} ${why}`;
}
