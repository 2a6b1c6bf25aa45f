// Stop-watches of questions that ask how long something took. Owns the instant of the start, kept so that a reload, a hidden
// screen or a flat battery loses nothing.

import { signal, type Signal } from "@preact/signals";
import { kept } from "./prefs";

export interface Timer {
  /** Milliseconds counted before the last pause. */
  counted: number;
  /** When it runs: since when. */
  since: number | null;
}

const timers = new Map<string, Signal<Timer | null>>();
const keyOf = (visit: string, field: string) => `timer.${visit}.${field}`;

export function timerOf(visit: string, field: string): Signal<Timer | null> {
  const key = keyOf(visit, field);
  let found = timers.get(key);
  if (!found) {
    let stored: Timer | null = null;
    try {
      stored = JSON.parse(kept.get(key) ?? "null") as Timer | null;
    } catch {
      stored = null;
    }
    timers.set(key, (found = signal(stored)));
  }
  return found;
}

function put(visit: string, field: string, timer: Timer | null): void {
  kept.set(keyOf(visit, field), timer ? JSON.stringify(timer) : null);
  timerOf(visit, field).value = timer;
}

export const elapsed = (it: Timer, nowMs: number): number => it.counted + (it.since === null ? 0 : Math.max(0, nowMs - it.since));
export const start = (visit: string, field: string, nowMs: number): void => put(visit, field, { counted: timerOf(visit, field).peek()?.counted ?? 0, since: nowMs });
export const drop = (visit: string, field: string): void => put(visit, field, null);

export function pause(visit: string, field: string, nowMs: number): void {
  const it = timerOf(visit, field).peek();
  if (it) put(visit, field, { counted: elapsed(it, nowMs), since: null });
}
