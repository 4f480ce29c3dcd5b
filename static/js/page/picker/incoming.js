import { rememberWay } from "../file-handles.js";
import { walk } from "./walk.js";

/** @typedef {import("./walk.js").Root} Root */

/**
 * Return the dropped or pasted items. Call it during the event, because the browser empties the transfer afterwards.
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
 * @returns {Promise<FileSystemHandle | null>} null if the browser gives no handle
 */
async function handleOf(item) {
  try {
    return (await /** @type {any} */ (item).getAsFileSystemHandle?.()) ?? null;
  } catch {
    return null;
  }
}

/**
 * Read dropped or pasted items, and remember the handle by which each file can be read again after a reload.
 *
 * @param {Root[]} roots
 * @param {(files: number) => void} onCount
 * @returns {Promise<import("./walk.js").Walked>}
 */
export async function readRoots(roots, onCount) {
  const walked = await walk(roots, { onCount });
  for (const { file, path, root } of walked.found) if (root?.handle) rememberWay(file, root.handle, path || file.name);
  return walked;
}

/**
 * Return the files of an input, with their paths if a folder was chosen.
 *
 * @param {Iterable<File>} files
 * @returns {import("./walk.js").Walked}
 */
export function fromFiles(files) {
  return { found: Array.from(files, (file) => ({ file, path: file.webkitRelativePath ?? "" })), unreadable: [], empty: [] };
}

/**
 * @template T
 * @param {() => T} ask
 * @returns {T | null} null if the call throws or returns nothing
 */
function attempt(ask) {
  try {
    return ask() ?? null;
  } catch {
    return null;
  }
}
