// The control of each kind of question. Owns how an answer is given with a thumb, a keyboard or a screen reader; what is a good
// answer is the core's, and its refusals are shown where they arose.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { FormItem } from "../core/messages";
import { listOf, stringOf, unitOf } from "../view/answer-text";
import { readDecimal, showDecimal, spanIn } from "../view/decimal";
import { clockIn, span, zoneName } from "../view/format";
import { locale, say, words } from "../view/prefs";
import { announce } from "../view/say";
import * as timer from "../view/timer";
import type { Shown, VisitStore } from "../view/visit-store";
import { Button } from "./basic";
import { Icon, type IconName } from "./icon";

/** While a field has the focus, a refusal is shown once no key was pressed for so long, milliseconds. */
const PATIENCE_MS = 1_200;
/** A time later than now by more than this may be a slip, milliseconds; of a visit of yesterday it is none, so that it is only said. */
const AHEAD_MS = 5 * 60_000;
/** Numbers in a range no wider than this are tapped, not typed. */
const TAPPED_SPAN = 10n;

export interface ControlProps {
  store: VisitStore;
  shown: Shown;
  /** Ids of what describes the control. */
  describedBy: string | undefined;
}

/** One big button of a radio group or of tick boxes. */
function Pick(props: {
  type: "radio" | "checkbox";
  name: string;
  on: boolean;
  onPick: (on: boolean) => void;
  icon?: IconName;
  tone?: "good" | "bad";
  label: ComponentChildren;
  lead?: string;
}) {
  return (
    <label class={`pick${props.on ? " on" : ""}${props.tone ? ` ${props.tone}` : ""}`}>
      <input
        type={props.type as "radio"}
        name={props.name}
        checked={props.on}
        onChange={(event) => props.onPick((event.currentTarget as HTMLInputElement).checked)}
      />
      {props.icon && <Icon name={props.icon} />}
      {props.lead !== undefined && <span class="lead">{props.lead}</span>}
      <span>{props.label}</span>
      {props.on && !props.icon && <Icon name="check" />}
    </label>
  );
}

const field = (it: Shown) => it.item.id;

function YesNo({ store, shown }: ControlProps) {
  const t = words.value.visit;
  const json = shown.state.value.json;
  const pick = (value: string) => ({ type: "radio" as const, name: field(shown), on: json === `"${value}"`, onPick: () => void store.answer(field(shown), `"${value}"`) });
  return (
    <div class={`picks across${shown.item.na ? " three" : ""}`}>
      <Pick {...pick("yes")} icon="check" tone="good" label={t.yes} />
      <Pick {...pick("no")} icon="cross" tone="bad" label={t.no} />
      {shown.item.na && <Pick {...pick("na")} icon="dash" label={t.na} />}
    </div>
  );
}

/** "Does not apply" of the kinds that have no place for it among their options. */
function NotApplicable({ store, shown }: ControlProps) {
  if (!shown.item.na) return null;
  const on = shown.state.value.json === '"na"';
  return (
    <div class="picks">
      <Pick type="checkbox" name={`${field(shown)}-na`} on={on} icon={on ? "check" : "dash"} label={words.value.visit.na} onPick={(it) => void store.answer(field(shown), it ? '"na"' : "null")} />
    </div>
  );
}

function Scale(props: ControlProps) {
  const { store, shown } = props;
  const t = words.value.visit;
  const { anchors } = shown.item;
  const json = shown.state.value.json;
  const pick = (step: number) => ({ type: "radio" as const, name: field(shown), on: json === String(step), onPick: () => void store.answer(field(shown), String(step)) });
  return (
    <>
      {anchors.length === 5 ? (
        <div class="picks">
          {anchors.map((it, index) => (
            <Pick key={index} {...pick(index + 1)} lead={String(index + 1)} label={say(it)} />
          ))}
        </div>
      ) : (
        <>
          <div class="picks steps-5">
            {[1, 2, 3, 4, 5].map((step) => (
              <Pick key={step} {...pick(step)} label={<>{step}<span class="seen-not"> {t.step(step)}</span></>} />
            ))}
          </div>
          <div class="ends" aria-hidden="true">
            <span>1 · {t.scaleLow}</span>
            <span>5 · {t.scaleHigh}</span>
          </div>
        </>
      )}
      <NotApplicable {...props} />
    </>
  );
}

