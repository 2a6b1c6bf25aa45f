// The folder of a person's files in the browser's private file system, where something has to be done to it from outside: seeing
// whether another window still holds it, and removing it. What lies in it is the store's (`sync-core/wasm/src/pool.rs`).

import { Failed, storeHeld } from "../core/problems";

/** How long a window that was killed or robbed may take to let go. */
const PATIENCE_MS = 8_000;
const PAUSE_MS = 200;

/** How much more room than its bytes a rescue file wants. */
const ROOM = 1.2;
const RESCUE_TYPE = "application/octet-stream";

const rescueOf = (profile: string): string => `rescue-${profile}`;
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

async function removeEntry(name: string): Promise<void> {
  const root = await navigator.storage.getDirectory();
  try {
    await root.removeEntry(name, { recursive: true });
  } catch (thrown) {
    if (!isAway(thrown)) {
      throw thrown;
    }
  }
}

/** Removes a person's files. */
export async function remove(profile: string): Promise<void> {
  await untilFree(profile);
  await removeEntry(rescueOf(profile));
  await removeCopies(profile);
  await removeEntry(nameOf(profile));
}

// ---- a damaged store ----

/** Where a file of the pool says its name and its kind (`sahpool` of sqlite-wasm-vfs): the name, then flags, big-endian. */
const NAME_BYTES = 512;
const HEADER_BYTES = 4_096;
const FLAG_TEMPORARY = 0x8;
/** What the store opens its two files with: a main database, to be read and written, made if needed. */
const FLAGS_MAIN = 0x106;
/** A main database, a journal of one, or a log of one. */
const FLAGS_PERSISTENT = 0x8_4900;
const MAIN_FILES = ["/device.db", "/photos.db"];

/** The name that a file of the pool says; none where it has content and says no name that can be. */
async function nameIn(file: File): Promise<string | null> {
  const head = new Uint8Array(await file.slice(0, NAME_BYTES + 4).arrayBuffer());
  const end = head.indexOf(0);
  const name = new TextDecoder().decode(head.subarray(0, Math.max(0, end)));
  if (file.size <= HEADER_BYTES) {
    return name;
  }
  const flags = head.length < NAME_BYTES + 4 ? 0 : new DataView(head.buffer).getUint32(NAME_BYTES);
  const isMain = MAIN_FILES.some((it) => name === it || name.startsWith(`${it}-`));
  // What was left of a sort is nobody's.
  const isTemporary = /^[!-~]+$/.test(name) && (flags & FLAG_TEMPORARY) !== 0;
  return (isMain && (flags & FLAGS_PERSISTENT) !== 0) || isTemporary ? name : null;
}

async function poolFiles(folder: string): Promise<[string, File][]> {
  const root = await navigator.storage.getDirectory();
  const found: [string, File][] = [];
  try {
    const pool = await (await root.getDirectoryHandle(folder)).getDirectoryHandle(".opaque");
    for await (const [name, entry] of pool.entries()) {
      if (entry.kind === "file") {
        found.push([name, await (entry as FileSystemFileHandle).getFile()]);
      }
    }
  } catch (thrown) {
    if (!isAway(thrown)) {
      throw thrown;
    }
  }
  return found;
}

/** Whether a file of a person's store has content under a name that cannot be read. */
export async function hasDamagedNames(profile: string): Promise<boolean> {
  for (const [, file] of await poolFiles(nameOf(profile))) {
    if ((await nameIn(file)) === null) {
      return true;
    }
  }
  return false;
}

let copies = 0;

