const FIRST_MS = 1_000;
const GROWTH = 1.5;
const WATCHED_MS = 5_000;
const MS_EACH = 500;
const LONGEST_MS = 30_000;

/**
 * Says how long to wait before the next question about a file that an inspector works on.
 *
 * The pauses grow. While a person looks at the page they end at 5 s, or at 0.5 s for each waiting file: so the page
 * asks at most twice a second. While nobody looks they end at 30 s.
 */
export class PollPace {
  #clock;
  #isWatched;
  #waiting = 0;

  /** @param {{clock: import("./clock.js").Clock, isWatched?: () => boolean}} parts `isWatched`: whether a person looks at the page */
  constructor({ clock, isWatched = () => true }) {
    this.#clock = clock;
    this.#isWatched = isWatched;
  }

  /**
   * Wait before the question number `round`, which counts from 0.
   *
   * A long pause ends early when the person comes back to the page.
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
