// The one table that IndexedDB holds for this app, as promises. Opens it anew for each use: some systems break an open connection
// while the app is in the background.

import { Failed, vaultFailed } from "../core/problems";

const NAME = "veedor";
const TABLE = "profiles";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function connect(): Promise<IDBDatabase> {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE, { keyPath: "id" });
  return done(opening);
}

async function within<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => Promise<T>): Promise<T> {
  try {
    // Where the system ended the browser's own service in the background, the first attempt is refused and the next one is not.
    const database = await connect().catch(connect);
    try {
      // What is kept here is on the disk before anything relies on it.
      const transaction = database.transaction(TABLE, mode, { durability: "strict" });
      const finished = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      // Whoever fails first is told below; the other is not left unheard.
      const [result] = await Promise.all([work(transaction.objectStore(TABLE)), finished]);
      return result;
    } finally {
      database.close();
    }
  } catch (thrown) {
    if (thrown instanceof Failed) {
      throw thrown;
    }
    throw new Failed(vaultFailed(thrown instanceof Error ? thrown.message : String(thrown)));
  }
}

export function readAll<Row>(): Promise<Row[]> {
  return within("readonly", (table) => done(table.getAll() as IDBRequest<Row[]>));
}

export function read<Row>(id: string): Promise<Row | undefined> {
  return within("readonly", (table) => done(table.get(id) as IDBRequest<Row | undefined>));
}

export function write<Row>(row: Row): Promise<void> {
  return within("readwrite", async (table) => {
    await done(table.put(row));
  });
}

/** Changes a row in one transaction; none if there is none. */
export function change<Row>(id: string, how: (row: Row) => Row): Promise<Row | undefined> {
  return within("readwrite", async (table) => {
    const row = await done(table.get(id) as IDBRequest<Row | undefined>);
    if (row === undefined) {
      return undefined;
    }
    const changed = how(row);
    await done(table.put(changed));
    return changed;
  });
}

export function remove(id: string): Promise<void> {
  return within("readwrite", async (table) => {
    await done(table.delete(id));
  });
}
