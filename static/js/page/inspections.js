/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

const PAUSES_MS = [1500, 3000, 6000, 15_000, 30_000];

/** Asks again, ever more rarely, for files that a slow inspector works on. */
export class Inspections {
  #api;
  #current;
  #onEnd;
  /** @type {Set<string>} */
  #watched = new Set();

  /**
   * @param {{
   *   api: Pick<import("../engine/api.js").Api, "get">,
   *   current: (id: string) => UploadRecord | undefined,
   *   onEnd: (record: UploadRecord) => void,
   * }} options `current` returns undefined for a file that is not shown any more
   */
  constructor({ api, current, onEnd }) {
    this.#api = api;
    this.#current = current;
    this.#onEnd = onEnd;
  }

  /** @param {UploadRecord} record */
  watch({ id, state }) {
    if (state !== "inspecting" || this.#watched.has(id)) return;
    this.#watched.add(id);
    this.#ask(id, 0);
  }

  /**
   * @param {string} id
   * @param {number} round
   */
  #ask(id, round) {
    const pause = PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)];
    setTimeout(async () => {
      const record = await this.#api.get(id).catch(() => null);
      const isOver = record && record.state !== "inspecting";
      if (this.#current(id)?.state === "inspecting" && !isOver) return this.#ask(id, round + 1);
      this.#watched.delete(id);
      if (record && this.#current(id)) this.#onEnd(record);
    }, pause);
  }
}
