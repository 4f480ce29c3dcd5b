import { inSlices } from "./slices.js";
import { rememberFolder } from "../file-handles.js";
import { walk } from "./walk.js";

/** @typedef {import("./walk.js").Root} Root */

/**
 * Return the dropped or pasted items. Call this during the event, because the browser empties `transfer` afterwards.
 *
 * @param {DataTransfer} transfer
 * @returns {Root[]}
 */
export function rootsOf(transfer) {
  const items = Array.from(transfer.items ?? []).filter(({ kind }) => kind === "file");
  if (items.length > 0) return items.map(rootOf);
  return Array.from(transfer.files ?? [], (file) => ({ name: file.name, entry: null, file }));
}

/**
 * @param {DataTransferItem} item
 * @param {number} index
 * @returns {Root}
 */
function rootOf(item, index) {
  const entry = attempt(() => item.webkitGetAsEntry());
  const file = entry?.isDirectory ? null : attempt(() => item.getAsFile());
  return { name: entry?.name ?? file?.name ?? `item ${index + 1}`, entry, file, handle: handleOf(item) };
}

/**
 * @param {DataTransferItem} item
 * @returns {Promise<FileSystemHandle | null>} the item's handle, or null if the browser returns none
 */
async function handleOf(item) {
  try {
    return (await /** @type {any} */ (item).getAsFileSystemHandle?.()) ?? null;
  } catch {
    return null;
  }
}

/**
 * Read all files of dropped or pasted items. Remember each file's handle, with which the page can read the file again
 * after a reload.
 *
 * @param {Root[]} roots
 * @param {(files: number) => void} onCount
 * @returns {Promise<import("./walk.js").Walked>}
 */
export async function readRoots(roots, onCount) {
  const walked = await walk(roots, { onCount });
  for (const { file, path, root } of walked.found) if (root?.handle) rememberFolder(file, root.handle, path || file.name);
  return walked;
}

/**
 * Return the files of a file input. If the person chose a folder, each file has its path in the folder.
 *
 * @param {Iterable<File>} files
 * @param {string[]} unreadable names of files that could not be read
 * @returns {Promise<import("./walk.js").Walked>}
 */
export async function fromFiles(files, unreadable) {
  /** @type {import("./walk.js").Found[]} */
  const found = [];
  await inSlices([...files], (file) => void found.push({ file, path: file.webkitRelativePath ?? "" }));
  return { found, unreadable, empty: [] };
}

/**
 * @template T
 * @param {() => T} ask
 * @returns {T | null} the result of `ask`, or null if `ask` throws
 */
function attempt(ask) {
  try {
    return ask() ?? null;
  } catch {
    return null;
  }
}
