import { canDrop } from "./drop-anywhere.js";
import { rememberHandle } from "./file-handles.js";

/**
 * @typedef {{
 *   take: (files: File[], unreadable: string[]) => void,
 *   isWanted?: () => boolean,
 * }} Options `unreadable`: names of chosen files that could not be read
 */

let isOpen = false;
let isBare = false;

/**
 * Let the file inputs in `place` open the browser's `showOpenFilePicker`. It also returns handles, by which the files
 * can be read again after a reload.
 *
 * The inputs and their buttons stay as they are, for the keyboard and for screen readers. The input opens its own
 * dialog if the browser has no such picker or does not allow it. It also does so for folders, and on phones, where its
 * dialog offers the camera too.
 *
 * @param {HTMLElement} place an input, or an element that contains inputs
 * @param {Options} options
 */
export function pickByHandle(place, { take, isWanted = () => true }) {
  const listener = async (/** @type {Event} */ event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.type !== "file" || input.webkitdirectory || input.capture || isBare) return;
    const show = /** @type {any} */ (window).showOpenFilePicker;
    if (typeof show !== "function" || !canDrop || !isWanted()) return;
    event.preventDefault();
    if (isOpen) return;
    isOpen = true;
    try {
      const { files, unreadable } = await read(await show.call(window, { multiple: input.multiple }));
      if (files.length + unreadable.length > 0) take(files, unreadable);
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "AbortError") askItself(input);
    } finally {
      isOpen = false;
    }
  };
  place.addEventListener("click", listener, { capture: true });
}

/**
 * @param {FileSystemFileHandle[]} handles
 * @returns {Promise<{files: File[], unreadable: string[]}>} `unreadable`: names
 */
async function read(handles) {
  /** @type {File[]} */
  const files = [];
  /** @type {string[]} */
  const unreadable = [];
  for (const handle of handles) {
    try {
      const file = await handle.getFile();
      rememberHandle(file, handle);
      files.push(file);
    } catch {
      unreadable.push(handle.name);
    }
  }
  return { files, unreadable };
}

/** @param {HTMLInputElement} input */
function askItself(input) {
  isBare = true;
  input.click();
  isBare = false;
}
