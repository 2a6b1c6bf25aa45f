// The folder of a person's files in the browser's private file system, where something has to be done to it from outside: seeing
// whether another window still holds it, and removing it. What lies in it is the store's (`sync-core/wasm/src/pool.rs`).

import { Failed, storeHeld } from "../core/problems";

/** How long a window that was killed or robbed may take to let go. */
const PATIENCE_MS = 8_000;
const PAUSE_MS = 200;

const nameOf = (profile: string): string => `.veedor-${profile}`;

const isAway = (thrown: unknown): boolean => thrown instanceof DOMException && thrown.name === "NotFoundError";
const isHeld = (thrown: unknown): boolean => thrown instanceof DOMException && thrown.name === "NoModificationAllowedError";

async function anyHeld(folder: FileSystemDirectoryHandle): Promise<boolean> {
  for await (const entry of folder.values()) {
    if (entry.kind === "directory") {
      if (await anyHeld(entry as FileSystemDirectoryHandle)) {
        return true;
      }
      continue;
    }
    try {
      (await (entry as FileSystemFileHandle).createSyncAccessHandle()).close();
    } catch (thrown) {
      if (isHeld(thrown)) {
        return true;
      }
      throw thrown;
    }
  }
  return false;
}

/** Waits until no other window holds a person's files; the store itself would keep those that it got of them. */
export async function untilFree(profile: string): Promise<void> {
  const root = await navigator.storage.getDirectory();
  const patientUntil = performance.now() + PATIENCE_MS;
  try {
    const folder = await root.getDirectoryHandle(nameOf(profile));
    while (await anyHeld(folder)) {
      if (performance.now() > patientUntil) {
        throw new Failed(storeHeld());
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  } catch (thrown) {
    if (!isAway(thrown)) {
      throw thrown;
    }
  }
}

/** Removes a person's files. */
export async function remove(profile: string): Promise<void> {
  await untilFree(profile);
  const root = await navigator.storage.getDirectory();
  try {
    await root.removeEntry(nameOf(profile), { recursive: true });
  } catch (thrown) {
    if (!isAway(thrown)) {
      throw thrown;
    }
  }
}
