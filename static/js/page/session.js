import { byId } from "./page-data.js";

/**
 * Shows a dialog when the login has ended. The dialog links to the login page in a new tab, because the uploads in this
 * tab continue only while the tab stays open.
 */
export class Session {
  #dialog = /** @type {HTMLDialogElement} */ (byId("session-dialog"));
  #username;
  #whoami;
  #onBack;
  #isOut = false;

  /**
   * @param {{username: string, whoami: () => Promise<string>, onBack: () => void}} options
   */
  constructor({ username, whoami, onBack }) {
    this.#username = username;
    this.#whoami = whoami;
    this.#onBack = onBack;
    byId("session-check").addEventListener("click", () => void this.#check());
    window.addEventListener("focus", () => {
      if (this.#dialog.open) void this.#check();
    });
    this.#dialog.addEventListener("close", () => this.#isOut && this.#dialog.showModal()); // open it again after Escape
  }

  /** Hide all files after a logout in another tab. They appear again when the same person has logged in. */
  leave() {
    this.#isOut = true;
    document.body.classList.add("is-out");
    byId("session-text").textContent =
      "You logged out in another tab, so your files are no longer shown here. Log in again to see them and to continue your uploads.";
    if (this.#dialog.open) this.#dialog.close();
    else this.#dialog.showModal();
  }

  /**
   * @param {unknown} error
   * @returns {boolean} whether the error means that the login has ended
   */
  handles(error) {
    if (/** @type {{code?: string}} */ (error).code !== "not_authenticated") return false;
    if (!this.#dialog.open) this.#dialog.showModal();
    return true;
  }

  async #check() {
    const text = byId("session-text");
    try {
      const username = await this.#whoami();
      if (username !== this.#username) {
        text.textContent = `You are now logged in as ${username}. The uploads in this tab belong to ${this.#username}. To continue these uploads, log in as ${this.#username}. To see the files of ${username}, reload the page.`;
        return;
      }
      this.#isOut = false;
      document.body.classList.remove("is-out");
      this.#dialog.close();
      this.#onBack();
    } catch {
      text.textContent = "You are not logged in yet. Press the button “Log in”, which opens a new tab. After the login, come back to this tab.";
    }
  }
}
