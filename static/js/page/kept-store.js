const NAME = "slipway";
const VERSION = 1;
const SOURCES = "sources"; // written once: rewriting a record copies its blob
const NOTES = "notes";

/** The channel by which a tab tells the others that the person logs out. */
export const LOGOUT = "slipway-logout";

/**
 * @typedef {{
 *   id: string, owner: string, filename: string, relativePath: string, contentType: string,
 *   byteSize: number, lastModified: number | null, keptAt: number, source: Blob | FileSystemFileHandle,
 * }} KeptSource the file of one upload, or the way to it
 * @typedef {{id: string, tab: string, uploadId: string | null, key: string, isPaused: boolean}} KeptNote
 *   how far that upload has come, and which tab sees to it
 * @typedef {KeptSource & KeptNote} Kept
 * @typedef {{sources?: KeptSource[], notes?: KeptNote[], gone?: string[]}} Changes `gone`: ids
 */

/** Files of unfinished uploads, kept in this browser. */
export class KeptStore {
  #factory;
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;
  #isShut = false;

  /** @param {IDBFactory} factory */
  constructor(factory) {
    this.#factory = factory;
  }

  /**
   * Make all changes, or none; none after `shut`.
   *
   * @param {Changes} changes
   */
  async write({ sources = [], notes = [], gone = [] }) {
    const database = await this.#open();
    if (this.#isShut) return;
    const transaction = database.transaction([SOURCES, NOTES], "readwrite");
    const done = finished(transaction);
    try {
      for (const source of sources) transaction.objectStore(SOURCES).put(source);
      for (const note of notes) transaction.objectStore(NOTES).put(note);
      for (const id of gone) {
        transaction.objectStore(SOURCES).delete(id);
        transaction.objectStore(NOTES).delete(id);
      }
    } catch (error) {
      transaction.abort();
      await done.catch(() => {});
      throw error;
    }
    await done;
  }

  /** @returns {Promise<Kept[]>} */
  async all() {
    const transaction = (await this.#open()).transaction([SOURCES, NOTES]);
    const [sources, notes] = await Promise.all([
      answered(transaction.objectStore(SOURCES).getAll()),
      answered(transaction.objectStore(NOTES).getAll()),
    ]);
    const noteOf = new Map(notes.map((note) => [note.id, note]));
    return sources.filter(({ id }) => noteOf.has(id)).map((source) => ({ ...source, ...noteOf.get(source.id) }));
  }

  /** Forget everything and take nothing in: the person has logged out, in another tab. */
  async shut() {
    this.#isShut = true;
    await this.clear().catch(() => {});
  }

  /** Take in again what comes from now on: the same person is back. */
  reopen() {
    this.#isShut = false;
  }

  /** Forget everything, whoever it belongs to. */
  async clear() {
    const transaction = (await this.#open()).transaction([SOURCES, NOTES], "readwrite");
    const done = finished(transaction);
    transaction.objectStore(SOURCES).clear();
    transaction.objectStore(NOTES).clear();
    await done;
  }

  #open() {
    this.#opening ??= new Promise((resolve, reject) => {
      const request = this.#factory.open(NAME, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(SOURCES, { keyPath: "id" });
        request.result.createObjectStore(NOTES, { keyPath: "id" });
      };
      request.onsuccess = () => {
        const database = request.result;
        const reopen = () => (this.#opening = null);
        database.onversionchange = () => (database.close(), reopen());
        database.onclose = reopen;
        resolve(database);
      };
      request.onerror = () => reject(request.error);
    });
    return this.#opening;
  }
}

/** @param {IDBTransaction} transaction */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(undefined);
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * @param {IDBRequest<any[]>} request
 * @returns {Promise<any[]>}
 */
function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
