// Whether the screen is hidden behind a plain one. Owns that it stays so over a reload until a person leaves it.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { kept } from "./prefs";
import { replace } from "./route";

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

/** A step of the browser's history that "back" leads to while the screen is hidden: nothing moves behind it. */
const STEP = { hidden: true };
const isStep = () => (history.state as typeof STEP | null)?.hidden === true;

addEventListener("popstate", () => isHidden.peek() && history.pushState(STEP, "", location.href));

export function hide(): void {
  if (!mayHide.peek()) return;
  scrolled = window.scrollY;
  kept.set("hidden", "yes");
  isHidden.value = true;
  history.pushState(STEP, "", location.href);
  window.scrollTo(0, 0);
}

/** Shows the app again, where it was; or at a place of its own. */
export function show(place: string | null = null): void {
  kept.set("hidden", null);
  isHidden.value = false;
  if (place !== null) return replace(place);
  if (isStep()) history.back();
  requestAnimationFrame(() => window.scrollTo(0, scrolled));
}
