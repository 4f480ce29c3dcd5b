import { Clock } from "../engine/clock.js";
import { PollPace } from "../engine/poll-pace.js";

/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

/** Asks the server repeatedly for the state of listed files in inspection, until each inspection has ended. */
export class Inspections {
  #api;
  #current;
  #onEnd;
  #pace;
  /** @type {Set<string>} */
  #watched = new Set();

  /**
   * @param {{
   *   api: Pick<import("../engine/api.js").Api, "get">,
   *   current: (id: string) => UploadRecord | undefined,
   *   onEnd: (record: UploadRecord) => void,
   *   pace?: PollPace,
   * }} options `current` returns the listed record, or undefined if the list no longer has the file
   */
  constructor({ api, current, onEnd, pace = new PollPace({ clock: new Clock(), isWatched: () => !document.hidden }) }) {
    this.#api = api;
    this.#current = current;
    this.#onEnd = onEnd;
    this.#pace = pace;
  }

  /**
   * Start asking the server for the state of this file, if the file is in inspection.
   *
   * @param {UploadRecord} record
   */
  watch({ id, state }) {
    if (state !== "inspecting" || this.#watched.has(id)) return;
    this.#watched.add(id);
    void this.#follow(id);
  }

  /** @param {string} id */
  async #follow(id) {
    for (let round = 0; ; round += 1) {
      await this.#pace.pause(round);
      const record = await this.#api.get(id).catch(() => null);
      const isOver = record && record.state !== "inspecting";
      if (this.#current(id)?.state === "inspecting" && !isOver) continue;
      this.#watched.delete(id);
      if (record && this.#current(id)) this.#onEnd(record);
      return;
    }
  }
}
