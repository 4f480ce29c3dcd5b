import { pauses, yieldToBrowser } from "./slices.js";
import { within } from "../../engine/time-limit.js";

/**
 * @typedef {{file: File, path: string, root?: Root}} Found `path`: path in the chosen folder, "" for a single file
 * @typedef {{found: Found[], unreadable: string[], empty: string[]}} Walked `unreadable` and `empty`: paths
 * @typedef {{name: string, entry: FileSystemEntry | null, file: File | null, handle?: Promise<FileSystemHandle | null>}} Root
 *   one dropped or pasted item. If `entry` and `file` are null, `walk` uses `handle`.
 */

const AT_ONCE = 32;
const PATIENCE_MS = 60_000;
const { compare } = new Intl.Collator(undefined, { numeric: true });

/**
 * Find all files in the dropped items, including all files in folders. Return files and folders that cannot be read in
 * `unreadable`, and continue with the other files.
 *
 * Chromium passes all entries of a folder to the page in one task, which freezes the page. So `walk` makes pauses.
 *
 * @param {Root[]} roots
 * @param {{onCount?: (files: number) => void, patienceMs?: number, rest?: () => Promise<unknown>}} [options]
 *   `onCount` gets the number of files found so far; `patienceMs`: timeout for reading one entry; `rest`: the pause
 * @returns {Promise<Walked>}
 */
export async function walk(roots, { onCount = () => {}, patienceMs = PATIENCE_MS, rest = yieldToBrowser } = {}) {
  /** @type {Walked} */
  const walked = { found: [], unreadable: [], empty: [] };
  const turns = new Turns(AT_ONCE);
  const pause = pauses({ rest });

  /** @param {Found} found */
  const add = (found) => {
    walked.found.push(found);
    onCount(walked.found.length);
  };

  /**
   * Return the result of one call of the browser's file API. At most 32 calls run at the same time.
   *
   * @template T
   * @param {(resolve: (value: T) => void, reject: (error: unknown) => void) => void} ask
   * @returns {Promise<T>}
   */
  const answer = (ask) =>
    turns.take(async () => {
      await pause();
      return within(patienceMs, () => new Promise(ask));
    });

  /**
   * @param {FileSystemEntry} entry
   * @param {string} path
   * @param {Root} root
   * @returns {Promise<void>}
   */
  const visit = async (entry, path, root) => {
    if (entry.isDirectory) return open(/** @type {FileSystemDirectoryEntry} */ (entry), path, root);
    try {
      const file = await answer((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
      add({ file, path: path.includes("/") ? path : "", root });
    } catch {
      walked.unreadable.push(path);
    }
  };

  /**
   * @param {FileSystemDirectoryEntry} folder
   * @param {string} path
   * @param {Root} root
   */
  const open = async (folder, path, root) => {
    /** @type {FileSystemEntry[]} */
    const entries = [];
    try {
      const reader = folder.createReader();
      for (;;) {
        const some = await answer((resolve, reject) => reader.readEntries(resolve, reject));
        if (some.length === 0) break;
        entries.push(...some);
      }
      if (entries.length === 0) walked.empty.push(path);
    } catch {
      walked.unreadable.push(`${path}/`);
    }
    await Promise.all(entries.map((entry) => visit(entry, `${path}/${entry.name}`, root)));
  };

  await Promise.all(
    roots.map(async (root) => {
      const entry = root.entry ?? entryOf(root.file ? null : await root.handle);
      if (entry) return visit(entry, entry.name, root);
      // If the browser does not support FileSystemEntry, a dropped folder looks like a file, but reading it fails.
      if (root.file && (await turns.take(() => isReadable(root.file)))) add({ file: root.file, path: "", root });
      else walked.unreadable.push(root.name);
    }),
  );
  walked.unreadable.sort(compare);
  walked.empty.sort(compare);
  return walked;
}

/**
 * Return an object with the methods of a FileSystemEntry that `walk` calls. Some browsers return only a handle.
 *
 * @param {any} handle a FileSystemHandle, or null
 * @returns {FileSystemEntry | null}
 */
function entryOf(handle) {
  if (!handle) return null;
  const { name, kind } = handle;
  /** @param {(entries: unknown[]) => void} resolve */
  const list = async (resolve) => {
    const entries = [];
    for await (const child of handle.values()) entries.push(entryOf(child));
    resolve(entries);
  };
  const createReader = () => {
    let isRead = false;
    return {
      readEntries(/** @type {(entries: unknown[]) => void} */ resolve, /** @type {(error: unknown) => void} */ reject) {
        if (isRead) return resolve([]);
        isRead = true;
        return void list(resolve).catch(reject);
      },
    };
  };
  const file = (/** @type {(file: File) => void} */ resolve, /** @type {(error: unknown) => void} */ reject) =>
    void handle.getFile().then(resolve, reject);
  return /** @type {any} */ ({ name, isFile: kind === "file", isDirectory: kind === "directory", file, createReader });
}

/**
 * @param {Blob | null} file
 * @returns {Promise<boolean>}
 */
async function isReadable(file) {
  if (!file) return false;
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Limits the number of tasks that run at the same time. */
class Turns {
  #free;
  /** @type {(() => void)[]} */
  #waiting = [];
  #next = 0;

  /** @param {number} count */
  constructor(count) {
    this.#free = count;
  }

  /**
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async take(task) {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    try {
      return await task();
    } finally {
      this.#pass();
    }
  }

  #pass() {
    const next = this.#waiting[this.#next];
    if (!next) {
      this.#free += 1;
      this.#waiting = [];
      this.#next = 0;
      return;
    }
    this.#next += 1;
    next();
  }
}