function SingleChoice(props: ControlProps) {
  const { store, shown } = props;
  const chosen = stringOf(shown.state.value.json);
  return (
    <>
      <div class="picks">
        {shown.item.options.map((it) => (
          <Pick key={it.id} type="radio" name={field(shown)} on={chosen === it.id} label={say(it.text)} onPick={() => void store.answer(field(shown), JSON.stringify(it.id))} />
        ))}
      </div>
      <NotApplicable {...props} />
    </>
  );
}

/** The next choice when an option is tapped: one that stands alone clears the others, and says so. */
export function nextChoice(item: FormItem, chosen: readonly string[], id: string, on: boolean): { chosen: string[]; said: string | null } {
  const t = words.peek().visit;
  const option = item.options.find((it) => it.id === id);
  if (!on || !option) return { chosen: chosen.filter((it) => it !== id), said: null };
  if (option.exclusive) return { chosen: [id], said: chosen.length > 0 ? t.exclusiveCleared(say(option.text)) : null };
  const alone = item.options.find((it) => it.exclusive && chosen.includes(it.id));
  return { chosen: [...chosen.filter((it) => it !== alone?.id), id], said: alone ? t.exclusiveLeft(say(alone.text)) : null };
}

function MultiChoice(props: ControlProps) {
  const { store, shown } = props;
  const t = words.value.visit;
  const chosen = listOf(shown.state.value.json);
  const told = useSignal<string | null>(null);
  const pick = (id: string, on: boolean) => {
    const next = nextChoice(shown.item, chosen, id, on);
    told.value = next.said;
    void store.answer(field(shown), next.chosen.length > 0 ? JSON.stringify(next.chosen) : "null");
  };
  return (
    <>
      <p class="hint">{t.chooseMany}</p>
      <div class="picks">
        {shown.item.options.map((it) => (
          <label key={it.id} class={`pick tickable${chosen.includes(it.id) ? " on" : ""}`}>
            <input type="checkbox" checked={chosen.includes(it.id)} onChange={(event) => pick(it.id, event.currentTarget.checked)} />
            <span class="box">{chosen.includes(it.id) && <Icon name="check" />}</span>
            <span>
              {say(it.text)}
              {it.exclusive && <span class="quiet"> ({t.exclusive})</span>}
            </span>
          </label>
        ))}
      </div>
      <p class="told" role="status">
        {told.value}
      </p>
      <NotApplicable {...props} />
    </>
  );
}

/** What is typed, kept as a draft until the core has it; a refused text stays as it was typed. */
function useTyped(store: VisitStore, name: string, stored: string, toJson: (typed: string) => string | { refused: string }) {
  const draft = store.draftOf(name);
  const patience = useRef<ReturnType<typeof setTimeout>>(undefined);
  const quiet = useSignal(false);
  useEffect(() => () => clearTimeout(patience.current), []);
  const type = (text: string) => {
    draft.value = text;
    quiet.value = true;
    clearTimeout(patience.current);
    patience.current = setTimeout(() => (quiet.value = false), PATIENCE_MS);
    const json = toJson(text);
    if (typeof json === "string") store.answerSoon(name, json);
    else store.refuse(name, json.refused);
  };
  const leave = async () => {
    clearTimeout(patience.current);
    quiet.value = false;
    if (draft.value === null || typeof toJson(draft.value) !== "string") return;
    const before = draft.value;
    await store.flush(name);
    const id = name.split("#")[0] ?? name;
    if (draft.value === before && !(name in (store.items.get(id)?.problems.peek() ?? {}))) draft.value = null;
  };
  return { value: draft.value ?? stored, type, leave, quiet };
}

export function Wrong({ shown, name, id, quiet }: { shown: Shown; name: string; id: string; quiet?: boolean }) {
  const text = shown.problems.value[name];
  return text && !quiet ? (
    <p class="wrong" id={id} role="alert">
      <Icon name="alert" />
      <span>{text}</span>
    </p>
  ) : null;
}

function numberJson(typed: string): string | { refused: string } {
  if (typed.trim() === "") return "null";
  return readDecimal(typed) ?? { refused: words.peek().visit.numberOdd(typed.trim()) };
}

const isWhole = (text: string | null): text is string => text !== null && /^-?\d+$/.test(text);

/** Whole numbers of a narrow range, to be tapped: 0 to 10. */
function tappedValues(item: FormItem): string[] | null {
  if (item.kind !== "number" || !isWhole(item.min) || !isWhole(item.max) || item.unit) return null;
  const [min, max] = [BigInt(item.min), BigInt(item.max)];
  if (max <= min || max - min > TAPPED_SPAN) return null;
  return Array.from({ length: Number(max - min) + 1 }, (_, index) => String(min + BigInt(index)));
}

