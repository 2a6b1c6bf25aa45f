// A core in memory, to look at the screens and to measure them; never part of what is built. Conditions, refusals and texts only
// approximate what Rust decides.

import { signal } from "@preact/signals";
import type { Core, Outcome, PhotoFacts, Profile, Standing, StorageStatus, SyncStatus } from "../src/core/api";
import type { Ask, AssignmentCard, BranchFacts, Conflict, FieldProblem, Form, FormItem, IncidentCard, ItemState, PhotoCard, Problem, Reply, State, Visit, VisitRules } from "../src/core/messages";
import lists from "./forms.json";

interface Demand {
  least: number;
  when: string | null;
}
interface RawItem {
  form: FormItem;
  when: string | null;
  photoIf: Demand | null;
  commentIf: Demand | null;
  grave: { when: string; says: Form["title"] } | null;
}
export interface RawList {
  id: string;
  kind: Form["kind"];
  title: Form["title"];
  purpose: Form["title"];
  scenario: Form["title"];
  default_locale: string;
  rules: VisitRules;
  sections: { id: string; title: Form["title"]; items: RawItem[] }[];
}

const LISTS = lists as unknown as RawList[];

/** 300 questions, 100 of them with a condition, in so many sections. */
export function bigList(sections: number): RawList {
  const base = LISTS[0] as RawList;
  const per = 300 / sections;
  const kinds = ["yes_no", "yes_no_na", "scale_1_5", "yes_no", "number", "text"] as const;
  const text = (it: string) => ({ es: it, en: it });
  return {
    ...base,
    id: `big-${sections}`,
    title: text("300 preguntas"),
    sections: Array.from({ length: sections }, (_, s) => ({
      id: String.fromCharCode(65 + s),
      title: text(`Sección ${s + 1}`),
      items: Array.from({ length: per }, (_, i) => {
        const n = s * per + i;
        const kind = kinds[n % kinds.length] ?? "yes_no";
        const form: FormItem = {
          id: `${String.fromCharCode(65 + s)}${String(i + 1).padStart(3, "0")}`,
          kind, q: text(`¿Pregunta número ${n + 1} de trescientas, con un texto como los de verdad?`), hint: null, must: true, na: kind === "yes_no_na",
          unit: null, min: kind === "number" ? "0" : null, max: kind === "number" ? "99" : null, min_chars: null, anchors: [], options: [], photos: n % 10 === 0,
          camera_only: false, gps: false, photo_limits: null, accepts: [], photo_hint: null, comment_hint: null,
        };
        return { form, grave: null, when: n % 3 === 2 ? `${String.fromCharCode(65)}001 == 'yes'` : null, photoIf: null, commentIf: null };
      }),
    })),
  };
}

/** A recording and a file, beside a question that needs neither. */
function attachedList(): RawList {
  const list = bigList(300);
  const [section] = list.sections;
  const [first] = section?.items ?? [];
  if (!section || !first) throw new Error("an empty list");
  const item = (id: string, kind: FormItem["kind"], es: string, en: string, accepts: string[]) => ({ ...first, form: { ...first.form, id, kind, q: { es, en }, photos: false, accepts } });
  const items = [
    item("A01", "audio", "Grabe el saludo, si se lo permiten", "Record the greeting, if you are allowed to", ["audio/webm", "audio/mp4", "audio/ogg"]),
    item("A02", "file", "Agregue la cotización que le enviaron", "Add the quotation that they sent you", ["application/pdf", "text/csv", "text/plain", "image/jpeg", "image/png", "image/webp"]),
  ];
  return { ...list, id: "attached", title: { es: "Evidencias", en: "Evidence" }, sections: [{ ...section, title: { es: "Evidencias", en: "Evidence" }, items: [...items, first] }] };
}

const BRANCHES: BranchFacts[] = [
  { id: "b1", code: "MX-014", name: "Banco Horizonte, Reforma", address: "Paseo de la Reforma 222, Ciudad de México", zone: "America/Mexico_City", lat_e7: 194270000, lon_e7: -991650000 },
  { id: "b2", code: "MX-031", name: "Banco Horizonte, Coyoacán", address: "Av. Universidad 1200, Ciudad de México", zone: "America/Mexico_City", lat_e7: 193600000, lon_e7: -991720000 },
  { id: "b3", code: "OF-007", name: "Registro Civil, oficina 7", address: "Calle 5 de Mayo 18, Puebla", zone: "America/Mexico_City", lat_e7: 190430000, lon_e7: -981980000 },
  { id: "b4", code: "CC-001", name: "Línea Horizonte", address: null, zone: "America/Mexico_City", lat_e7: null, lon_e7: null },
  { id: "b5", code: "MX-052", name: "Banco Horizonte, Centro Histórico y Mercado de la Merced", address: "Isabel la Católica 44", zone: "America/Mexico_City", lat_e7: 194320000, lon_e7: -991360000 },
];

