// What a screen reader hears that no focus moves to. Owns the one polite live region.

import { signal } from "@preact/signals";

export const said = signal("");

/** Says a sentence politely; the same one again is heard again. */
export function announce(text: string): void {
  said.value = said.value === text ? `${text}\u00a0` : text;
}
