/**
 * @template Item, Result
 * @typedef {{item: Item, resolve: (result: Promise<Result>) => void, reject: (error: unknown) => void}} Waiting
 */

const MOST_AT_ONCE = 3; // maximum number of requests in flight
const LEAST = 10; // a smaller group is sent only if no other item is announced

/**
 * Collects items of many callers, and sends them in groups, with one request for each group.
 *
 * A group is sent when it has `max` items, or when no other item is announced or expected. At the latest, it is sent
 * after `delayMs`, or after `patienceMs` if a request is in flight. If three requests are in flight, the group first waits
 * for an answer or for `patienceMs`.
 *
 * @template Item, Result
 */
export class Gather {
  #send;
  #clock;
  #expectsMore;
  #max;
  #tapers;
  #delayMs;
  #patienceMs;
  #coming = 0;
  #underWay = 0;
  /** @type {Waiting<Item, Result>[]} */
  #waiting = [];
  /** @type {(() => void) | null} */
  #cancelDelay = null;

  /**
   * @param {{
   *   send: (items: Item[]) => Promise<Promise<Result>[]>,
   *   clock: import("./clock.js").Clock,
   *   expectsMore?: () => boolean,
   *   max?: number,
   *   tapers?: boolean,
   *   delayMs?: number,
   *   patienceMs?: number,
   * }} parts `send` returns one promise for each item, in the same order; `expectsMore` returns whether more items come. With
   *   `tapers`, the last groups become smaller and smaller, so that the last answer arrives soon.
   */
  constructor({ send, clock, expectsMore = () => false, max = 100, tapers = false, delayMs = 250, patienceMs = 1_000 }) {
    this.#send = send;
    this.#clock = clock;
    this.#expectsMore = expectsMore;
    this.#max = max;
    this.#tapers = tapers;
    this.#delayMs = delayMs;
    this.#patienceMs = patienceMs;
  }

  /**
   * Announce an item, so that the group waits for it. `add` adds the item. `leave` withdraws the announcement.
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
      if (here) leave();
      else this.#consider();
      return /** @type {Promise<Result>} */ (answer);
    };
    return { add, leave };
  }

  #consider() {
    const hasRoom = () => this.#underWay < MOST_AT_ONCE;
    while (this.#waiting.length >= this.#enough && hasRoom()) this.#flush();
    if (this.#waiting.length === 0) return this.#cancel();
    if (hasRoom() && this.#coming === 0 && !this.#expectsMore()) return this.#flush();
    this.#cancelDelay ??= this.#clock.after(this.#underWay === 0 ? this.#delayMs : this.#patienceMs, () => {
      this.#cancelDelay = null;
      this.#flush();
    });
  }

  /** The number of items with which a group is sent. At the end of tapering groups: as many items as are still announced. */
  get #enough() {
    return !this.#tapers || this.#expectsMore() ? this.#max : Math.min(this.#max, Math.max(LEAST, this.#coming));
  }

  #cancel() {
    this.#cancelDelay?.();
    this.#cancelDelay = null;
  }

  #flush() {
    this.#cancel();
    const group = this.#waiting.splice(0, this.#max);
    if (group.length > 0) void this.#settle(group);
    if (this.#waiting.length > 0) this.#consider();
  }

  /** @param {Waiting<Item, Result>[]} group */
  async #settle(group) {
    this.#underWay += 1;
    try {
      const results = await this.#send(group.map(({ item }) => item));
      group.forEach(({ resolve }, index) => resolve(results[index]));
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.#underWay -= 1;
      this.#cancel();
      this.#consider();
    }
  }
}