/** Copies a person's files, under a name of their own, which it gives; a name that was lost is the one that no other file has. */
export async function copyToRead(profile: string): Promise<string> {
  await removeCopies(profile);
  copies += 1;
  const copy = `${profile}-salvage-${copies}`;
  const root = await navigator.storage.getDirectory();
  const pool = await (await root.getDirectoryHandle(nameOf(copy), { create: true })).getDirectoryHandle(".opaque", { create: true });
  const all = await poolFiles(nameOf(profile));
  const names = await Promise.all(all.map(([, file]) => nameIn(file)));
  const missing = MAIN_FILES.filter((it) => !names.includes(it));
  for (const [at, [opaque, file]] of all.entries()) {
    const access = await (await pool.getFileHandle(opaque, { create: true })).createSyncAccessHandle();
    try {
      await copyInto(access, file);
      const name = names[at] === null ? missing.shift() : undefined;
      if (name !== undefined) {
        const head = new Uint8Array(NAME_BYTES + 4);
        head.set(new TextEncoder().encode(name));
        new DataView(head.buffer).setUint32(NAME_BYTES, FLAGS_MAIN);
        writeAll(access, head, 0);
      }
      access.flush();
    } finally {
      access.close();
    }
  }
  return copy;
}

async function copyInto(access: FileSystemSyncAccessHandle, file: File): Promise<void> {
  const step = 1 << 20;
  for (let at = 0; at < file.size; at += step) {
    writeAll(access, new Uint8Array(await file.slice(at, at + step).arrayBuffer()), at);
  }
}

/** Writes all of it: a disk that is full may take a part and say no more than how much. */
function writeAll(access: FileSystemSyncAccessHandle, bytes: Uint8Array<ArrayBuffer>, at: number): void {
  const written = access.write(bytes, { at });
  if (written !== bytes.length) {
    throw new DOMException(`${written} of ${bytes.length} bytes`, "QuotaExceededError");
  }
}

/** Removes what was copied of a person's files. */
export async function removeCopies(profile: string): Promise<void> {
  const root = await navigator.storage.getDirectory();
  const left: string[] = [];
  for await (const name of root.keys()) {
    if (name.startsWith(`${nameOf(profile)}-salvage-`)) {
      left.push(name);
    }
  }
  for (const name of left) {
    await removeEntry(name);
  }
}

// ---- a rescue file ----

/** Bytes that are written one after the other and then given away as a file. */
export interface Sink {
  add: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  done: (name: string) => Promise<File>;
  /** Lets go of what it holds, whatever became of it. */
  end: () => void;
}

/** In memory, behind what is written already. */
function memorySink(parts: Blob[]): Sink {
  return {
    // Blobs of their own: a browser may put these on the disk by itself.
    add: (part) => {
      parts.push(new Blob([part]));
      return Promise.resolve();
    },
    done: (name) => Promise.resolve(new File(parts, name, { type: RESCUE_TYPE })),
    end: () => undefined,
  };
}

async function diskSink(profile: string): Promise<Sink> {
  const root = await navigator.storage.getDirectory();
  const handle = await root.getFileHandle(rescueOf(profile), { create: true });
  const access = await handle.createSyncAccessHandle();
  let at = 0;
  /** Takes over where the disk failed. */
  let instead: Sink | null = null;
  return {
    add: async (part) => {
      try {
        if (instead === null) {
          writeAll(access, part, at);
          at += part.length;
          return;
        }
      } catch (thrown) {
        console.warn("the rescue file goes on in memory", thrown);
        access.close();
        instead = memorySink([(await handle.getFile()).slice(0, at)]);
      }
      await instead.add(part);
    },
    done: async (name) => {
      if (instead !== null) {
        return instead.done(name);
      }
      access.flush();
      access.close();
      return new File([await handle.getFile()], name, { type: RESCUE_TYPE });
    },
    // Closing it again does nothing.
    end: () => access.close(),
  };
}

/** Where a rescue file is written: on the disk, so that a phone with little memory can hold it; in memory where the disk is full, or
 *  does not take it. */
export async function rescueSink(profile: string, bytes: number): Promise<Sink> {
  try {
    await removeEntry(rescueOf(profile));
    const { quota, usage } = await navigator.storage.estimate();
    const isFull = quota !== undefined && usage !== undefined && quota - usage < bytes * ROOM;
    return isFull ? memorySink([]) : await diskSink(profile);
  } catch (thrown) {
    console.warn("the rescue file is made in memory", thrown);
    return memorySink([]);
  }
}
