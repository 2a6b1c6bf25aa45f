// Whether the screen is hidden behind a plain one. Owns that it stays so over a reload until a person leaves it.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { kept } from "./prefs";

/** Whether the programme of what is on the screen allows to hide it. */
export const mayHide = signal(true);

export const isHidden = signal(kept.get("hidden") === "yes");
let scrolled = 0;

/** Holds to what a programme allows as long as a visit of it is on the screen. */
export function useMayHide(allowed: boolean): void {
  useEffect(() => {
    mayHide.value = allowed;
    return () => {
      mayHide.value = true;
    };
  }, [allowed]);
}

export function hide(): void {
  if (!mayHide.peek()) return;
  scrolled = window.scrollY;
  kept.set("hidden", "yes");
  isHidden.value = true;
  window.scrollTo(0, 0);
}

export function show(): void {
  kept.set("hidden", null);
  isHidden.value = false;
  requestAnimationFrame(() => window.scrollTo(0, scrolled));
}
