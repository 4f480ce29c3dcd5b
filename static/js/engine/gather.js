/**
 * @template Item, Result
 * @typedef {{item: Item, resolve: (result: Promise<Result>) => void, reject: (error: unknown) => void}} Waiting
 */

/**
 * Turns many single calls into few calls with many items.
 *
 * A group goes out when it is full, when nobody else is known or expected to come, or after a short delay.
 *
 * @template Item, Result
 */
export class Gather {
  #send;
  #clock;
  #expectsMore;
  #max;
  #delayMs;
  #coming = 0;
  /** @type {Waiting<Item, Result>[]} */
  #waiting = [];
  #cancelDelay = () => {};

  /**
   * @param {{
   *   send: (items: Item[]) => Promise<Promise<Result>[]>,
   *   clock: import("./clock.js").Clock,
   *   expectsMore?: () => boolean,
   *   max?: number,
   *   delayMs?: number,
   * }} parts `send` answers in order, each item with a fate of its own
   */
  constructor({ send, clock, expectsMore = () => false, max = 100, delayMs = 250 }) {
    this.#send = send;
    this.#clock = clock;
    this.#expectsMore = expectsMore;
    this.#max = max;
    this.#delayMs = delayMs;
  }

  /**
   * Announce an item; `leave` says that it comes no more, and may be called at any time.
   *
   * @returns {{add: (item: Item) => Promise<Result>, leave: () => void}}
   */
  join() {
    let here = true;
    this.#coming += 1;
    const leave = () => {
      if (!here) return;
      here = false;
      this.#coming -= 1;
      this.#consider();
    };
    const add = (/** @type {Item} */ item) => {
      const answer = new Promise((resolve, reject) => this.#waiting.push({ item, resolve, reject }));
      if (this.#waiting.length === 1) this.#cancelDelay = this.#clock.after(this.#delayMs, () => this.#flush());
      if (here) leave();
      else this.#consider();
      return /** @type {Promise<Result>} */ (answer);
    };
    return { add, leave };
  }

  #consider() {
    if (this.#waiting.length >= this.#max || (this.#coming === 0 && !this.#expectsMore())) this.#flush();
  }

  #flush() {
    const group = this.#waiting.splice(0, this.#max);
    this.#cancelDelay();
    if (this.#waiting.length > 0) this.#cancelDelay = this.#clock.after(this.#delayMs, () => this.#flush());
    if (group.length > 0) void this.#settle(group);
  }

  /** @param {Waiting<Item, Result>[]} group */
  async #settle(group) {
    try {
      const results = await this.#send(group.map(({ item }) => item));
      group.forEach(({ resolve }, index) => resolve(results[index]));
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
