import { formatBytes } from "./format.js";
import { drawQuotaBar } from "./quota-bar.js";
import { everyTick } from "./tick.js";
import { setText } from "./dom.js";

/** @typedef {import("./page-data.js").PageData["quota"]} Quota */

const REFRESH_DELAY_MS = 800;
const PAUSE_MS = 2_500; // minimum time between two requests during an upload

/**
 * Shows the person's quota in the header, and asks the server for new values after changes.
 *
 * The dark part of the bar shows stored bytes. The lighter part shows the bytes that the server has reserved for
 * uploads in progress, and the bytes of the chosen files.
 */
export class QuotaMeter {
  #place;
  #fetch;
  #isUploading;
  #onChange;
  #quota;
  #batchBytes = 0;
  #asked = 0;
  #askedAt = -Infinity;
  #shown = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #renderAtTick = everyTick(() => this.#render());

  /**
   * @param {HTMLElement} place
   * @param {Quota} quota
   * @param {() => Promise<Quota>} fetch
   * @param {{isUploading?: () => boolean, onChange?: () => void}} [options] `onChange` is called after the server has sent new
   *   values
   */
  constructor(place, quota, fetch, { isUploading = () => false, onChange = () => {} } = {}) {
    this.#place = place;
    this.#quota = quota;
    this.#fetch = fetch;
    this.#isUploading = isUploading;
    this.#onChange = onChange;
    this.#render();
  }

  get freeBytes() {
    const { limit_bytes: limit, used_bytes: used, reserved_bytes: reserved } = this.#quota;
    return Math.max(0, limit - used - reserved);
  }

  get freeFiles() {
    const { max_files: max, file_count: count, reserved_files: reserved } = this.#quota;
    return Math.max(0, max - count - reserved);
  }

  /**
   * Show how much space the chosen files need.
   *
   * @param {number} bytes
   */
  showBatch(bytes) {
    this.#batchBytes = bytes;
    this.#render();
  }

  /** Ask the server after a short delay, so that many changes cause one request. The delay is longer during an upload. */
  refresh() {
    const pause = this.#isUploading() ? this.#askedAt + PAUSE_MS - performance.now() : 0;
    const delay = Math.max(REFRESH_DELAY_MS, pause);
    this.#timer ??= setTimeout(() => this.refreshNow(), delay);
  }

  /** Ask the server at once, for example because an upload has ended. */
  async refreshNow() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#askedAt = performance.now();
    const asked = (this.#asked += 1);
    try {
      const quota = await this.#fetch();
      // Ignore the response if a later request has already been answered.
      if (asked < this.#shown) return;
      this.#shown = asked;
      this.#quota = quota;
    } catch {
      return; // keep the old values; other requests show the person that the server does not respond
    }
    this.#renderAtTick();
    this.#onChange();
  }

  #render() {
    const { limit_bytes: limit, used_bytes: used, reserved_bytes: reserved } = this.#quota;
    const words = /** @type {HTMLElement} */ (this.#place.querySelector(".quota__words"));
    const promised = used + reserved + this.#batchBytes;
    const onTheWay = reserved > 0 ? `, ${formatBytes(reserved)} on the way` : "";
    setText(words, `${formatBytes(used)} of ${formatBytes(limit)} used${onTheWay}`);
    drawQuotaBar(this.#place, { limit, used, promised });
  }
}