class FakeVisit {
  answers = new Map<string, string>();
  photos = new Map<string, PhotoCard[]>();
  returned = new Map<string, string[]>();
  returnedAll: string[] = [];
  conflicts = new Set<string>();
  phase = "draft";
  round = 1;
  told: ItemState[] = [];
  allowed = { covert: true, audio: false, files: false };
  /** What it would score; what it is worth is not known here. */
  preview: string | null = null;
  constructor(
    readonly id: string,
    readonly list: RawList,
    readonly branch: BranchFacts | null,
  ) {}

  private items(): RawItem[] {
    return this.list.sections.flatMap((it) => it.items);
  }

  private holds(when: string | null, visible: Map<string, boolean>): boolean {
    if (!when) return true;
    return when.split(/ or /).some((part) =>
      part.split(/ and /).every((it) => {
        const found = /^\(?(\w+) (==|!=|<=|>=|<|>|in) (.+?)\)?$/.exec(it.trim());
        if (!found) return false;
        const [, id = "", op, right = ""] = found;
        const json = this.answers.get(id);
        if (json === undefined || json === '"na"' || visible.get(id) === false) return false;
        if (op === "in") return right.includes(`'${JSON.parse(json)}'`);
        const value = right.startsWith("'") ? right.slice(1, -1) : Number(right);
        const left = json.startsWith('"') ? JSON.parse(json) : Number(json);
        switch (op) {
          case "==": return left === value;
          case "!=": return left !== value;
          case "<": return left < value;
          case ">": return left > value;
          case "<=": return left <= value;
          default: return left >= value;
        }
      }),
    );
  }

  states(): ItemState[] {
    const visible = new Map<string, boolean>();
    return this.items().map((it) => {
      const id = it.form.id;
      const isPermitted = it.form.kind === "audio" ? this.allowed.audio : it.form.kind !== "file" || this.allowed.files;
      const isVisible = isPermitted && this.holds(it.when, visible);
      visible.set(id, isVisible);
      const json = this.answers.get(id) ?? null;
      const photos = [...(this.photos.get(id) ?? []), ...(this.photos.get(`${id}#photo`) ?? [])];
      const isAnswered = json !== null || photos.length > 0;
      const least = (demand: Demand | null) => (demand && isVisible && isAnswered && json !== '"na"' && this.holds(demand.when, visible) ? demand.least : 0);
      const comment = this.answers.get(`${id}#comment`);
      return {
        id, visible: isVisible, json, comment: comment ? (JSON.parse(comment) as string) : null, photos,
        photos_wanted: least(it.photoIf), comment_wanted: least(it.commentIf), grave: it.grave && isVisible && isAnswered && this.holds(it.grave.when, visible) ? it.grave.says : null,
        conflict: this.conflicts.has(id) || this.conflicts.has(`${id}#comment`), redacted: false, returned: this.returned.get(id) ?? [],
      };
    });
  }

