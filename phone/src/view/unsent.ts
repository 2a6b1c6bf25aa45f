// Since when something waits on this phone alone. Owns the day it began, kept so that a restart does not forget it.

import { effect } from "@preact/signals";
import type { Core } from "../core/api";
import { kept } from "./prefs";

const DAY_MS = 86_400_000;

export function noteUnsent(core: Core): () => void {
  return effect(() => {
    const { edits, photos, incidents } = core.sync.value;
    if (core.standing.value.is !== "open") return;
    const key = `unsent.${core.standing.value.profile.id}`;
    if (edits + photos + incidents === 0) kept.set(key, null);
    else if (kept.get(key) === null) kept.set(key, String(Date.now()));
  });
}

/** Whole days that something waits; 0 where nothing does. */
export function unsentDays(profile: string, nowMs: number): number {
  const since = Number(kept.get(`unsent.${profile}`));
  return since > 0 ? Math.floor((nowMs - since) / DAY_MS) : 0;
}
