/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

/** Records changes in this tab while the list is requested, because the answer on a slow line is older than they are. */
export class LocalChanges {
  #asking = 0;
  /** @type {Map<string, {record: UploadRecord | null, isNew: boolean}>} */
  #notes = new Map();

  /** Note that a request was sent. */
  begin() {
    this.#asking += 1;
  }

  /** Note that its answer was used or that it failed. */
  end() {
    this.#asking -= 1;
    if (this.#asking === 0) this.#notes.clear();
  }

  /**
   * @param {string} id
   * @param {UploadRecord | null} record null if the file was deleted
   * @param {{isNew?: boolean}} [options] `isNew`: whether the list did not have the file before
   */
  note(id, record, { isNew = false } = {}) {
    if (this.#asking > 0) this.#notes.set(id, { record, isNew: isNew || Boolean(this.#notes.get(id)?.isNew) });
  }

  /**
   * @param {UploadRecord[]} answer
   * @returns {UploadRecord[]} the same files in the state that this tab knows, without deleted files
   */
  applyTo(answer) {
    return answer.map((record) => this.#notes.get(record.id) ?? { record }).flatMap(({ record }) => record ?? []);
  }

  /**
   * @param {UploadRecord[]} answer
   * @returns {UploadRecord[]} files that have arrived since the request and are missing in `answer`, newest first
   */
  missingIn(answer) {
    const known = new Set(answer.map(({ id }) => id));
    const arrived = [...this.#notes.values()].flatMap(({ record, isNew }) => (record && isNew ? record : []));
    return arrived.filter(({ id }) => !known.has(id)).reverse();
  }
}