  missing(states = this.states()): FieldProblem[] {
    const list: FieldProblem[] = [];
    const outcome = this.answers.get("@outcome");
    if (outcome) {
      const { reason, explanation = "" } = JSON.parse(outcome) as { reason?: string; explanation?: string };
      if (!reason) list.push({ field: "/@outcome/reason", code: "reason_missing", message_es: "Indique por qué no pudo hacerse la visita", message_en: "Say why the visit could not happen" });
      if (explanation.trim().length < 20) list.push({ field: "/@outcome/explanation", code: "min_chars", message_es: `La explicación tiene ${explanation.trim().length} caracteres; escriba al menos 20`, message_en: `The explanation has ${explanation.trim().length} characters; write at least 20` });
      if (!this.photos.get("@outcome#photo")?.length && !this.answers.get("@arrival")?.includes("live")) list.push({ field: "/@outcome#photo", code: "proof_missing", message_es: "Tome una foto que lo pruebe, o registre la llegada con la ubicación del dispositivo", message_en: "Take a photo that proves it, or record the arrival with the position of the device" });
      return list;
    }
    const add = (field: string, code: string, message_es: string, message_en: string) => list.push({ field: `/${field}`, code, message_es, message_en });
    for (const [index, it] of this.items().entries()) {
      const state = states[index] as ItemState;
      const { id } = it.form;
      if (!state.visible) continue;
      const isAnswered = state.json !== null || (["photo", "audio", "file"].includes(it.form.kind) && state.photos.length > 0);
      if (!isAnswered) {
        if (it.form.must) add(id, "required", "Falta la respuesta", "The answer is missing");
        continue;
      }
      const length = it.form.kind === "text" ? (JSON.parse(state.json ?? '""') as string).trim().length : 0;
      if (it.form.min_chars && length < it.form.min_chars) add(id, "min_chars", `El texto tiene ${length} caracteres; escriba al menos ${it.form.min_chars}`, `The text has ${length} characters; write at least ${it.form.min_chars}`);
      if (state.photos.length < state.photos_wanted) add(`${id}#photo`, "photo_required", `Fotos: ${state.photos.length}; se piden al menos ${state.photos_wanted}`, `Photos: ${state.photos.length}; at least ${state.photos_wanted} are asked for`);
      const said = state.comment?.trim().length ?? 0;
      if (said < state.comment_wanted) add(`${id}#comment`, "comment_required", `El comentario tiene ${said} caracteres; escriba al menos ${state.comment_wanted}`, `The comment has ${said} characters; write at least ${state.comment_wanted}`);
    }
    return list;
  }

  state(states: ItemState[]): State {
    const missing = this.missing(states);
    const byId = new Map(states.map((it) => [it.id, it]));
    const of = (field: string) => field.slice(1).split("#")[0] ?? "";
    return {
      phase: this.phase, round: this.round, editable: this.phase === "draft" || this.phase === "returned",
      progress: this.list.sections.map((section) => {
        const asked = section.items.map((it) => byId.get(it.form.id) as ItemState).filter((it) => it.visible);
        const ids = new Set(section.items.map((it) => it.form.id));
        return { section: section.id, asked: asked.length, answered: asked.filter((it) => it.json !== null || it.photos.length > 0).length, missing: missing.filter((it) => ids.has(of(it.field))).length, preview: this.preview && "83.33" };
      }),
      missing, conflicts: this.conflicts.size, returned: this.returnedAll, due_ms: this.returnedAll.length ? Date.now() + 86_400_000 : null, photos: 0, bytes: 0, lost: 0,
      facts: { arrival: this.answers.get("@arrival") ?? null, departure: this.answers.get("@departure") ?? null, platform: this.answers.get("@platform") ?? null, outcome: this.answers.get("@outcome") ?? null, outcome_photos: this.photos.get("@outcome#photo") ?? [], evidence: { grade: "low", reasons: [] } },
      allowed: this.allowed, preview: this.preview,
    };
  }

  form(): Form {
    return {
      visit: this.id, branch: this.branch, kind: this.list.kind, title: this.list.title, newer: this.id === "v-draft" ? 2 : null, scenario: this.list.scenario, default_locale: this.list.default_locale, rules: this.list.rules, photo_limits: { long_edge: 1920, quality: 80 }, attachment_bytes: 25_000_000,
      sections: this.list.sections.map((it) => ({ id: it.id, title: it.title, items: it.items.map((item) => item.form) })),
    };
  }

  view(): Reply {
    this.told = this.states();
    return { reply: "visit", form: this.form(), state: this.state(this.told), items: this.told } satisfies Visit & { reply: "visit" };
  }

  change(): Reply {
    const before = this.told.map((it) => JSON.stringify(it));
    this.told = this.states();
    return { reply: "change", state: this.state(this.told), items: this.told.filter((it, index) => JSON.stringify(it) !== before[index]) };
  }

  /** What does not fit, of the few things that the screens can send wrong. */
  refusal(field: string, json: string): Problem | null {
    const item = this.items().find((it) => it.form.id === field)?.form;
    if (!item || json === "null" || (item.kind !== "number" && item.kind !== "duration") || json.startsWith('"')) return null;
    const value = Number(json);
    if ((item.min === null || value >= Number(item.min)) && (item.max === null || value <= Number(item.max))) return null;
    return problem("out_of_range", `${json} está fuera del rango de ${item.min ?? "…"} a ${item.max ?? "…"}`, `${json} is outside the range from ${item.min ?? "…"} to ${item.max ?? "…"}`, field);
  }
}

