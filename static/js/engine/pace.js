const SMALL_BYTES = 1024 * 1024; // lands soon on any line
const SOON_MS = 4_000; // on a slow line the next body sets out when those before it are due within this time
const LONG_MS = 20_000; // bodies that share a line for longer than this are late to be safe
const SETTLING_MS = 1_000; // what goes in a body's first moment only fills the machine's own buffers
const MEASURED_MS = 1_000; // no speed from less
const COMPARED_MS = 2_000; // no comparison from less
const WINDOW_MS = 4_000; // how far back a speed looks
const IDLE_MS = 10_000; // after that the line may be another
const BEGUN = 0.25; // a body that has come this far is not stopped
const GAIN = 1.5; // several bodies that are faster than one by this much do not share one line

/**
 * @typedef {{size: number, sent: number, from: number | null, stop: () => void}} Flight
 *   a large body on its way, in bytes; `from`: when it may be measured; `stop` breaks it off, to be sent again later
 * @typedef {{since: number, bytes: number}} Stretch a time in which the same bodies were on their way, all measurable
 */

/**
 * Says when one more large body may set out, so that a fast line is full at once and bytes are safe early on a slow one.
 *
 * Bytes are safe when their body has landed. Bodies that share a slow line all land late, so there they go nearly one
 * after another. Where each connection has a limit of its own, more connections are faster. No speed tells the two
 * kinds of slow lines apart, only a trial does.
 *
 * - `open`: all bodies that the lanes admit may go. It begins so, since on a fast line each moment alone is lost.
 * - `trial`: those on their way would share the line for long. The one that is furthest goes on, the others are
 *   stopped. If it now has about the speed of all, the line is shared: `narrow`. If not, each connection is limited:
 *   `open` again.
 * - `narrow`: one body may set out when those on their way are due within SOON_MS. On a line that has become fast
 *   that is always so. If several bodies turn out to be faster than one: `open`.
 *
 * With nothing on its way a body may always go: a speed of 0 holds up nobody.
 */
export class Pace {
  #clock;
  /** @type {Set<Flight>} */
  #flights = new Set();
  /** @type {"open" | "trial" | "narrow"} */
  #mode = "open";
  #speed = 0; // bytes a second of all together, as last measured
  /** @type {Stretch | null} */
  #stretch = null;
  /** Before the trial: how many bodies had which speed; and how many went on. */
  #before = { count: 0, speed: 0, left: 0 };
  #limited = 0; // bytes a second of a line whose connections are limited, as a trial has shown
  #alone = 0; // bytes a second of one body, as last measured in `narrow`
  #movedAt = -Infinity;

  /** @param {{clock: import("./clock.js").Clock}} parts */
  constructor({ clock }) {
    this.#clock = clock;
  }

  /** @param {number} size in bytes */
  static isLarge(size) {
    return size > SMALL_BYTES;
  }

  /** Whether one more large body may set out. */
  get hasRoom() {
    if (this.#flights.size === 0 || this.#mode === "open") return true;
    return this.#mode === "trial" ? this.#flights.size < this.#before.left : this.#dueMs <= SOON_MS;
  }

  /**
   * @param {number} size
   * @param {() => void} [stop]
   * @returns {Flight}
   */
  begin(size, stop = () => {}) {
    if (this.#flights.size === 0) this.#wake(this.#clock.now());
    /** @type {Flight} */
    const flight = { size, sent: 0, from: null, stop };
    if (!Pace.isLarge(size)) return flight;
    this.#flights.add(flight);
    this.#stretch = null;
    return flight;
  }

  /**
   * @param {Flight} flight
   * @param {number} sent bytes of this body, in all
   */
  moved(flight, sent) {
    const bytes = sent - flight.sent;
    if (!this.#flights.has(flight) || bytes <= 0) return;
    const now = this.#clock.now();
    this.#wake(now);
    flight.sent = sent;
    flight.from ??= now + SETTLING_MS;
    if (this.#measure(now, bytes)) this.#decide(now);
  }

  /** @param {Flight} flight that has landed, was stopped or failed */
  end(flight) {
    if (this.#flights.delete(flight)) this.#stretch = null;
  }

  /** In how many milliseconds all on their way are due, at the present speed. */
  get #dueMs() {
    let left = 0;
    for (const { size, sent } of this.#flights) left += size - sent;
    return this.#speed > 0 ? (left * 1000) / this.#speed : Infinity;
  }

  /** @param {number} now when something moves: after a rest, what was known of the line is forgotten */
  #wake(now) {
    const isIdle = now - this.#movedAt > IDLE_MS;
    this.#movedAt = now;
    if (!isIdle) return;
    this.#mode = "open";
    this.#speed = this.#limited = this.#alone = 0;
    this.#stretch = null;
  }

  /**
   * @param {number} now
   * @param {number} bytes that have just moved
   * @returns {boolean} whether there is a new speed
   */
  #measure(now, bytes) {
    // One whose last bytes are in the machine's buffers takes its share of the line and tells nothing.
    const isClear = [...this.#flights].every(({ from, size, sent }) => from !== null && now > from && sent < size);
    const stretch = this.#stretch;
    if (!isClear) this.#stretch = null;
    else if (!stretch || now - stretch.since >= WINDOW_MS) this.#stretch = { since: now, bytes: 0 };
    if (!isClear || !stretch) return false;
    stretch.bytes += bytes;
    const ms = now - stretch.since;
    if (ms < MEASURED_MS) return false;
    this.#speed = (stretch.bytes * 1000) / ms;
    return ms >= COMPARED_MS || this.#mode !== "narrow";
  }

  /** @param {number} now */
  #decide(now) {
    if (this.#mode === "trial") this.#conclude();
    else if (this.#mode === "open") this.#judge(now);
    else if (this.#flights.size === 1) this.#alone = this.#speed;
    else if (this.#alone > 0 && this.#speed > GAIN * this.#alone) this.#mode = "open";
  }

  /** @param {number} now */
  #judge(now) {
    const count = this.#flights.size;
    const isKnown = this.#limited > 0 && this.#speed > this.#limited / 2;
    if (count < 2 || isKnown || this.#dueMs <= LONG_MS) return;
    const [, ...others] = [...this.#flights].sort((one, other) => one.size - one.sent - (other.size - other.sent));
    const stopped = others.filter(({ size, sent }) => sent < BEGUN * size);
    if (stopped.length === 0) return;
    this.#mode = "trial";
    this.#before = { count, speed: this.#speed, left: count - stopped.length };
    for (const flight of stopped) {
      this.end(flight);
      flight.stop();
    }
    // The line takes a moment to give them what the others had.
    for (const flight of this.#flights) flight.from = now + SETTLING_MS / 2;
  }

  #conclude() {
    const { count, speed, left } = this.#before;
    // Shared, those that went on have the speed of all; limited, only their part of it. The middle of the two decides.
    const isLimited = this.#speed < speed * Math.sqrt(left / count);
    this.#mode = isLimited ? "open" : "narrow";
    this.#limited = isLimited ? speed : 0;
    this.#alone = left === 1 ? this.#speed : 0;
  }
}
