import { NoAnswer, within } from "../engine/time-limit.js";
import { Packs, pack, unpack } from "./kept-packs.js";

const NAME = "slipway";
const VERSION = 1;
// Each write of a record copies its blob. So there are two tables: SOURCES has the blobs, which are written once, and
// NOTES has the facts that change.
const SOURCES = "sources";
const NOTES = "notes";
const ANSWER_MS = 3_000;
const WRITE_MS = 30_000; // writing a batch of copies to a slow disk takes several seconds

/**
 * @typedef {{
 *   id: string, owner: string, filename: string, relativePath: string, contentType: string,
 *   byteSize: number, lastModified: number | null, keptAt: number, source: Blob | FileSystemFileHandle,
 * }} KeptSource the file of one upload, or its handle
 * @typedef {{id: string, tab: string, uploadId: string | null, key: string, isPaused: boolean}} KeptNote
 *   the state of the upload, and the tab that sends it; `key`: the Idempotency-Key of the upload
 * @typedef {KeptSource & KeptNote} Kept
 * @typedef {{sources?: KeptSource[], notes?: KeptNote[], gone?: string[]}} Changes `gone`: ids to delete
 */

/**
 * Stores the files of unfinished uploads in the browser's IndexedDB. The methods throw an error if the browser refuses,
 * or does not respond in time.
 */
export class KeptStore {
  #factory;
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;
  #isSilent = false; // true after the browser did not respond; while this is true, all calls fail at once
  #isShut = false;
  #packs = new Packs();

  /** @param {IDBFactory | undefined} factory undefined if the browser has no IndexedDB */
  constructor(factory) {
    this.#factory = factory;
  }

  /**
   * Write all changes in one transaction. After `shut`, do nothing.
   *
   * @param {Changes} changes
   */
  async write({ sources = [], notes = [], gone = [] }) {
    const database = await this.#open();
    if (this.#isShut) return;
    const transaction = database.transaction([SOURCES, NOTES], "readwrite");
    const records = pack(sources);
    try {
      await this.#fill(transaction, records, notes, gone);
    } catch (error) {
      for (const record of records) this.#packs.forget(record);
      throw error;
    }
  }

  /**
   * Write all changes in the transaction, and wait until it has ended.
   *
   * @param {IDBTransaction} transaction
   * @param {ReturnType<typeof pack>} records
   * @param {KeptNote[]} notes
   * @param {string[]} gone
   */
  async #fill(transaction, records, notes, gone) {
    const done = finished(transaction);
    const [sourceStore, noteStore] = [SOURCES, NOTES].map((name) => transaction.objectStore(name));
    try {
      for (const record of records) {
        sourceStore.put(record);
        this.#packs.add(record);
      }
      for (const note of notes) if (!this.#packs.note(note)) noteStore.put(note);
      for (const { source, note } of gone.map((id) => this.#packs.leave(id))) {
        if (source) sourceStore.delete(source);
        if (note) noteStore.delete(note);
      }
      for (const group of this.#packs.changes()) noteStore.put(group);
    } catch (error) {
      done.catch(() => {});
      transaction.abort();
      throw error;
    }
    await within(WRITE_MS, () => done);
  }

  /** @returns {Promise<Kept[]>} the files of all users and tabs */
  async all() {
    const transaction = (await this.#open()).transaction([SOURCES, NOTES]);
    const [sources, found] = await within(ANSWER_MS, () =>
      Promise.all([
        answered(transaction.objectStore(SOURCES).getAll()),
        answered(transaction.objectStore(NOTES).getAll()),
      ]),
    );
    const groups = found.filter((one) => "notes" in one);
    const notes = [...found.filter((one) => !("notes" in one)), ...groups.flatMap((group) => group.notes)];
    const noteOf = new Map(notes.map((note) => [note.id, note]));
    const grouped = new Set(groups.map(({ id }) => id));
    for (const record of sources) this.#packs.found(record, noteOf, grouped.has(record.id));
    const files = sources.flatMap((record) => unpack(record));
    return files.filter(({ id }) => noteOf.has(id)).map((source) => ({ ...source, ...noteOf.get(source.id) }));
  }

  /** Delete everything and ignore later writes, because the person has logged out. */
  async shut() {
    this.#isShut = true;
    await this.clear().catch(() => {});
  }

  /** Accept writes again, because the same person has logged in again. */
  reopen() {
    this.#isShut = false;
  }

  /** Delete the files of all users. */
  async clear() {
    const transaction = (await this.#open()).transaction([SOURCES, NOTES], "readwrite");
    const done = finished(transaction);
    transaction.objectStore(SOURCES).clear();
    transaction.objectStore(NOTES).clear();
    await within(WRITE_MS, () => done);
  }

  /** @returns {Promise<IDBDatabase>} */
  async #open() {
    this.#opening ??= this.#request();
    if (this.#isSilent) throw new NoAnswer(ANSWER_MS);
    const opening = this.#opening;
    try {
      return await within(ANSWER_MS, () => opening, () => (this.#isSilent = false));
    } catch (error) {
      if (error instanceof NoAnswer) this.#isSilent = true;
      else this.#opening = null;
      throw error;
    }
  }

  /** @returns {Promise<IDBDatabase>} */
  #request() {
    return new Promise((resolve, reject) => {
      if (!this.#factory) throw new Error("This browser has no IndexedDB.");
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