export function problem(code: string, message_es: string, message_en: string, field = ""): Problem {
  return { type: `urn:veedor:problem:${code}`, title: code, status: 400, code, errors: [{ field: `/${field}`, code, message_es, message_en }] };
}

export interface Scene {
  standing?: Standing;
  profiles?: Profile[];
  sync?: Partial<SyncStatus>;
  storage?: StorageStatus;
  update?: boolean;
  empty?: boolean;
  /** Visits in progress beside those that are always there. */
  more?: number;
  /** Beside what is accepted an offer that waits for an answer, and one that was taken here when somebody else had been faster. */
  offers?: boolean;
  /** Milliseconds that an answer takes. */
  slowMs?: number;
}

export const ANA: Profile = { id: "p1", name: "Ana", server: "https://veedor.example", pin: true, lastUsedMs: Date.now() - 3_600_000 };
export const LUIS: Profile = { id: "p2", name: "Luis", server: "https://veedor.example", pin: false, lastUsedMs: Date.now() - 90_000_000 };

const dateIn = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

export class FakeCore implements Core {
  readonly standing = signal<Standing>({ is: "open", profile: ANA });
  readonly sync = signal<SyncStatus>({ pill: "saved", done: 0, total: 0, edits: 14, photos: 3, bytes: 1_240_000, incidents: 0, lost: 0, originals: 2, originalBytes: 9_800_000, originalsLetGo: 0, setAside: {}, lastSentMs: Date.now() - 7_200_000, problem: null, photosRest: null, meteredAllowed: false, online: true, ended: null });
  readonly storage = signal<StorageStatus>({ persisted: true, usage: 18_400_000, quota: 2_300_000_000 });
  readonly updateWaits = signal(false);
  readonly pulled = signal(0);
  readonly visits = new Map<string, FakeVisit>();
  readonly pictures = new Map<string, Blob>();
  /** Whether no room is left for what is attached. */
  isFull = false;
  conflicts: Conflict[] = [];
  private readonly isEmpty: boolean;
  private readonly more: number;
  private readonly hasOffers: boolean;
  private readonly slowMs: number;
  private readonly profiles: Profile[];
  private shown = "";

  constructor(scene: Scene = {}) {
    if (scene.standing) this.standing.value = scene.standing;
    this.profiles = scene.profiles ?? [ANA, LUIS];
    this.sync.value = { ...this.sync.value, ...scene.sync };
    if (scene.storage) this.storage.value = scene.storage;
    this.updateWaits.value = scene.update ?? false;
    this.isEmpty = scene.empty ?? false;
    this.more = scene.more ?? 0;
    this.hasOffers = scene.offers ?? false;
    this.slowMs = scene.slowMs ?? 3;
    if (!this.isEmpty) this.seed();
  }

