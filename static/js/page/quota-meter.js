import { formatBytes } from "./format.js";
import { setText } from "./dom.js";

/** @typedef {import("./page-data.js").PageData["quota"]} Quota */

const REFRESH_DELAY_MS = 800;

/**
 * The person's quota: knows it, keeps it fresh, and shows it in the header.
 *
 * Bytes in flight are reserved and count like stored bytes. A lighter bar shows them, together with the chosen files.
 */
export class QuotaMeter {
  #place;
  #fetch;
  #quota;
  #batchBytes = 0;
  #asked = 0;
  #shown = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} place
   * @param {Quota} quota
   * @param {() => Promise<Quota>} fetch
   */
  constructor(place, quota, fetch) {
    this.#place = place;
    this.#quota = quota;
    this.#fetch = fetch;
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

  /** @param {Quota} quota */
  set(quota) {
    this.#quota = quota;
    this.#render();
  }

  /**
   * Show what the chosen files would take.
   *
   * @param {number} bytes
   */
  showBatch(bytes) {
    this.#batchBytes = bytes;
    this.#render();
  }

  /** Ask the server soon; many changes at once ask once. */
  refresh() {
    if (this.#timer) return;
    this.#timer = setTimeout(async () => {
      this.#timer = undefined;
      const asked = (this.#asked += 1);
      try {
        const quota = await this.#fetch();
        // On a slow line an earlier answer may come later: it knows less.
        if (asked < this.#shown) return;
        this.#shown = asked;
        this.set(quota);
      } catch {
        // The meter keeps what it knew; whoever needs the server will say so.
      }
    }, REFRESH_DELAY_MS);
  }

  #render() {
    const { limit_bytes: limit, used_bytes: used, reserved_bytes: reserved } = this.#quota;
    const words = /** @type {HTMLElement} */ (this.#place.querySelector(".quota__words"));
    const promised = used + reserved + this.#batchBytes;
    const onTheWay = reserved > 0 ? `, ${formatBytes(reserved)} on the way` : "";
    setText(words, `${formatBytes(used)} of ${formatBytes(limit)} used${onTheWay}`);
    this.#place.classList.toggle("quota--full", promised > limit || used >= limit);
    this.#scale(".quota__used", used / Math.max(1, limit));
    this.#scale(".quota__pending", promised / Math.max(1, limit));
  }

  /**
   * @param {string} selector
   * @param {number} share
   */
  #scale(selector, share) {
    const bar = /** @type {HTMLElement} */ (this.#place.querySelector(selector));
    // A little is more than nothing: it has to be seen.
    const shown = share > 0 ? Math.min(1, Math.max(share, 0.015)) : 0;
    bar.style.transform = `scaleX(${shown})`;
  }
}
