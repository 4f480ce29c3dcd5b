import { byId } from "./page-data.js";
import { setText } from "./dom.js";

/** @typedef {{title: string, name: string, text: string, yes: string}} Words the texts of a question */

/**
 * @param {string} id
 * @returns {HTMLDialogElement}
 */
const dialogById = (id) => /** @type {HTMLDialogElement} */ (byId(id));

/**
 * Open a dialog. If the person presses the main button, call `act`. Close the dialog if `act` succeeds; otherwise show its error.
 *
 * If the person closes the dialog while `act` runs, `act` continues.
 *
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} problem the element for the error message
 * @param {() => Promise<void>} act
 * @returns {Promise<boolean>} whether `act` succeeded. If the person closes the dialog while `act` is not running, the
 *   result is false.
 */
function run(dialog, problem, act) {
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const submit = /** @type {HTMLButtonElement} */ (form.querySelector("button[value]"));
  const visit = new AbortController();
  const { signal } = visit;
  problem.hidden = true;
  submit.disabled = false;
  dialog.showModal();
  return new Promise((resolve) => {
    let isActing = false;
    const leave = () => {
      visit.abort();
      if (!isActing) resolve(false);
    };
    const send = async (/** @type {Event} */ event) => {
      event.preventDefault();
      isActing = submit.disabled = true;
      try {
        await act();
        if (!signal.aborted) dialog.close();
        resolve(true);
      } catch (error) {
        if (signal.aborted) return resolve(false);
        problem.textContent = /** @type {Error} */ (error).message;
        problem.hidden = false;
        isActing = submit.disabled = false;
      }
    };
    dialog.addEventListener("close", leave, { signal });
    form.addEventListener("submit", send, { signal });
  });
}

/**
 * Ask for a new file name, and call `rename` with it.
 *
 * @param {string} filename
 * @param {(filename: string) => Promise<void>} rename
 */
export function askForName(filename, rename) {
  const input = /** @type {HTMLInputElement} */ (byId("rename-text"));
  input.value = filename;
  const done = run(dialogById("rename-dialog"), byId("rename-error"), () => rename(input.value));
  // Select the name without its extension, because people seldom change the extension.
  const dot = filename.lastIndexOf(".");
  input.setSelectionRange(0, dot > 0 ? dot : filename.length);
  return done;
}

/**
 * Ask a question, and call `act` if the person agrees.
 *
 * @param {Words} words
 * @param {() => Promise<void>} act
 */
export function confirm(words, act) {
  reword(words);
  return run(dialogById("confirm-dialog"), byId("confirm-error"), act);
}

/**
 * Update the texts of the open question.
 *
 * @param {Words} words
 */
export function reword({ title, name, text, yes }) {
  setText(byId("confirm-title"), title);
  setText(byId("confirm-name"), name);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
}

/** Close the open question without calling `act`. */
export function withdraw() {
  dialogById("confirm-dialog").close();
}
