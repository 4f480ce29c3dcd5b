import { confirm } from "./dialogs.js";
import { forEachItem } from "./in-parallel.js";
import { isolated } from "./direction.js";
import { plural } from "./format.js";

/**
 * @typedef {import("./unfinished-row.js").UnfinishedRow} UnfinishedRow
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {"discarded" | "ended" | "elsewhere"} Result `ended`: the upload was no longer pending; `elsewhere`: another
 *   tab sends it. In both cases, the page has changed nothing.
 * @typedef {{
 *   api: Pick<import("../engine/api.js").Api, "get" | "cancel">,
 *   tabs: Pick<import("./tabs.js").Tabs, "elsewhere">,
 *   keptFiles: Pick<import("./kept-files.js").KeptFiles, "forget">,
 *   list: Pick<import("./unfinished-list.js").UnfinishedList, "rows" | "rowOf" | "remove" | "focus" | "allowDiscardAll">,
 *   onProblem: (message: string, error?: Error) => void,
 *   onDiscarded: (sentence: string) => void,
 * }} Parts `onProblem` gets the error if a request failed. `onDiscarded` is called after uploads were discarded or have
 *   ended, with a sentence for screen readers.
 */

/** Discards unfinished uploads, after the person has agreed. */
export class Discarding {
  #parts;
  /** @type {Set<string>} the keys of the rows whose upload is being cancelled */
  #leaving = new Set();

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Check whether the upload of a row is being cancelled, so that no file can continue it.
   *
   * @param {UnfinishedRow} row
   */
  isLeaving({ key }) {
    return this.#leaving.has(key);
  }

  /** @param {UnfinishedRow} row */
  async one(row) {
    const { onProblem, onDiscarded } = this.#parts;
    let result = /** @type {Result} */ ("discarded");
    const act = async () => void (result = await this.#discard(row.key));
    if (row.entry.record && !(await confirm(questionAbout(row), act))) return;
    if (!row.entry.record) await act();
    const name = isolated(row.name);
    if (result === "elsewhere") onProblem(`${name} was not discarded, because another tab is sending it.`);
    if (result === "ended") onProblem(`${name} was not discarded, because its upload has already ended.`);
    onDiscarded(result === "discarded" ? "1 upload discarded." : "");
  }

  /** Discard all uploads of the list, except uploads that other tabs send or that end meanwhile. */
  async all() {
    const { list, onProblem, onDiscarded } = this.#parts;
    const rows = list.rows.filter(({ entry }) => !entry.isElsewhere);
    if (!(await confirm(questionAboutAll(rows, rows.length < list.rows.length), async () => {}))) return;
    list.focus(); // the pressed button will be disabled
    list.allowDiscardAll(false);
    let discarded = 0;
    const { failed, error } = await forEachItem(
      rows.map(({ key }) => key),
      async (key) => {
        if ((await this.#discard(key)) === "discarded") discarded += 1;
      },
    );
    list.allowDiscardAll(true);
    if (error) onProblem(`${plural(failed, "upload")} could not be discarded. ${error.message}`, error);
    onDiscarded(discarded > 0 || !error ? `${plural(discarded, "upload")} discarded.` : "");
  }

  /**
   * @param {string} key the key of a row
   * @returns {Promise<Result>} "ended" if the list has no such row any more
   */
  async #discard(key) {
    const { list, keptFiles } = this.#parts;
    const row = list.rowOf(key);
    if (!row) return "ended";
    const { record, kept } = row.entry;
    this.#leaving.add(key);
    try {
      const result = record ? await discard(record, this.#parts) : "discarded";
      if (result === "elsewhere") return result;
      if (kept) keptFiles.forget([kept]);
      const current = list.rowOf(key); // another object if the list was loaded meanwhile
      if (current) list.remove(current);
      return result;
    } finally {
      this.#leaving.delete(key);
    }
  }
}

/**
 * Cancel a pending upload on the server. Leave the upload alone if it has ended, because the server would then delete
 * the stored file.
 *
 * @param {UploadRecord} record
 * @param {Pick<Parts, "api" | "tabs">} parts
 * @returns {Promise<Result>} throws ApiError if a request fails
 */
async function discard({ id }, { api, tabs }) {
  if ((await tabs.elsewhere()).has(id)) return "elsewhere";
  try {
    const { state } = await api.get(id, { attempts: 2 });
    if (state !== "pending") return "ended";
  } catch (error) {
    if (/** @type {{status?: number}} */ (error).status === 404) return "ended";
    throw error;
  }
  await api.cancel(id, { attempts: 2 });
  return "discarded";
}

/** @param {UnfinishedRow} row */
function questionAbout({ name, mayHaveParts }) {
  const text = `${partsInWords(mayHaveParts)}The file on your device is not deleted.`;
  return { title: "Discard this upload?", name, text, yes: "Discard" };
}

/**
 * @param {Pick<UnfinishedRow, "mayHaveParts">[]} rows
 * @param {boolean} othersContinue whether other tabs send further uploads of the list
 */
function questionAboutAll(rows, othersContinue) {
  const parts = partsInWords(rows.some(({ mayHaveParts }) => mayHaveParts));
  return {
    title: "Discard all unfinished uploads?",
    name: plural(rows.length, "upload"),
    text: `${parts}The files on your device are not deleted.${othersContinue ? " Uploads in other tabs continue." : ""}`,
    yes: "Discard all",
  };
}

/** @param {boolean} mayHaveParts */
const partsInWords = (mayHaveParts) => (mayHaveParts ? "The parts that have arrived will be deleted. " : "");
