/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

/** What happens in this tab while the server is asked for the list: on a slow line its answer is older than that. */
export class News {
  #asking = 0;
  /** @type {Map<string, {record: UploadRecord | null, isNew: boolean}>} */
  #notes = new Map();

  /** A question is on its way. */
  begin() {
    this.#asking += 1;
  }

  /** Its answer is used, or none came. */
  end() {
    this.#asking -= 1;
    if (this.#asking === 0) this.#notes.clear();
  }

  /**
   * @param {string} id
   * @param {UploadRecord | null} record null when the file is gone
   * @param {{isNew?: boolean}} [options] whether the list had no such file
   */
  note(id, record, { isNew = false } = {}) {
    if (this.#asking > 0) this.#notes.set(id, { record, isNew: isNew || Boolean(this.#notes.get(id)?.isNew) });
  }

  /**
   * @param {UploadRecord[]} answer
   * @returns {UploadRecord[]} the same files as they are known here, without those that are gone
   */
  applyTo(answer) {
    return answer.map((record) => this.#notes.get(record.id) ?? { record }).flatMap(({ record }) => record ?? []);
  }

  /**
   * @param {UploadRecord[]} answer
   * @returns {UploadRecord[]} what has arrived since and is missing there, newest first
   */
  missingIn(answer) {
    const known = new Set(answer.map(({ id }) => id));
    const arrived = [...this.#notes.values()].flatMap(({ record, isNew }) => (record && isNew ? record : []));
    return arrived.filter(({ id }) => !known.has(id)).reverse();
  }
}
