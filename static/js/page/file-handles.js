import { within } from "../engine/time-limit.js";

const ANSWER_MS = 10_000; // a network drive may need time to wake up

/** @type {WeakMap<Blob, () => Promise<FileSystemFileHandle | null>>} */
const ways = new WeakMap();

/**
 * Remember the handle of a dropped item, so that the file can be read again after a reload.
 *
 * @param {File} file
 * @param {Promise<FileSystemHandle | null>} root the handle of the dropped item
 * @param {string} path of the file; begins with the name of `root`
 */
export function rememberWay(file, root, path) {
  ways.set(file, async () => find(await root, path, file));
}

/**
 * @param {File} file
 * @param {FileSystemFileHandle} handle by which the file was read
 */
export function rememberHandle(file, handle) {
  ways.set(file, async () => handle);
}

/**
 * @param {Blob} file
 * @returns {Promise<FileSystemFileHandle | null>} null if the browser gave no handle
 */
export async function handleOf(file) {
  const way = ways.get(file);
  return way ? within(ANSWER_MS, way).catch(() => null) : null;
}

/**
 * Return the handle of the file inside the dropped folder, or null if it is no longer the same file.
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
