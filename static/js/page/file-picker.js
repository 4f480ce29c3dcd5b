import { canDrop } from "./drop-anywhere.js";
import { rememberHandle } from "./file-handles.js";

/**
 * @typedef {{
 *   take: (files: File[], unreadable: string[]) => void,
 *   isWanted?: () => boolean,
 * }} Options `unreadable`: names of chosen files that cannot be read. `isWanted` returns false if the file input should
 *   open its own dialog.
 */

let isOpen = false;
let isBare = false;

/**
 * Let the file inputs in `place` open the browser's `showOpenFilePicker` instead of their own dialog. This picker also
 * returns handles, with which the page can read the files again after a reload.
 *
 * The inputs and their buttons do not change, so they work with the keyboard and with screen readers. An input opens
 * its own dialog in these cases:
 *
 * - The browser does not support `showOpenFilePicker`, or refuses to open it.
 * - The input is for folders.
 * - The device is a phone, because there the input's own dialog also offers the camera.
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
 * @returns {Promise<{files: File[], unreadable: string[]}>} `unreadable`: names of files that cannot be read
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

/**
 * Open the input's own dialog.
 *
 * @param {HTMLInputElement} input
 */
function askItself(input) {
  isBare = true;
  input.click();
  isBare = false;
}
