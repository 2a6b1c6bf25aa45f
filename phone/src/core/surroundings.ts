// What the browser tells of the world around the app: network, kind of line, battery, room. Owns how each is asked where some browsers
// do not know it: what is not told counts as good.

import type { StorageStatus } from "./api";
import type { Facts } from "./line";

/** The parts of the platform that TypeScript does not know, since not every browser has them. */
interface Line extends EventTarget {
  saveData?: boolean;
  type?: string;
}
interface Battery extends EventTarget {
  level: number;
  charging: boolean;
}
type Platform = Navigator & { connection?: Line; getBattery?: () => Promise<Battery> };

const LOW = 0.15;

const platform = (): Platform => navigator;

function factsOf(battery: Battery | null): Facts {
  const { connection } = platform();
  return {
    online: navigator.onLine,
    metered: connection?.saveData === true || connection?.type === "cellular",
    free: connection?.saveData !== true && (connection?.type === "wifi" || connection?.type === "ethernet"),
    lowBattery: battery !== null && battery.level < LOW && !battery.charging,
  };
}

/** Tells the facts now and whenever they change; the battery's once the browser tells of it, if it ever does. */
export async function watchFacts(tell: (facts: Facts) => void): Promise<void> {
  let battery: Battery | null = null;
  const now = (): void => tell(factsOf(battery));
  addEventListener("online", now);
  addEventListener("offline", now);
  platform().connection?.addEventListener("change", now);
  now();
  battery = (await platform().getBattery?.()) ?? null;
  if (!battery) return;
  battery.addEventListener("levelchange", now);
  battery.addEventListener("chargingchange", now);
  now();
}

export async function storageNow(): Promise<StorageStatus> {
  const [persisted, estimate] = await Promise.all([navigator.storage.persisted(), navigator.storage.estimate()]);
  return { persisted, usage: estimate.usage ?? null, quota: estimate.quota ?? null };
}

/** Asks the browser to keep what is stored also when room is short. */
export async function askToKeep(): Promise<StorageStatus> {
  const persisted = await navigator.storage.persist();
  return { ...(await storageNow()), persisted };
}

/** What the app cannot do without and this browser lacks. */
export function missing(): string[] {
  const needed: [string, boolean][] = [
    ["HTTPS", isSecureContext],
    ["WebAssembly", typeof WebAssembly === "object"],
    ["Web Crypto", typeof crypto === "object" && "subtle" in crypto],
    ["IndexedDB", typeof indexedDB === "object"],
    ["Web Locks", "locks" in navigator],
    ["OPFS", "storage" in navigator && "getDirectory" in navigator.storage && typeof FileSystemFileHandle === "function"],
    ["BroadcastChannel", typeof BroadcastChannel === "function"],
  ];
  return needed.filter(([, isThere]) => !isThere).map(([name]) => name);
}