function NumberLine(props: ControlProps & { children?: ComponentChildren }) {
  const { store, shown } = props;
  const t = words.value.visit;
  const { item } = shown;
  const json = shown.state.value.json;
  const stored = json === null || json === '"na"' ? "" : showDecimal(json, locale.value);
  const typed = useTyped(store, field(shown), stored, numberJson);
  const unit = unitOf(item);
  const value = readDecimal(typed.value);
  const hint = `h-${item.id}`;
  const step = (by: bigint) => {
    const from = isWhole(value) ? BigInt(value) : isWhole(item.min) ? BigInt(item.min) - by : 0n;
    const next = from + by;
    if ((isWhole(item.min) && next < BigInt(item.min)) || (isWhole(item.max) && next > BigInt(item.max))) return;
    store.draftOf(field(shown)).value = null;
    void store.answer(field(shown), String(next));
  };
  const bound = (it: string | null) => (it === null ? null : showDecimal(it, locale.value));
  return (
    <>
      <p class="hint" id={hint}>
        {t.unitBounds(bound(item.min), bound(item.max), unit)}.{item.kind === "duration" && ` ${t.decimalHint}`}
      </p>
      <div class="number">
        {item.kind === "number" && <StepButton label="−1" name="dash" onClick={() => step(-1n)} />}
        <input
          type="text"
          inputMode="decimal"
          autocomplete="off"
          aria-label={`${say(item.q)}${unit ? ` (${unit})` : ""}`}
          aria-describedby={`${hint} e-${item.id} ${props.describedBy ?? ""}`.trim()}
          aria-invalid={field(shown) in shown.problems.value}
          value={typed.value}
          onInput={(event) => typed.type(event.currentTarget.value)}
          onBlur={() => void typed.leave()}
        />
        {item.kind === "number" && <StepButton label="+1" name="plus" onClick={() => step(1n)} />}
        {unit && <span class="unit">{unit}</span>}
        {props.children}
      </div>
      <Wrong shown={shown} name={field(shown)} id={`e-${item.id}`} quiet={typed.quiet.value} />
    </>
  );
}

function StepButton({ label, name, onClick }: { label: string; name: IconName; onClick: () => void }) {
  return (
    <button type="button" class="button plain square" aria-label={label} onClick={onClick}>
      <Icon name={name} />
    </button>
  );
}

function NumberControl(props: ControlProps) {
  const { store, shown } = props;
  const values = tappedValues(shown.item);
  const json = shown.state.value.json;
  const isTapped = values && (json === null || json === '"na"' || values.includes(json));
  if (!isTapped)
    return (
      <>
        <NumberLine {...props} />
        <NotApplicable {...props} />
      </>
    );
  return (
    <>
      <div class="picks steps-n" style={{ "--columns": values.length > 6 ? Math.ceil(values.length / 2) : values.length }}>
        {values.map((it) => (
          <Pick key={it} type="radio" name={field(shown)} on={json === it} label={it} onPick={() => void store.answer(field(shown), it)} />
        ))}
      </div>
      <NotApplicable {...props} />
    </>
  );
}

function Duration(props: ControlProps) {
  const { store, shown } = props;
  const t = words.value.visit;
  const { item } = shown;
  const watch = timer.timerOf(store.visit, item.id);
  const now = useSignal(Date.now());
  const running = watch.value?.since != null;
  useEffect(() => {
    if (!running) return;
    now.value = Date.now();
    const tick = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(tick);
  }, [running]);
  const canTime = item.unit === "min" || item.unit === "s";
  const stop = () => {
    if (!watch.value) return;
    const value = spanIn(item.unit ?? "s", timer.elapsed(watch.value, Date.now()));
    timer.drop(store.visit, item.id);
    store.draftOf(item.id).value = null;
    void store.answer(item.id, value);
    announce(`${showDecimal(value, locale.peek())} ${unitOf(item)}`);
  };
  return (
    <>
      <NumberLine {...props} />
      {canTime && watch.value === null && (
        <Button icon="clock" onClick={() => timer.start(store.visit, item.id, Date.now())}>
          {t.timerStart}
        </Button>
      )}
      {watch.value && (
        <div class="timer">
          <p>
            <span class="clock" role="timer" aria-label={running ? t.timerRuns : t.timerPaused}>
              {span(timer.elapsed(watch.value, now.value))}
            </span>{" "}
            <span class="quiet">{running ? t.timerKeeps : t.timerPaused}</span>
          </p>
          <div class="row">
            <Button kind="main" icon="stop" onClick={stop}>
              {t.timerStop}
            </Button>
            <Button
              icon={running ? "pause" : "play"}
              onClick={() => (running ? timer.pause : timer.start)(store.visit, item.id, Date.now())}
            >
              {running ? t.timerPause : t.timerResume}
            </Button>
            {!running && (
              <Button kind="quiet" icon="trash" onClick={() => timer.drop(store.visit, item.id)}>
                {t.timerDrop}
              </Button>
            )}
          </div>
        </div>
      )}
      <NotApplicable {...props} />
    </>
  );
}

