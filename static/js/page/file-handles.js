import { serviceOf, within } from "../engine/time-limit.js";

const ANSWER_MS = 10_000; // a network drive wakes up

/** @type {WeakMap<Blob, () => Promise<FileSystemFileHandle | null>>} */
const ways = new WeakMap();

/**
 * Ask for the handles of what was dropped or pasted, by which a file can be read again after a reload.
 *
 * To be called in the event itself; the result takes the files when they have been read.
 *
 * @param {DataTransfer} transfer
 * @returns {(files: File[]) => void}
 */
export function askForHandles(transfer) {
  const roots = [...transfer.items]
    .filter(({ kind }) => kind === "file")
    .map((item) => serviceOf(() => /** @type {any} */ (item).getAsFileSystemHandle())?.catch(() => null) ?? null);
  return (files) => {
    for (const file of files) ways.set(file, async () => find(await Promise.all(roots), file));
  };
}

/**
 * @param {File} file
 * @param {FileSystemFileHandle} handle by which it was read
 */
export function rememberHandle(file, handle) {
  ways.set(file, async () => handle);
}

/**
 * @param {Blob} file
 * @returns {Promise<FileSystemFileHandle | null>} null where the browser gave none
 */
export async function handleOf(file) {
  const way = ways.get(file);
  return way ? within(ANSWER_MS, way).catch(() => null) : null;
}

/**
 * Follow the file's path through the folders that were dropped.
 *
 * @param {(FileSystemHandle | null)[]} roots
 * @param {File} file
 */
async function find(roots, file) {
  const path = /** @type {any} */ (file).relativePath || file.webkitRelativePath || file.name;
  const [first, ...rest] = path.split("/").filter(Boolean);
  for (const root of roots) {
    if (!root || root.name !== first) continue;
    const handle = await follow(root, rest).catch(() => null);
    const found = await handle?.getFile();
    if (found?.size === file.size && found.lastModified === file.lastModified) return handle;
  }
  return null;
}

/**
 * @param {FileSystemHandle} root
 * @param {string[]} rest
 * @returns {Promise<FileSystemFileHandle>}
 */
async function follow(root, rest) {
  let place = /** @type {any} */ (root);
  for (const folder of rest.slice(0, -1)) place = await place.getDirectoryHandle(folder);
  return rest.length > 0 ? place.getFileHandle(rest.at(-1)) : place;
}
