// When and where somebody arrived or left, as the visit states it. Owns how a moment is written; what it must hold is the core's.

import { known } from "./format";
import { lookNow, type Fix } from "./position";

const wall = (timeZone: string, atMs: number): string => {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(atMs);
  const of = (type: string) => parts.find((it) => it.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}`;
};

/** A moment on the wall clock of a zone (IANA; the phone's own where none is known), with the place where it was found. */
export function momentJson(atMs: number, zone: string | null, fix: Fix | null): string {
  const there = known(zone) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const position =
    fix && fix.accuracyMm !== null ? { source: "live", lat_e7: fix.latE7, lon_e7: fix.lonE7, accuracy_mm: fix.accuracyMm, at_ms: Math.round(fix.atMs) } : undefined;
  return JSON.stringify({ at_ms: atMs, local: wall(there, atMs), zone: there, ...(position && { position }) });
}

export interface Moment {
  at_ms: number;
  local: string;
  zone: string;
  position?: { lat_e7: number; lon_e7: number; accuracy_mm?: number };
}

/** A moment as it was stated; none where there is none. */
export const momentOf = (json: string | null): Moment | null => (json === null ? null : (JSON.parse(json) as Moment));

/** What this app can prove of itself: a browser, whose key may lie outside of hardware for all it knows. */
export const PLATFORM_JSON = JSON.stringify({
  kind: "browser",
  hardware_key: false,
  camera: typeof navigator !== "undefined" && !!navigator.mediaDevices?.getUserMedia,
  file_picker: true,
});

/**
 * States a moment at once, and again with its place once the phone found it: the time is that of the tap.
 * `keep` keeps one; false where it was refused.
 */
export async function stateMoment(zone: string | null, withPlace: boolean, keep: (json: string) => Promise<boolean>): Promise<"kept" | "no_place" | "refused"> {
  const atMs = Date.now();
  if (!(await keep(momentJson(atMs, zone, null)))) return "refused";
  if (!withPlace) return "kept";
  const fix = await lookNow();
  if (!fix || fix.accuracyMm === null) return "no_place";
  return (await keep(momentJson(atMs, zone, fix))) ? "kept" : "refused";
}