  private seed(): void {
    const list = (id: string) => LISTS.find((it) => it.id === id) as RawList;
    const put = (id: string, of: RawList, branch: BranchFacts | undefined) => {
      const visit = new FakeVisit(id, of, branch ?? null);
      this.visits.set(id, visit);
      return visit;
    };
    const draft = put("v-draft", list("ms-banco-sucursal"), BRANCHES[0]);
    for (const [field, json] of Object.entries({ Z01: '"10:42"', Z03: '"ambos"', A01: '"yes"', A02: '"no"', A03: '"no"', A04: "2", B01: '"yes"', B02: "22.5", C01: '"yes"', C04: "2", D05: '["identificacion","domicilio"]', E01: '"no"', "@arrival": JSON.stringify({ at_ms: Date.now() - 1_500_000, local: "2026-11-21T10:42", zone: "America/Mexico_City", position: { source: "live", lat_e7: 194270100, lon_e7: -991650300, accuracy_mm: 14000, at_ms: Date.now() - 1_490_000 } }) })) draft.answers.set(field, json);
    draft.answers.set("C04#comment", JSON.stringify("Respondió mirando la pantalla."));
    draft.conflicts.add("C01");
    draft.conflicts.add("C04#comment");
    const returned = put("v-returned", list("mc-oficina-gobierno"), BRANCHES[2]);
    returned.phase = "returned";
    returned.round = 2;
    returned.returnedAll = ["La foto de la entrada no deja ver el letrero."];
    returned.returned.set("Z02", ["La foto está movida. Tome otra donde se lea el letrero."]);
    returned.returned.set("C03", ["Dice 4 minutos y en el relato dice media hora. Aclare cuál es."]);
    this.fill(returned);
    returned.answers.set("C03", "4");
    const full = put("v-full", list("cc-llamada"), BRANCHES[3]);
    full.preview = "87.50";
    full.allowed = { covert: false, audio: false, files: false };
    this.fill(full);
    const done = put("v-done", list("ms-banco-sucursal"), BRANCHES[1]);
    this.fill(done);
    done.phase = "submitted";
    const approved = put("v-approved", list("ms-banco-sucursal"), BRANCHES[4]);
    this.fill(approved);
    approved.phase = "approved";
    const sound = put("v-sound", attachedList(), BRANCHES[3]);
    sound.allowed = { covert: true, audio: true, files: true };
    sound.photos.set("A01", [{ ...this.card("A01", "sound", "stored"), mime: "audio/webm", size: 212_000 }]);
    sound.photos.set("A02", [{ ...this.card("A02", "quotation", "hashed"), mime: "application/pdf", size: 1_412_000, captured_at_ms: null }]);
    put("v-nosound", attachedList(), BRANCHES[3]);
    put("v-big10", bigList(10), BRANCHES[0]);
    put("v-big1", bigList(1), BRANCHES[0]);
    const at = Date.now();
    this.conflicts = [
      { visit: "v-draft", kind: "field", field: "C01", q: draft.form().sections.flatMap((it) => it.items).find((it) => it.id === "C01")?.q ?? null, way_out: "resolve", values: [{ author: "this_device", written_ms: at - 3_000_000, json: '"yes"' }, { author: "another_device", written_ms: at - 2_400_000, json: '"no"' }] },
      { visit: "v-draft", kind: "field", field: "C04#comment", q: draft.form().sections.flatMap((it) => it.items).find((it) => it.id === "C04")?.q ?? null, way_out: "resolve", values: [{ author: "this_device", written_ms: at - 3_000_000, json: '"Respondió mirando la pantalla."' }, { author: "office", written_ms: at - 1_400_000, json: '"Contestó sin levantar la vista del teléfono y no ofreció asiento."' }] },
      { visit: "v-done", kind: "clock", field: "", q: null, way_out: "none", values: [] },
    ];
  }

  /** Answers all that is asked, with something that fits. */
  private fill(visit: FakeVisit): void {
    for (let round = 0; round < 4; round++) {
      for (const it of visit.form().sections.flatMap((section) => section.items)) {
        const state = visit.states().find((found) => found.id === it.id);
        if (!state?.visible) continue;
        const long = "Llegué, pedí informes y esperé mi turno. La persona me explicó los requisitos, el costo y el plazo, y me dio una hoja con los pasos siguientes.";
        const answers: Partial<Record<FormItem["kind"], string>> = { yes_no: '"yes"', yes_no_na: '"yes"', scale_1_5: "4", number: it.min ?? "1", duration: "12", single_choice: JSON.stringify(it.options[0]?.id), multi_choice: JSON.stringify([it.options[0]?.id]), time: '"11:20"', text: JSON.stringify(long) };
        const json = answers[it.kind];
        if (json && !visit.answers.has(it.id)) visit.answers.set(it.id, json);
        if (state.comment_wanted > 0) visit.answers.set(`${it.id}#comment`, JSON.stringify(long));
        if (it.kind === "photo" || state.photos_wanted > 0) {
          const field = it.kind === "photo" ? it.id : `${it.id}#photo`;
          if (!visit.photos.has(field)) visit.photos.set(field, [this.card(field, visit.id + it.id, visit.phase === "draft" ? "hashed" : "stored")]);
        }
      }
    }
  }

  private card(field: string, blob: string, state: string): PhotoCard {
    return { id: `${blob}-id`, field, blob, size: 412_000, mime: "image/jpeg", captured_at_ms: Date.now() - 1_800_000, lat_e7: null, lon_e7: null, accuracy_mm: null, state, sent: 0, reason: null };
  }

