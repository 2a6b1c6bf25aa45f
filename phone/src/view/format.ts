// Numbers, sizes, dates and spans in the chosen language, by Intl. Owns how they look; no value that is sent passes here.

import { locale } from "./prefs";

const DAY_MS = 86_400_000;
/** Making one takes as long as painting a screen. */
const formats = new Map<string, Intl.DateTimeFormat>();

function dates(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale.value + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat(locale.value, options)));
  return found;
}

/** Makes what the first screen shows dates by, while nothing else is to be done. */
export function prepare(): void {
  daysTo("2026-01-01", null, 0);
  day("2026-01-01");
}

export const count = (value: number): string => new Intl.NumberFormat(locale.value).format(value);
export const percent = (part: number, whole: number): string =>
  new Intl.NumberFormat(locale.value, { style: "percent" }).format(whole > 0 ? Math.min(1, part / whole) : 0);

/** Bytes as people read them. */
export function bytes(value: number): string {
  const units = ["kilobyte", "megabyte", "gigabyte"];
  let amount = value / 1000;
  let unit = 0;
  while (amount >= 1000 && unit < 2) {
    amount /= 1000;
    unit++;
  }
  const digits = amount < 10 && unit > 0 ? 1 : 0;
  return new Intl.NumberFormat(locale.value, { style: "unit", unit: units[unit], unitDisplay: "short", maximumFractionDigits: digits }).format(
    value > 0 ? Math.max(amount, 1) : 0,
  );
}

export function distance(metres: number): string {
  const isFar = metres >= 950;
  const value = isFar ? metres / 1000 : Math.round(metres / 50) * 50;
  const format = { style: "unit", unit: isFar ? "kilometer" : "meter", maximumFractionDigits: isFar && value < 10 ? 1 : 0 } as const;
  return new Intl.NumberFormat(locale.value, format).format(value);
}

/** A local date `2026-12-03` as "jue 3 dic". */
export function day(date: string): string {
  const at = new Date(`${date}T12:00:00Z`);
  return dates({ weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).format(at).replace(/[,.]/g, "").replace(/ de /g, " ");
}

/** Days from today, in a zone, to a local date; 0 today, negative when it is over. */
export function daysTo(date: string, zone: string | null, nowMs: number): number {
  const today = dates({ timeZone: known(zone), calendar: "gregory", numberingSystem: "latn", year: "numeric", month: "numeric", day: "numeric" });
  const part = (parts: Intl.DateTimeFormatPart[], type: string) => Number(parts.find((it) => it.type === type)?.value);
  const now = today.formatToParts(nowMs);
  return Math.round((Date.parse(`${date}T00:00:00Z`) - Date.UTC(part(now, "year"), part(now, "month") - 1, part(now, "day"))) / DAY_MS);
}

/** A zone that this browser knows; its own for another. */
export function known(zone: string | null): string | undefined {
  try {
    if (zone) dates({ timeZone: zone });
    return zone ?? undefined;
  } catch {
    return undefined;
  }
}

/** The place of a zone, for people: `America/Mexico_City` as "Ciudad de México". */
export function zoneName(zone: string): string {
  const city = (zone.split("/").pop() ?? zone).replace(/_/g, " ");
  if (!known(zone)) return city;
  const parts = dates({ timeZone: zone, timeZoneName: "shortGeneric" }).formatToParts(0);
  const name = parts.find((it) => it.type === "timeZoneName")?.value ?? "";
  return /^hora de (.+)$/.exec(name)?.[1] ?? /^(.+) Time$/.exec(name)?.[1] ?? city;
}

const pad = (it: number): string => String(it).padStart(2, "0");

/** An instant: the time today, else with the day. */
export function moment(ms: number, nowMs = Date.now()): string {
  const at = new Date(ms);
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return isToday ? `${pad(at.getHours())}:${pad(at.getMinutes())}` : dates({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);
}

/** An instant on the wall clock of a zone, which is named where the phone's own clock shows another time. */
export function momentIn(ms: number, zone: string | null, nowMs = Date.now()): string {
  const timeZone = known(zone);
  if (timeZone === undefined) return moment(ms, nowMs);
  const wall = dates({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone });
  const at = (it: number) => Object.fromEntries(wall.formatToParts(it).map((part) => [part.type, part.value]));
  const [then, here] = [at(ms), new Date(ms)];
  const time = `${then.hour}:${then.minute}`;
  const text = Math.abs(nowMs - ms) < DAY_MS && then.day === at(nowMs).day ? time : wall.format(ms);
  const isHere = Number(then.day) === here.getDate() && time === `${pad(here.getHours())}:${pad(here.getMinutes())}`;
  return isHere ? text : `${text} (${zoneName(timeZone)})`;
}

/** The wall-clock time in a zone now, `HH:MM`. */
export const clockIn = (zone: string | null, nowMs: number): string =>
  dates({ hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: known(zone) }).format(nowMs);

/** Minutes and seconds of a running span, `4:05` or `1:04:05`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const rest = `${hours ? pad(Math.floor(seconds / 60) % 60) : Math.floor(seconds / 60)}:${pad(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Days of the week in words, runs joined: "lun a vie". */
export function weekdays(days: readonly string[], to: (a: string, b: string) => string): string {
  const name = (index: number) => dates({ weekday: "short", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + index)).replace(".", "");
  const here = WEEK.map((it) => days.includes(it));
  const runs: string[] = [];
  for (let from = 0; from < 7; from++) {
    if (!here[from]) continue;
    let last = from;
    while (here[last + 1]) last++;
    runs.push(last === from ? name(from) : last === from + 1 ? `${name(from)}, ${name(last)}` : to(name(from), name(last)));
    from = last;
  }
  return runs.join(", ");
}

/** Metres between two places in 1e-7 degrees, on a sphere: near enough to sort by. */
export function metresBetween(latA: number, lonA: number, latB: number, lonB: number): number {
  const rad = Math.PI / 180 / 1e7;
  const a = Math.sin(((latB - latA) * rad) / 2) ** 2 + Math.cos(latA * rad) * Math.cos(latB * rad) * Math.sin(((lonB - lonA) * rad) / 2) ** 2;
  return 12_742_000 * Math.asin(Math.min(1, Math.sqrt(a)));
}
