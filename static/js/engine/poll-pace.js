const FIRST_MS = 1_000;
const GROWTH = 1.5;
const WATCHED_MS = 5_000;
const MS_EACH = 500;
const LONGEST_MS = 30_000;

/**
 * Computes the pauses between two requests to the server for the state of a file in inspection.
 *
 * The first pause is 1 s, and each pause is 1.5 times as long as the one before. While the page is visible, the maximum
 * is 5 s. With more than ten files in inspection, the maximum is 0.5 s times the number of files, but at most 30 s. So
 * with up to 60 files, the page sends at most two requests a second after the first pauses. While the page is hidden, the
 * maximum is 30 s.
 */
export class PollPace {
  #clock;
  #isWatched;
  #waiting = 0;

  /** @param {{clock: import("./clock.js").Clock, isWatched?: () => boolean}} parts `isWatched`: whether the page is visible */
  constructor({ clock, isWatched = () => true }) {
    this.#clock = clock;
    this.#isWatched = isWatched;
  }

  /**
   * Wait before the next request. If the page becomes visible, a long pause ends within 5 s.
   *
   * @param {number} round number of requests so far
   * @param {AbortSignal} [signal]
   */
  async pause(round, signal) {
    this.#waiting += 1;
    try {
      let waited = 0;
      for (let left = this.#length(round); left > 0; left = this.#length(round) - waited) {
        const step = Math.min(left, WATCHED_MS);
        await this.#clock.sleep(step, signal);
        waited += step;
      }
    } finally {
      this.#waiting -= 1;
    }
  }

  /** @param {number} round */
  #length(round) {
    const longest = this.#isWatched() ? Math.max(WATCHED_MS, this.#waiting * MS_EACH) : LONGEST_MS;
    return Math.min(FIRST_MS * GROWTH ** round, longest, LONGEST_MS);
  }
}
