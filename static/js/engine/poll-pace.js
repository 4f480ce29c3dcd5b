const FIRST_MS = 1_000;
const GROWTH = 1.5;
const WATCHED_MS = 5_000;
const MS_EACH = 500;
const LONGEST_MS = 30_000;

/**
 * Decides how long to wait before the next poll of a file in inspection.
 *
 * The pauses grow. While the page is visible, they grow up to 5 s, or up to 0.5 s for each waiting file if that is
 * longer, so the page polls at most twice a second. While the page is hidden, they grow up to 30 s.
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
   * Wait before poll number `round`, which counts from 0.
   *
   * A long pause ends early when the page becomes visible again.
   *
   * @param {number} round
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
