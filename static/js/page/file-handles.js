/**
 * Remembers the handle of each file (a FileSystemFileHandle), with which the page can read the file after a reload.
 */

import { within } from "../engine/time-limit.js";

const ANSWER_MS = 10_000; // a sleeping network drive may need some seconds to respond

/** @type {WeakMap<Blob, () => Promise<FileSystemFileHandle | null>>} */
const ways = new WeakMap();

/**
 * Remember how to find the handle of a file in a dropped item.
 *
 * @param {File} file
 * @param {Promise<FileSystemHandle | null>} root the handle of the dropped file or folder
 * @param {string} path the path of the file; its first segment is the name of `root`
 */
export function rememberFolder(file, root, path) {
  ways.set(file, async () => find(await root, path, file));
}

/**
 * @param {File} file
 * @param {FileSystemFileHandle} handle the handle of `file`
 */
export function rememberHandle(file, handle) {
  ways.set(file, async () => handle);
}

/**
 * @param {Blob} file
 * @returns {Promise<FileSystemFileHandle | null>} the handle of the file, or null if the browser returned none
 */
export async function handleOf(file) {
  const way = ways.get(file);
  return way ? within(ANSWER_MS, way).catch(() => null) : null;
}

/**
 * Return the handle of the file in the dropped folder. Return null if the file's size or time has changed.
 *
 * @param {FileSystemHandle | null} root
 * @param {string} path
 * @param {File} file
 */
async function find(root, path, file) {
  if (!root) return null;
  const handle = await follow(root, path.split("/").slice(1));
  const found = await handle.getFile();
  return found.size === file.size && found.lastModified === file.lastModified ? handle : null;
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