  async enrol(code: string, name: string, pin: string | null): Promise<Outcome> {
    await pause(600);
    if (/bad/i.test(code)) return { ok: false, problem: problem("unknown_code", "Ese código no sirve: ya se usó o venció. Pida otro a su coordinación", "that code does not work: it was used or has run out. Ask your coordinator for another") };
    this.standing.value = { is: "open", profile: { ...ANA, name, pin: pin !== null } };
    return { ok: true };
  }
  async choose(id: string): Promise<void> {
    const profile = this.profiles.find((it) => it.id === id) ?? ANA;
    this.standing.value = profile.pin ? { is: "locked", profile, wrong: 0, waitMs: 0 } : { is: "open", profile };
  }
  async unlock(pin: string): Promise<Outcome> {
    const at = this.standing.value;
    if (at.is !== "locked") return { ok: true };
    await pause(300);
    if (pin === "123456") {
      this.standing.value = { is: "open", profile: at.profile };
      return { ok: true };
    }
    this.standing.value = { ...at, wrong: at.wrong + 1, waitMs: at.wrong > 1 ? 30_000 : 0 };
    return { ok: false, problem: problem("wrong_pin", "Ese no es el PIN", "that is not the PIN") };
  }
  async lock(): Promise<void> {
    this.standing.value = { is: "profiles", profiles: this.profiles };
  }
  async setPin(_current: string | null, next: string | null): Promise<Outcome> {
    const at = this.standing.value;
    if (at.is === "open") this.standing.value = { is: "open", profile: { ...at.profile, pin: next !== null } };
    return { ok: true };
  }
  async rescue(): ReturnType<Core["rescue"]> {
    await pause(600);
    return { ok: true, rescued: { file: new File(["VEEDOR-RESCUE-1"], "veedor.rescate"), code: null, edits: 14, incidents: 0, photos: 3, bytes: 1_240_000 } };
  }
  placeIn(): string | null {
    return null;
  }

  keepPlace(): void {}

  salvage(): ReturnType<Core["rescue"]> {
    return this.rescue();
  }
  sendOriginals(): void {
    this.sync.value = { ...this.sync.value, originals: 0, originalBytes: 0 };
  }
  async forget(): Promise<Outcome> {
    this.standing.value = { is: "profiles", profiles: [LUIS] };
    return { ok: true };
  }
  async useHere(): Promise<void> {
    this.standing.value = { is: "open", profile: ANA };
  }

  async ask(ask: Ask): Promise<Reply> {
    if (this.slowMs > 0) await pause(this.slowMs);
    return structuredClone(this.reply(ask));
  }

  private changed(visit: FakeVisit): Reply {
    const s = this.sync.value;
    this.sync.value = { ...s, pill: s.pill === "sent" ? "saved" : s.pill, edits: s.edits + 1 };
    if (this.shown !== visit.id) {
      this.shown = visit.id;
      return visit.view();
    }
    return visit.change();
  }

