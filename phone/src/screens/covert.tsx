// What others see when they look at the phone: a plain list or plain notes that work as such. Owns title, icon and the way back;
// everything of the visit stays as it is behind it. Makes no sound, ever.

import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icon";
import { hide, isHidden, show } from "../view/hidden";
import { kept, look, neutral, words } from "../view/prefs";

/** Taps on the title that lead back, and how far apart they may be, milliseconds. */
const TAPS = 3;
const APART_MS = 900;
/** Two Escapes within this hide the screen, milliseconds. */
const TWICE_MS = 700;

const NEUTRAL_ICON = URL.createObjectURL(
  new Blob(['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect x="3" y="2" width="18" height="20" rx="3" fill="#f4d35e"/><path d="M7 8h10M7 12h10M7 16h6" stroke="#555" stroke-width="2"/></svg>'], { type: "image/svg+xml" }),
);

/** Title and icon follow what is shown. Called once. */
export function applyDisguise(title: () => string): () => void {
  const own = document.querySelector<HTMLLinkElement>('link[rel~="icon"]')?.href ?? null;
  return effect(() => {
    const isPlain = isHidden.value || neutral.value === "yes";
    const t = words.value;
    document.title = isPlain ? (look.value === "notes" ? t.covert.notesTitle : t.covert.listTitle) : title();
    const icon = isPlain ? NEUTRAL_ICON : own;
    document.querySelectorAll('link[rel~="icon"]').forEach((it) => it.remove());
    if (icon) document.head.append(Object.assign(document.createElement("link"), { rel: "icon", href: icon }));
  });
}

/** Escape twice hides the screen, wherever one is. */
export function listenForEscape(): () => void {
  let last = -Infinity;
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.repeat) return;
    const now = performance.now();
    if (now - last < TWICE_MS && !isHidden.value) {
      last = -Infinity;
      hide();
    } else last = now;
  };
  addEventListener("keydown", key, true);
  return () => removeEventListener("keydown", key, true);
}

/** What happens at three taps in a row, or Enter three times, or three activations by a screen reader: nobody gets there by one. */
function useTriple(work: () => void): () => void {
  const taps = useRef({ count: 0, at: 0 });
  return () => {
    const now = performance.now();
    const it = taps.current;
    it.count = now - it.at < APART_MS ? it.count + 1 : 1;
    it.at = now;
    if (it.count >= TAPS) work();
  };
}

/** The title is the way back. */
function Title({ text }: { text: string }) {
  const tap = useTriple(() => show());
  return (
    <h1>
      <button type="button" class="note-title" onClick={tap}>
        {text}
      </button>
    </h1>
  );
}

interface Line {
  text: string;
  done: boolean;
}

function List() {
  const t = words.value.covert;
  const stored = kept.get("list");
  const lines = useSignal<Line[]>(stored ? (JSON.parse(stored) as Line[]) : t.listSeed.map((text) => ({ text, done: false })));
  const next = useSignal("");
  const put = (list: Line[]) => {
    lines.value = list;
    kept.set("list", JSON.stringify(list));
  };
  const add = () => {
    if (next.value.trim()) put([...lines.value, { text: next.value.trim(), done: false }]);
    next.value = "";
  };
  return (
    <>
      <Title text={t.listTitle} />
      <ul class="note-list">
        {lines.value.map((it, index) => (
          <li key={index}>
            <label class={it.done ? "done" : undefined}>
              <input type="checkbox" checked={it.done} onChange={() => put(lines.value.map((line, at) => (at === index ? { ...line, done: !line.done } : line)))} />
              <span>{it.text}</span>
            </label>
          </li>
        ))}
      </ul>
      <form
        class="note-add"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <input type="text" aria-label={t.listNew} placeholder={t.listNew} value={next.value} onInput={(event) => (next.value = event.currentTarget.value)} autocomplete="off" />
        <button type="submit" class="button plain square" aria-label={t.listAdd}>
          <Icon name="plus" />
        </button>
      </form>
      {lines.value.some((it) => it.done) && (
        <button type="button" class="button quiet" onClick={() => put(lines.value.filter((it) => !it.done))}>
          {t.listClear}
        </button>
      )}
    </>
  );
}

function Notes() {
  const t = words.value.covert;
  const text = useSignal(kept.get("notes") ?? t.notesSeed);
  return (
    <>
      <Title text={t.notesTitle} />
      <textarea
        class="note-text"
        aria-label={t.notesLabel}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          kept.set("notes", text.value);
        }}
      />
    </>
  );
}

/** Says how to use the list, and leads, tapped like the title, to where an incident is told of. */
function Help({ href }: { href: string }) {
  const t = words.value.covert;
  const told = useSignal(false);
  const tap = useTriple(() => show(href));
  return (
    <>
      <p role="status" class={told.value ? "hint" : "seen-not"}>
        {told.value && (look.value === "notes" ? t.helpNotes : t.helpList)}
      </p>
      <button
        type="button"
        class="button quiet"
        onClick={() => {
          told.value = true;
          tap();
        }}
      >
        {t.help}
      </button>
    </>
  );
}

export function Covert({ help }: { help: string | null }) {
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    place.current?.focus({ preventScroll: true });
    return () => requestAnimationFrame(() => before?.isConnected && before.focus({ preventScroll: true }));
  }, []);
  return (
    <main class="note" tabIndex={-1} ref={place}>
      {look.value === "notes" ? <Notes /> : <List />}
      {help !== null && <Help href={help} />}
    </main>
  );
}
