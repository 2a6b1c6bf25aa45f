// Whether the app is installed, and how it can be. Owns the browser's one-time offer.

import { signal } from "@preact/signals";
import { kept } from "./prefs";

interface Offer extends Event {
  prompt(): Promise<unknown>;
}

export const offer = signal<Offer | null>(null);
export const putOff = signal(kept.get("install-later") === "yes");

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer.value = event as Offer;
});
addEventListener("appinstalled", () => (offer.value = null));

export const isIos = (): boolean =>
  /iPad|iPhone|iPod/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
export const isStandalone = (): boolean =>
  matchMedia("(display-mode: standalone)").matches || (navigator as { standalone?: boolean }).standalone === true;

/** On iOS a tab is erased after days without use: the gate that a person passes knowingly. */
export const gatePassed = signal(!isIos() || isStandalone() || kept.get("ios-tab") === "yes");

export function passGate(): void {
  kept.set("ios-tab", "yes");
  gatePassed.value = true;
}
export function later(): void {
  kept.set("install-later", "yes");
  putOff.value = true;
}
export async function install(): Promise<void> {
  await offer.peek()?.prompt();
  offer.value = null;
}