  private reply(ask: Ask): Reply {
    const unknown: Reply = { reply: "refused", problem: problem("unknown_audit", "Esta visita no está en el teléfono", "this visit is not on the phone") };
    switch (ask.ask) {
      case "home":
        return this.home();
      case "briefing": {
        const { list, branch, notes, to, from } = this.assignment(ask.assignment);
        return { reply: "briefing", assignment: ask.assignment, branch, state: this.words.get(ask.assignment) ?? (this.hasOffers ? "offered" : "accepted"), from, to, notes, kind: list.kind, title: list.title, purpose: list.purpose, scenario: list.scenario, rules: list.rules, sections: list.sections.map((it) => ({ title: it.title, questions: it.items.map((item) => ({ q: item.form.q, photo: item.form.photos })) })), allowed: { covert: ask.assignment !== "a2", audio: false, files: false } };
      }
      case "accept":
      case "decline":
        this.words.set(ask.assignment, ask.ask === "accept" ? "accepted" : "declined");
        return this.home();
      case "start": {
        const { list, branch } = this.assignment(ask.assignment);
        const visit = new FakeVisit(`v-${ask.assignment}`, list, branch);
        this.visits.set(visit.id, visit);
        this.shown = visit.id;
        return visit.view();
      }
      case "start_ad_hoc": {
        const visit = new FakeVisit(ask.visit, LISTS[0] as RawList, BRANCHES[0] ?? null);
        this.visits.set(visit.id, visit);
        this.shown = visit.id;
        return visit.view();
      }
      case "outbox":
        return this.outbox();
      case "conflicts":
        return { reply: "conflicts", conflicts: this.conflicts };
      case "report":
        this.incidents.unshift({ id: ask.incident, at_ms: Date.now(), sealed: true, state: this.sync.value.online ? "sent" : "waiting" });
        return { reply: "incidents", incidents: this.incidents };
      case "incidents":
        return { reply: "incidents", incidents: this.incidents };
    }
    const visit = this.visits.get(ask.visit);
    if (!visit) return unknown;
    switch (ask.ask) {
      case "open":
        this.shown = visit.id;
        return visit.view();
      case "answer": {
        const refusal = visit.refusal(ask.field, ask.json);
        if (refusal) return { reply: "refused", problem: refusal };
        if (ask.json === "null") visit.answers.delete(ask.field);
        else visit.answers.set(ask.field, ask.json);
        return this.changed(visit);
      }
      case "detach":
        for (const [field, photos] of visit.photos) visit.photos.set(field, photos.filter((it) => it.id !== ask.photo));
        return this.changed(visit);
      case "resolve":
        visit.conflicts.delete(ask.field);
        if (ask.json === "null") visit.answers.delete(ask.field);
        else visit.answers.set(ask.field, ask.json);
        this.conflicts = this.conflicts.filter((it) => it.visit !== ask.visit || it.field !== ask.field);
        return this.changed(visit);
      case "versions": {
        const affected = (id: string, es: string, en: string) => ({ q: visit.form().sections.flatMap((it) => it.items).find((it) => it.id === id)?.q ?? null, problem: { field: `/${id}`, code: "misfit", message_es: es, message_en: en } });
        return {
          reply: "versions", has: 1, split: false,
          others: [{ hash: "2".repeat(64), version: 2, kept: 14, dropped: [affected("C02", "esta versión ya no tiene la pregunta", "this version has the question no more")], wanted: [affected("D01", "falta la respuesta", "the answer is missing")] }],
        };
      }
      case "migrate":
        return visit.view();
      case "review": {
        const states = visit.states();
        const { progress, missing, conflicts } = visit.state(states);
        const sum = (of: (it: (typeof progress)[0]) => number) => progress.reduce((all, it) => all + of(it), 0);
        return { reply: "review", visit: visit.id, seen: "seen", asked: sum((it) => it.asked), answered: sum((it) => it.answered), photos: [...visit.photos.values()].flat().length, missing, grave: states.flatMap((it) => (it.grave ? [{ item: it.id, says: it.grave }] : [])), conflicts, ready: missing.length === 0 && conflicts === 0, preview: visit.preview };
      }
      case "submit":
        visit.phase = "submitted";
        return visit.view();
    }
  }

  private words = new Map<string, string>();
  private incidents: IncidentCard[] = [];

  private assignment(id: string) {
    const all: Record<string, [string, number]> = { a1: ["ms-banco-sucursal", 1], a2: ["mc-oficina-gobierno", 2], a3: ["cc-llamada", 3], a4: ["chicago_food", 4] };
    const [name, branch] = all[id] ?? ["ms-banco-sucursal", 0];
    const list = LISTS.find((it) => it.id === name) ?? (LISTS[0] as RawList);
    const notes = id === "a1" ? "Vaya en la mañana; la sucursal cierra el acceso por obras en la tarde." : null;
    return { list, branch: BRANCHES[branch] ?? null, notes, from: dateIn(-3), to: dateIn(id === "a1" ? 1 : id === "a2" ? 4 : 12) };
  }

  private syncState() {
    const { edits, photos, bytes, incidents, lost, originals, originalBytes, originalsLetGo, setAside, ended } = this.sync.value;
    return { edits, photos, bytes, incidents, lost, originals, original_bytes: originalBytes, originals_let_go: originalsLetGo, conflicts: this.conflicts.length, set_aside: setAside, ended };
  }

  private home(): Reply {
    const cards: AssignmentCard[] = ["a1", "a2", "a3"].map((id) => {
      const it = this.assignment(id);
      return { id, branch: it.branch, title: it.list.title, too_new: false, state: this.words.get(id) ?? "accepted", from: it.from, to: it.to, notes: it.notes, word: this.words.get(id) ?? null, sent: false, refused: null };
    });
    const [first, , last] = cards;
    if (this.hasOffers && first && last) {
      Object.assign(first, { state: this.words.get("a1") ?? "offered" });
      Object.assign(last, { state: "offered", word: "accepted", sent: true, refused: SOMEBODY_ELSES });
    }
    if (this.updateWaits.value && first) cards.push({ ...first, id: "a5", title: null, too_new: true });
    const visits = [...this.visits.values()].filter((it) => !/^v-(big|sound|nosound)/.test(it.id));
    visits.sort((a, b) => Number(b.phase === "returned") - Number(a.phase === "returned"));
    const others = Array.from({ length: this.more }, () => visits.find((it) => it.phase === "draft") ?? []).flat();
    return {
      reply: "home",
      assignments: this.isEmpty ? [] : cards,
      visits: [...visits, ...others].map((it, at) => ({ visit: at < visits.length ? it.id : `${it.id}-${at}`, branch: it.branch, title: it.list.title, phase: it.phase, round: it.round, answered: it.answers.size, conflicts: it.conflicts.size, photos: it.id === "v-draft" ? 3 : 0, bytes: it.id === "v-draft" ? 1_240_000 : 0, lost: it.id === "v-approved" ? 1 : 0, to: dateIn(2) })),
      branches: this.isEmpty ? [] : BRANCHES,
      checklists: LISTS.map((it) => ({ hash: it.id, id: it.id, version: 1, title: it.title })),
      sync: this.syncState(),
    };
  }

