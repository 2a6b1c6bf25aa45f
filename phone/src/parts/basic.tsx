// The few shapes that every screen is made of: page, notice, field, dialog. Owns their markup and names for screen readers.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Problem } from "../core/messages";
import { hide, isHidden, mayHide } from "../view/hidden";
import { sayAll, words } from "../view/prefs";
import { Icon, type IconName } from "./icon";

/** A screen: its heading takes the focus when it comes, so that a screen reader reads where one is. */
export function Page(props: { title: string; children: ComponentChildren; kicker?: ComponentChildren; still?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (props.still) return;
    window.scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      <h1 tabIndex={-1} ref={heading}>
        {props.title}
      </h1>
      {props.kicker}
      {props.children}
    </>
  );
}

type Tone = "info" | "warn" | "good" | "bad";
const TONE_ICON: Record<Tone, IconName> = { info: "info", warn: "alert", good: "check", bad: "alert" };

export function Notice(props: { tone?: Tone; title?: string; icon?: IconName; alert?: boolean; children?: ComponentChildren }) {
  const tone = props.tone ?? "info";
  return (
    <div class={`notice ${tone}`} role={props.alert ? "alert" : undefined}>
      <Icon name={props.icon ?? TONE_ICON[tone]} />
      <div>
        {props.title && <p class="strong">{props.title}</p>}
        {props.children}
      </div>
    </div>
  );
}

/** What a refusal says, aloud. */
export function Trouble({ problem }: { problem: Problem | null }) {
  return problem ? (
    <Notice tone="bad" alert title={words.value.problemHappened}>
      <p>{sayAll(problem)}</p>
    </Notice>
  ) : null;
}

export function Button(props: {
  onClick?: () => void;
  children: ComponentChildren;
  icon?: IconName;
  kind?: "main" | "plain" | "quiet" | "danger";
  wide?: boolean;
  busy?: boolean;
  type?: "button" | "submit";
  label?: string;
}) {
  const { kind = "plain", busy = false } = props;
  return (
    <button
      type={props.type ?? "button"}
      class={`button ${kind}${props.wide ? " wide" : ""}`}
      aria-disabled={busy || undefined}
      aria-label={props.label}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else props.onClick?.();
      }}
    >
      {props.icon && <Icon name={props.icon} />}
      <span>{props.children}</span>
    </button>
  );
}

export function LinkButton(props: { href: string; children: ComponentChildren; icon?: IconName; kind?: "main" | "plain" | "quiet"; wide?: boolean }) {
  return (
    <a class={`button ${props.kind ?? "plain"}${props.wide ? " wide" : ""}`} href={props.href}>
      {props.icon && <Icon name={props.icon} />}
      <span>{props.children}</span>
    </a>
  );
}

/** Cards that are shown at once: hundreds more would keep the phone busy with what nobody scrolls to. */
const AT_ONCE = 20;

/** A list of cards, of which more are shown when they are asked for. */
export function Cards<T>({ list, draw }: { list: readonly T[]; draw: (it: T) => VNode }) {
  const shown = useSignal(AT_ONCE);
  const cards = useRef<HTMLUListElement>(null);
  const rest = list.length - shown.value;
  useLayoutEffect(() => {
    // Whoever asked for more goes on at the first of them.
    if (shown.value > AT_ONCE) cards.current?.children[shown.value - AT_ONCE]?.querySelector<HTMLElement>("a, button")?.focus();
  }, [shown.value]);
  return (
    <>
      <ul class="cards" ref={cards}>
        {list.slice(0, shown.value).map(draw)}
      </ul>
      {rest > 0 && (
        <Button kind="quiet" wide onClick={() => (shown.value += AT_ONCE)}>
          {words.value.more(Math.min(rest, AT_ONCE), rest)}
        </Button>
      )}
    </>
  );
}

/** A labelled line to type in. What is wrong stands at the field and is heard. */
export function Field(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string;
  error?: string | null;
  type?: "text" | "password";
  mode?: "numeric" | "text";
  autoComplete?: string;
  capitals?: boolean;
  inputRef?: { current: HTMLInputElement | null };
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.hint && (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
      <input
        id={id}
        ref={props.inputRef}
        type={(props.type ?? "text") as "text"}
        inputMode={props.mode ?? "text"}
        autocomplete={props.autoComplete ?? "off"}
        autocapitalize={props.capitals ? "characters" : "off"}
        spellcheck={false}
        value={props.value}
        aria-invalid={!!props.error}
        aria-describedby={[props.hint ? `${id}-hint` : "", props.error ? `${id}-error` : ""].filter(Boolean).join(" ") || undefined}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {props.error && (
        <p class="wrong" id={`${id}-error`} role="alert">
          <Icon name="alert" />
          <span>{props.error}</span>
        </p>
      )}
    </div>
  );
}

/** A dialog of the browser's own: it keeps the focus, closes with Escape and gives the focus back. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; sheet?: boolean; full?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const it = dialog.current;
    const before = document.activeElement as HTMLElement | null;
    // A modal dialog blocks the page even where it is not seen: it closes while the screen is hidden and opens again after.
    const stop = isHidden.subscribe((hidden) => {
      if (hidden) it?.close();
      else if (it && !it.open) requestAnimationFrame(() => it.isConnected && !it.open && it.showModal());
    });
    return () => {
      stop();
      it?.close();
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={props.sheet ? "sheet" : props.full ? "full" : undefined}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (event.cancelable) props.onClose();
      }}
      onClose={(event) => {
        // A browser asks a time or two, and closes by itself at the next Escape or back. Whoever still shows this decides.
        const it = event.currentTarget;
        if (isHidden.peek() || !it.isConnected || it.open) return;
        it.showModal();
        props.onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget && !props.full) props.onClose();
      }}
    >
      <div class="dialog">
        <div class="dialog-head">
          <h2 id={id} tabIndex={-1}>
            {props.title}
          </h2>
          {mayHide.value && (
            <button type="button" class="button quiet square" aria-label={words.value.covert.hide} onClick={hide}>
              <Icon name="eye" />
            </button>
          )}
          <button type="button" class="button quiet square" aria-label={words.value.close} onClick={props.onClose}>
            <Icon name="cross" />
          </button>
        </div>
        {props.children}
      </div>
    </dialog>
  );
}

/** A choice among few words, as radios: for settings and sorting. */
export function Choice<T extends string>(props: { label: string; name: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void; hidden?: boolean }) {
  return (
    <fieldset class="choice">
      <legend class={props.hidden ? "seen-not" : undefined}>{props.label}</legend>
      <div class="choices">
        {props.options.map(([value, label]) => (
          <label key={value} class={value === props.value ? "on" : undefined}>
            <input type="radio" name={props.name} checked={value === props.value} onChange={() => props.onChange(value)} />
            {value === props.value && <Icon name="check" />}
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Bar({ part, whole, label }: { part: number; whole: number; label: string }) {
  const share = whole > 0 ? Math.min(100, Math.round((part * 100) / whole)) : 0;
  return (
    <div class="bar" role="img" aria-label={label}>
      <div style={{ width: `${share}%` }} />
    </div>
  );
}
