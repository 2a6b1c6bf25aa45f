// Whether the screen is hidden behind a plain one. Owns that it stays so over a reload until a person leaves it.

import { signal } from "@preact/signals";
import { kept } from "./prefs";

export const isHidden = signal(kept.get("hidden") === "yes");
let scrolled = 0;

export function hide(): void {
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
