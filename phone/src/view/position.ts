// Where the phone is, as far as the browser tells, while a photo is taken. Owns the watch and its end; asks for nothing before
// a person reaches for the camera.

import { signal } from "@preact/signals";

/** A fix older than this says nothing of a photo taken now, milliseconds. */
const STALE_MS = 120_000;
/** A watch ends this long after the last photo, milliseconds. */
const LINGER_MS = 90_000;

export interface Fix {
  latE7: number;
  lonE7: number;
  accuracyMm: number | null;
  atMs: number;
}

export type Place = { is: "off" | "waiting" | "denied" | "none" } | { is: "here"; fix: Fix };

export const place = signal<Place>({ is: "off" });

let watch: number | null = null;
let ending: ReturnType<typeof setTimeout> | undefined;

function fixOf(it: GeolocationPosition): Fix {
  const { latitude, longitude, accuracy } = it.coords;
  const accuracyMm = Number.isFinite(accuracy) ? Math.round(accuracy * 1000) : null;
  return { latE7: Math.round(latitude * 1e7), lonE7: Math.round(longitude * 1e7), accuracyMm, atMs: it.timestamp };
}

/** Begins to look, or goes on for a while longer. */
export function watchPlace(): void {
  clearTimeout(ending);
  ending = setTimeout(stopPlace, LINGER_MS);
  if (watch !== null) return;
  if (!("geolocation" in navigator)) {
    place.value = { is: "none" };
    return;
  }
  if (place.peek().is !== "here") place.value = { is: "waiting" };
  watch = navigator.geolocation.watchPosition(
    (it) => (place.value = { is: "here", fix: fixOf(it) }),
    (error) => {
      if (error.code === error.PERMISSION_DENIED) place.value = { is: "denied" };
      else if (place.peek().is !== "here") place.value = { is: "none" };
    },
    { enableHighAccuracy: true, maximumAge: 15_000, timeout: 30_000 },
  );
}

export function stopPlace(): void {
  clearTimeout(ending);
  if (watch !== null) navigator.geolocation.clearWatch(watch);
  watch = null;
  if (place.peek().is !== "denied") place.value = { is: "off" };
}

/** The fix that fits a photo taken at an instant; none where there is none. */
export function fixFor(takenMs: number): Fix | null {
  const now = place.peek();
  return now.is === "here" && Math.abs(takenMs - now.fix.atMs) <= STALE_MS ? now.fix : null;
}

const look = (options: PositionOptions): Promise<Fix | null> =>
  new Promise((done) => {
    if (!("geolocation" in navigator)) return done(null);
    navigator.geolocation.getCurrentPosition((it) => done(fixOf(it)), () => done(null), options);
  });

/** One look, for sorting by distance. */
export const lookOnce = (): Promise<Fix | null> => look({ maximumAge: 300_000, timeout: 15_000 });

/** One look, for saying where somebody is at this moment. */
export const lookNow = (): Promise<Fix | null> => look({ enableHighAccuracy: true, maximumAge: 10_000, timeout: 20_000 });
