// What a person prefers on this phone: language, colours, text size, the screen for hiding. Owns where it is kept
// (localStorage, per phone) and how it reaches the document; knows nothing of visits.

import { computed, effect, signal, type Signal } from "@preact/signals";
import { es, type Texts } from "../texts/es";
import type { FieldProblem, LocalText, Problem } from "../core/messages";

export type Lang = "es" | "en";
export type Theme = "auto" | "light" | "dark" | "contrast";
export type Size = "s" | "m" | "l" | "xl";
export type Look = "list" | "notes";

/** Root font size by text size, in percent of the browser's own. */
const SIZES: Record<Size, number> = { s: 100, m: 115, l: 135, xl: 200 };

/** localStorage that may be forbidden: then the choice lives as long as the page. */
export const kept = {
  get(key: string): string | null {
    try {
      return localStorage.getItem(`veedor.${key}`);
    } catch {
      return null;
    }
  },
  set(key: string, value: string | null): void {
    try {
      if (value === null) localStorage.removeItem(`veedor.${key}`);
      else localStorage.setItem(`veedor.${key}`, value);
    } catch {
      // Private windows and full disks refuse; nothing of a visit is kept here.
    }
  },
};

function preference<T extends string>(key: string, allowed: readonly T[], usual: T): Signal<T> {
  const found = kept.get(key) as T | null;
  const it = signal(found !== null && allowed.includes(found) ? found : usual);
  let first = true;
  effect(() => {
    const value = it.value;
    if (!first) kept.set(key, value);
    first = false;
  });
  return it;
}

const preferred: Lang = navigator.languages.map((it) => it.slice(0, 2)).find((it) => it === "es" || it === "en") === "en" ? "en" : "es";

export const lang = preference<Lang>("lang", ["es", "en"], preferred);
export const theme = preference<Theme>("theme", ["auto", "light", "dark", "contrast"], "auto");
export const size = preference<Size>("size", ["s", "m", "l", "xl"], "s");
export const look = preference<Look>("look", ["list", "notes"], "list");
export const neutral = preference<"yes" | "no">("neutral", ["yes", "no"], "no");

const english = signal<Texts | null>(null);

/** Brings the words of the language chosen, where they are not here: most people need one language, and wait for no other. */
export async function bringWords(): Promise<void> {
  if (lang.peek() === "en" && english.peek() === null) {
    english.value = (await import("../texts/en")).en;
  }
}

// Where they cannot be brought, Spanish is shown.
effect(() => void (lang.value === "en" && bringWords().catch(() => undefined)));

/** The words in the language chosen; reading `.value` in a component follows it. */
export const words = computed<Texts>(() => (lang.value === "en" && english.value !== null ? english.value : es));

/** The language with the region of the browser, for numbers and dates. */
export const locale = computed(() => navigator.languages.find((it) => it.startsWith(lang.value)) ?? (lang.value === "es" ? "es-MX" : "en"));

/** A text of the content in the language chosen. */
export const say = (text: LocalText): string => text[lang.value];
export const sayProblem = (it: FieldProblem): string => (lang.value === "en" ? it.message_en : it.message_es);
/** What a refusal says, sentence by sentence. */
export const sayAll = (problem: Problem): string => problem.errors.map(sayProblem).map((it) => it.charAt(0).toUpperCase() + it.slice(1)).join(". ");

/** Lets preferences reach the document. Called once. */
export function applyPreferences(): void {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const more = matchMedia("(prefers-contrast: more)");
  const system = signal(0);
  dark.addEventListener("change", () => system.value++);
  more.addEventListener("change", () => system.value++);
  effect(() => {
    system.value;
    const shown = theme.value === "auto" ? (more.matches && !dark.matches ? "contrast" : dark.matches ? "dark" : "light") : theme.value;
    root.dataset.theme = shown;
    const colour = document.querySelector<HTMLMetaElement>('meta[name="theme-color"]:not([media])');
    if (colour) colour.content = shown === "dark" ? "#14181f" : "#ffffff";
  });
  effect(() => {
    root.lang = lang.value;
  });
  effect(() => {
    root.dataset.size = size.value;
    root.style.fontSize = size.value === "s" ? "" : `${SIZES[size.value]}%`;
  });
}
