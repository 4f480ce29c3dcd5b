/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {{
 *   api: Pick<import("../engine/api.js").Api, "listParts" | "complete">,
 *   tabs: Pick<import("./tabs.js").Tabs, "elsewhere">,
 *   isWaiting: (id: string) => boolean,
 *   onSafe: (id: string, bytes: number) => void,
 *   onCompleted: (record: UploadRecord) => void,
 * }} Options `isWaiting` returns whether the upload is unfinished and nobody has continued it. `onSafe` gets the number
 *   of bytes that the bucket has.
 */

/**
 * Completes uploads whose tab was closed after it had sent all bytes, but before it called `complete` on the server.
 */
export class Completer {
  #options;
  #checks = 0;
  /** @type {Set<string>} */
  #completing = new Set();
  /** @type {Set<string>} */
  #completed = new Set();

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Check whether this tab has completed the upload. A list that the page requested earlier may still contain the upload
   * as pending, and the page must not draw a row for it.
   *
   * @param {string} id
   */
  hasCompleted(id) {
    return this.#completed.has(id);
  }

  /**
   * For each upload, ask the server how many bytes the bucket has. Then complete the uploads whose bytes are all there.
   *
   * A new call ends the previous call. Failures are not shown, because the person did not start the check. The next
   * check retries.
   *
   * @param {UploadRecord[]} records multipart uploads that no other tab is sending
   */
  async check(records) {
    const check = (this.#checks += 1);
    const whole = [];
    for (const record of records) {
      if (await this.#isWhole(record)) whole.push(record.id);
      if (check !== this.#checks) return;
    }
    for (const id of whole) {
      await this.#complete(id);
      if (check !== this.#checks) return;
    }
  }

  /** @param {UploadRecord} record */
  async #isWhole({ id, byte_size: byteSize }) {
    const { api, isWaiting, onSafe } = this.#options;
    if (!isWaiting(id)) return false;
    const answer = await api.listParts(id, { attempts: 2 }).catch(() => null);
    if (!answer) return false;
    const safe = answer.parts.reduce((sum, part) => sum + part.byte_size, 0);
    onSafe(id, safe);
    return safe === byteSize && answer.parts.length === answer.part_count;
  }

  /** @param {string} id */
  async #complete(id) {
    const { api, tabs, isWaiting, onCompleted } = this.#options;
    // Another tab may have continued the upload since the list was read.
    if ((await tabs.elsewhere()).has(id) || !isWaiting(id) || this.#completing.has(id)) return;
    this.#completing.add(id);
    const record = await api.complete(id, { attempts: 2 }).catch(() => null);
    this.#completing.delete(id);
    if (!record || record.state === "pending") return;
    this.#completed.add(id);
    // If the person discarded or continued the upload meanwhile, the code of that action updates the page.
    if (isWaiting(id)) onCompleted(record);
  }
}
