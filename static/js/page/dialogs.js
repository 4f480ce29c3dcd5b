import { byId } from "./page-data.js";

/**
 * @param {string} id
 * @returns {HTMLDialogElement}
 */
const dialogById = (id) => /** @type {HTMLDialogElement} */ (byId(id));

/**
 * Open a dialog, and run `act` at its main button; it closes when `act` succeeds and shows why when it fails.
 *
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} problem
 * @param {() => Promise<void>} act
 * @returns {Promise<boolean>} whether it was done
 */
function run(dialog, problem, act) {
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const submit = /** @type {HTMLButtonElement} */ (form.querySelector("button[value]"));
  const attempt = new AbortController();
  problem.hidden = true;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => finish(false), { signal: attempt.signal });
    form.addEventListener(
      "submit",
      async (event) => {
        event.preventDefault();
        submit.disabled = true;
        try {
          await act();
          finish(true);
        } catch (error) {
          problem.textContent = /** @type {Error} */ (error).message;
          problem.hidden = false;
        } finally {
          submit.disabled = false;
        }
      },
      { signal: attempt.signal },
    );

    /** @param {boolean} done */
    function finish(done) {
      attempt.abort();
      if (dialog.open) dialog.close();
      resolve(done);
    }
  });
}

/**
 * @param {string} filename
 * @param {(filename: string) => Promise<void>} rename
 */
export function askForName(filename, rename) {
  const input = /** @type {HTMLInputElement} */ (byId("rename-text"));
  input.value = filename;
  const done = run(dialogById("rename-dialog"), byId("rename-error"), () => rename(input.value));
  // The name without its ending: that is what people change.
  const dot = filename.lastIndexOf(".");
  input.setSelectionRange(0, dot > 0 ? dot : filename.length);
  return done;
}

/**
 * @param {{title: string, name: string, text: string, yes: string}} words
 * @param {() => Promise<void>} act
 */
export function confirm({ title, name, text, yes }, act) {
  byId("confirm-title").textContent = title;
  byId("confirm-name").textContent = name;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  return run(dialogById("confirm-dialog"), byId("confirm-error"), act);
}