function Time(props: ControlProps) {
  const { store, shown } = props;
  const t = words.value.visit;
  const zone = store.form.branch?.zone ?? null;
  const { item } = shown;
  const stored = stringOf(shown.state.value.json);
  const typed = useTyped(store, item.id, stored === "na" ? "" : (stored ?? ""), (it) => (it === "" ? "null" : JSON.stringify(it)));
  return (
    <>
      <div class="number">
        <input
          type="time"
          aria-label={say(item.q)}
          aria-describedby={`e-${item.id} ${zone ? `h-${item.id}` : ""} ${props.describedBy ?? ""}`.trim()}
          value={typed.value}
          onInput={(event) => typed.type(event.currentTarget.value)}
          onBlur={() => void typed.leave()}
        />
        <Button
          icon="clock"
          onClick={() => {
            store.draftOf(item.id).value = null;
            void store.answer(item.id, JSON.stringify(clockIn(zone, Date.now())));
          }}
        >
          {t.now}
        </Button>
      </div>
      {zone && (
        <p class="hint" id={`h-${item.id}`}>
          {t.timeZone(zoneName(zone))}
        </p>
      )}
      {typed.value > clockIn(zone, Date.now() + AHEAD_MS) && (
        <p class="mark warn" role="status">
          <Icon name="alert" />
          <span>{t.timeAhead(clockIn(zone, Date.now()))}</span>
        </p>
      )}
      <Wrong shown={shown} name={item.id} id={`e-${item.id}`} quiet={typed.quiet.value} />
      <NotApplicable {...props} />
    </>
  );
}

/** A text of any length, with how much of it is there of what is asked. */
export function Writing(props: { store: VisitStore; shown: Shown; name: string; stored: string; label: string; least: number; describedBy?: string }) {
  const { store, shown, name, least } = props;
  const t = words.value.visit;
  const typed = useTyped(store, name, props.stored, (it) => (it === "" ? "null" : JSON.stringify(it)));
  const id = name.replace("#", "-");
  const length = [...typed.value.trim()].length;
  const short = least - length;
  return (
    <>
      <textarea
        id={`t-${id}`}
        rows={least > 60 ? 5 : 3}
        aria-label={props.label}
        aria-describedby={`c-${id} e-${id} ${props.describedBy ?? ""}`.trim()}
        aria-invalid={name in shown.problems.value}
        value={typed.value}
        onInput={(event) => typed.type(event.currentTarget.value)}
        onBlur={() => void typed.leave()}
      />
      <p class="counter" id={`c-${id}`}>
        {least > 0 && (
          <span class={short > 0 ? "short" : "enough"}>
            <Icon name={short > 0 ? "comment" : "check"} />
            {length === 0 ? t.chars(0, least) : short > 0 ? t.charsMissing(short) : t.charsEnough(length)}
          </span>
        )}
        {least === 0 && length > 0 && <span>{t.charsEnough(length)}</span>}
      </p>
      <Wrong shown={shown} name={name} id={`e-${id}`} quiet={typed.quiet.value} />
    </>
  );
}

function Text({ store, shown, describedBy }: ControlProps) {
  const { item } = shown;
  return <Writing store={store} shown={shown} name={item.id} stored={stringOf(shown.state.value.json) ?? ""} label={say(item.q)} least={item.min_chars ?? 0} describedBy={describedBy} />;
}

export function Control(props: ControlProps) {
  switch (props.shown.item.kind) {
    case "yes_no":
    case "yes_no_na":
      return <YesNo {...props} />;
    case "scale_1_5":
      return <Scale {...props} />;
    case "number":
      return <NumberControl {...props} />;
    case "duration":
      return <Duration {...props} />;
    case "single_choice":
      return <SingleChoice {...props} />;
    case "multi_choice":
      return <MultiChoice {...props} />;
    case "time":
      return <Time {...props} />;
    case "text":
      return <Text {...props} />;
    case "photo":
    case "audio":
    case "file":
      return null;
  }
}

