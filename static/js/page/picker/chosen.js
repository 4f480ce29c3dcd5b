import { Emitter } from "../../engine/emitter.js";
import { cleanFilename, cleanRelativePath } from "../../engine/filename.js";
import { fileKey } from "./same-file.js";

/**
 * @typedef {{id: number, file: File, name: string, path: string, storedAs: string}} Item
 *   a chosen file. `path` is the file's path in its chosen folder, or "" for a single file. `storedAs` is the name or
 *   path under which the server will store the file, or "" if the server changes neither.
 */

let made = 0;

/**
 * Return a new item for a file.
 *
 * @param {import("./walk.js").Found} found
 * @returns {Item}
 */
export function itemOf({ file, path }) {
  const { name } = file;
  return { id: (made += 1), file, name, path, storedAs: storedAs(name, path) };
}

/**
 * @param {string} name
 * @param {string} path
 * @returns {string} the name or path at the server, or "" if the server changes nothing
 */
function storedAs(name, path) {
  const { filename, changed } = cleanFilename(name);
  if (changed || !path) return changed ? filename : "";
  const stored = cleanRelativePath(path);
  return stored.changed ? stored.relativePath : "";
}

/**
 * The chosen files whose upload the person has not started yet.
 *
 * @extends {Emitter<{change: null}>}
 */
export class Chosen extends Emitter {
  /** @type {Item[]} */
  #items = [];
  #bytes = 0;
  /** @type {Map<string, Item[]>} */
  #byKey = new Map();

  get items() {
    return this.#items;
  }

  get bytes() {
    return this.#bytes;
  }

  /** @param {Item[]} items */
  add(items) {
    if (items.length === 0) return;
    this.#items = this.#items.concat(items);
    for (const item of items) {
      this.#bytes += item.file.size;
      const alike = this.#byKey.get(fileKey(item));
      if (alike) alike.push(item);
      else this.#byKey.set(fileKey(item), [item]);
    }
    this.emit("change", null);
  }

  /** @param {Item} item */
  remove(item) {
    if (!this.#items.includes(item)) return;
    this.#items = this.#items.filter((one) => one !== item);
    this.#bytes -= item.file.size;
    const alike = this.#byKey.get(fileKey(item)) ?? [];
    this.#byKey.set(fileKey(item), alike.filter((one) => one !== item));
    this.emit("change", null);
  }

  /** @returns {Item[]} all items, after removing them from the list */
  takeAll() {
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#byKey.clear();
    this.emit("change", null);
    return items;
  }

  /**
   * @param {Item} item
   * @returns {File[]} files in this list with the same path, size and time as `item`
   */
  alike(item) {
    return (this.#byKey.get(fileKey(item)) ?? []).map(({ file }) => file);
  }
}
