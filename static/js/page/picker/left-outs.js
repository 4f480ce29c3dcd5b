import { addTo, messages, nothingSoFar } from "./report.js";
import { isolated } from "../direction.js";
import { plural } from "../format.js";

/** Shows the files that were left out, with the reasons. `forget` closes the notices at the start of the upload. */
export class LeftOuts {
  #notices;
  #onAdd;
  #facts = nothingSoFar();
  /** @type {Set<string>} */
  #shown = new Set();

  /**
   * @param {import("../notices.js").Notices} notices
   * @param {(items: import("./chosen.js").Item[]) => void} onAdd called if the person presses "Add anyway"
   */
  constructor(notices, onAdd) {
    this.#notices = notices;
    this.#onAdd = onAdd;
  }

  /**
   * Show the files that were left out or renamed, those of earlier choices and those of this choice.
   *
   * @param {import("./admission.js").Admitted} admitted
   */
  tell(admitted) {
    addTo(this.#facts, admitted);
    const told = admitted.unreadable.length + admitted.refused.length + admitted.known.length + admitted.empty.length;
    if (told + admitted.renamed.length > 0) this.#show();
  }

  /**
   * Show that files were left out because the quota is too small.
   *
   * @param {import("./chosen.js").Item[]} items
   * @param {string} problem a sentence about the quota
   * @param {string} needed the size of the files, such as "2 GB"
   */
  tellTooMuch(items, problem, needed) {
    this.#shown.add("quota");
    const cause = plural(items.length, "file was not added, because it needs", "files were not added, because they need");
    this.#notices.show(`${cause} ${needed}. ${problem}`, {
      tone: "warning",
      details: items.map(({ path, name }) => isolated(path || name)),
      key: "quota",
    });
  }

  /** Close all notices. */
  forget() {
    for (const key of this.#shown) this.#notices.dismiss(key);
    this.#shown.clear();
    this.#facts = nothingSoFar();
  }

  #show() {
    for (const { key, text, tone, details, help, items } of messages(this.#facts)) {
      this.#shown.add(key);
      this.#notices.show(text, {
        key,
        tone,
        details,
        help,
        action: items && { label: "Add anyway", run: () => this.#addAnyway(key, items) },
        onDismiss: () => this.#drop(key),
      });
    }
  }

  /**
   * @param {string} key
   * @param {import("./chosen.js").Item[]} items
   */
  #addAnyway(key, items) {
    this.#notices.dismiss(key);
    this.#drop(key);
    this.#onAdd(items);
  }

  /** @param {string} key */
  #drop(key) {
    if (key === "unreadable") this.#facts.unreadable = [];
    else if (key === "refused") this.#facts.refused = [];
    else if (key === "empty") this.#facts.empty = [];
    else if (key === "renamed") this.#facts.renamed = [];
    else this.#facts.known = this.#facts.known.filter(({ reason }) => reason !== key);
  }
}
