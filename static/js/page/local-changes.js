/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

/**
 * Remembers changes of this tab while a request for the list is in flight. The server may have built the response
 * before these changes, so the page applies them to the response.
 */
export class LocalChanges {
  #asking = 0;
  /** @type {Map<string, {record: UploadRecord | null, isNew: boolean}>} */
  #notes = new Map();

  /** Record that a request for the list starts. */
  begin() {
    this.#asking += 1;
  }

  /** Record that a request for the list has ended. Call this after the page has used the response. */
  end() {
    this.#asking -= 1;
    if (this.#asking === 0) this.#notes.clear();
  }

  /**
   * Remember a change, if a request is in flight.
   *
   * @param {string} id
   * @param {UploadRecord | null} record the new record, or null if the file was deleted
   * @param {{isNew?: boolean}} [options] `isNew`: true if this change added the file to the list
   */
  note(id, record, { isNew = false } = {}) {
    if (this.#asking > 0) this.#notes.set(id, { record, isNew: isNew || Boolean(this.#notes.get(id)?.isNew) });
  }

  /**
   * @param {UploadRecord[]} answer
   * @returns {UploadRecord[]} the records of `answer` with the changes of this tab, without deleted files
   */
  applyTo(answer) {
    return answer.map((record) => this.#notes.get(record.id) ?? { record }).flatMap(({ record }) => record ?? []);
  }

  /**
   * @param {UploadRecord[]} answer
   * @returns {UploadRecord[]} files that this tab has added since the request and that `answer` lacks, newest first
   */
  missingIn(answer) {
    const known = new Set(answer.map(({ id }) => id));
    const arrived = [...this.#notes.values()].flatMap(({ record, isNew }) => (record && isNew ? record : []));
    return arrived.filter(({ id }) => !known.has(id)).reverse();
  }
}