  private outbox(): Reply {
    const { edits, photos } = this.sync.value;
    const of = (id: string) => this.visits.get(id);
    const draft = of("v-draft");
    const done = of("v-done");
    const visits = [];
    if (draft && edits + photos > 0) visits.push({ visit: "v-draft", branch: draft.branch, title: draft.list.title, phase: draft.phase, edits, photos, bytes: 1_240_000, lost: 1, set_aside: [] });
    if (done && edits + photos > 0) visits.push({ visit: "v-done", branch: done.branch, title: done.list.title, phase: done.phase, edits: 2, photos: 0, bytes: 0, lost: 0, set_aside: ["assignment_withdrawn"] });
    return { reply: "outbox", visits, sync: this.syncState() };
  }

  async attach(id: string, field: string, picture: Blob, facts: PhotoFacts): Promise<Reply> {
    const visit = this.visits.get(id);
    if (!visit) return { reply: "refused", problem: problem("unknown_audit", "Esta visita no está en el teléfono", "this visit is not on the phone") };
    if (this.isFull) return { reply: "refused", problem: problem("storage_full", "El teléfono está casi lleno", "the phone is nearly full") };
    const blob = `${id}${field}${Math.random()}`;
    this.pictures.set(blob, picture);
    visit.photos.set(field, [...(visit.photos.get(field) ?? []), { ...this.card(field, blob, "hashed"), size: picture.size, mime: picture.type, captured_at_ms: facts.capturedAtMs }]);
    const s = this.sync.value;
    this.sync.value = { ...s, photos: s.photos + 1, bytes: s.bytes + picture.size };
    (globalThis as { lastAttached?: unknown }).lastAttached = { field, size: picture.size, type: picture.type, facts };
    return structuredClone(this.changed(visit));
  }

  async photo(blob: string): Promise<Blob | null> {
    return this.pictures.get(blob) ?? drawn();
  }

  sendNow(): void {
    const before = this.sync.value;
    this.sync.value = { ...before, pill: "sending", done: 0, total: 7 };
    const timer = setInterval(() => {
      const it = this.sync.value;
      if (it.done < it.total) this.sync.value = { ...it, done: it.done + 1 };
      else {
        clearInterval(timer);
        this.sync.value = { ...it, pill: "sent", edits: 0, photos: 0, bytes: 0, lastSentMs: Date.now() };
      }
    }, 400);
  }
  allowMetered(allowed: boolean): void {
    this.sync.value = { ...this.sync.value, photosRest: null, meteredAllowed: allowed };
  }
  applyUpdate(): void {
    this.updateWaits.value = false;
  }
}

/** As the device says it of an offer that was taken too late. */
const SOMEBODY_ELSES = { es: "La visita es ahora de otra persona", en: "the visit is now somebody else's" };

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** A street front, so that thumbnails show something. */
function drawn(): Blob {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 480;
  const it = canvas.getContext("2d") as CanvasRenderingContext2D;
  const rect = (colour: string, x: number, y: number, w: number, h: number) => {
    it.fillStyle = colour;
    it.fillRect(x, y, w, h);
  };
  rect("#9cc4e4", 0, 0, 640, 200);
  rect("#d9c3a0", 60, 80, 520, 320);
  rect("#1b5e9c", 60, 110, 520, 70);
  rect("#f4f6f9", 110, 130, 220, 28);
  rect("#4a5a70", 110, 210, 150, 150);
  rect("#4a5a70", 390, 210, 150, 190);
  rect("#8d8d88", 0, 400, 640, 80);
  const base64 = canvas.toDataURL("image/jpeg", 0.8).split(",")[1] ?? "";
  return new Blob([Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0))], { type: "image/jpeg" });
}
