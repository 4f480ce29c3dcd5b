const SMALL_BYTES = 1024 * 1024; // such a body arrives soon on any connection
const SOON_MS = 4_000; // on a slow line, the next body starts when the others are due within this time
const LONG_MS = 20_000; // bodies that share a line for longer than this are stored too late
const SETTLING_MS = 1_000; // the first bytes of a body only fill the machine's own buffers
const MEASURED_MS = 1_000; // minimum time for a speed
const COMPARED_MS = 2_000; // minimum time for a comparison of speeds
const WINDOW_MS = 4_000; // maximum time that one measurement covers
const IDLE_MS = 10_000; // after a pause of this length, the network may have changed
const BEGUN = 0.25; // a body is not stopped once this share is sent
const GAIN = 1.5; // several bodies that are this much faster than one do not share one line

/**
 * @typedef {{size: number, sent: number, from: number | null, stop: () => void}} Flight
 *   a large body in flight, in bytes; `from`: when its measurement may begin; `stop` aborts it, to be sent again later
 * @typedef {{since: number, bytes: number}} Stretch a period in which the same bodies were in flight, all measurable
 */

/**
 * Decides when one more large body may start. A fast line is used fully at once. On a slow line, bytes are stored early.
 *
 * Bytes are safe when S3 has their whole body. Bodies that share a slow line all arrive late, so on such a line they
 * are sent nearly one after another. If each connection has its own speed limit, more connections are faster. The speed
 * alone does not distinguish these two kinds of slow lines, so a trial is made.
 *
 * - `open`: all bodies that the lanes admit may start. This is the first mode, because a fast line must not idle.
 * - `trial`: the bodies in flight would share the line for long. The body with the fewest bytes left continues. The
 *   others are stopped, except bodies of which 25 % is sent. If the remaining bodies are now about as fast as all bodies
 *   were before, the line is shared, and the next mode is `narrow`. If not, each connection is limited, and the next
 *   mode is `open`.
 * - `narrow`: a body may start when the bodies in flight are due within SOON_MS. On a line that has become fast this
 *   is always true. If several bodies turn out to be faster than one, the next mode is `open`.
 *
 * With no body in flight a body may always start, so a speed of 0 never blocks uploads.
 */
export class Pace {
  #clock;
  /** @type {Set<Flight>} */
  #flights = new Set();
  /** @type {"open" | "trial" | "narrow"} */
  #mode = "open";
  #speed = 0; // bytes per second of all bodies together, as last measured
  /** @type {Stretch | null} */
  #stretch = null;
  /** The bodies in flight before the trial and their speed together; `left`: how many continued. */
  #before = { count: 0, speed: 0, left: 0 };
  #limited = 0; // bytes per second of all bodies, if a trial has shown that each connection is limited
  #alone = 0; // bytes per second of a single body, as last measured in `narrow`
  #movedAt = -Infinity;

  /** @param {{clock: import("./clock.js").Clock}} parts */
  constructor({ clock }) {
    this.#clock = clock;
  }

  /** @param {number} size in bytes */
  static isLarge(size) {
    return size > SMALL_BYTES;
  }

  /** Whether one more large body may start. */
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
   * @param {number} sent bytes of this body in total
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

  /** @param {Flight} flight that has arrived, was stopped or has failed */
  end(flight) {
    if (this.#flights.delete(flight)) this.#stretch = null;
  }

  /** Milliseconds until all bodies in flight have arrived, at the present speed. */
  get #dueMs() {
    let left = 0;
    for (const { size, sent } of this.#flights) left += size - sent;
    return this.#speed > 0 ? (left * 1000) / this.#speed : Infinity;
  }

  /**
   * Forget all measurements if no byte has moved for IDLE_MS.
   *
   * @param {number} now
   */
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
   * @param {number} bytes that have just been sent
   * @returns {boolean} whether there is a new speed to decide on
   */
  #measure(now, bytes) {
    // A body whose last bytes are in the machine's buffers uses the line, but cannot be measured.
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
    // It takes a moment until the remaining bodies use the full line.
    for (const flight of this.#flights) flight.from = now + SETTLING_MS / 2;
  }

  #conclude() {
    const { count, speed, left } = this.#before;
    // On a shared line, the remaining bodies reach the speed of all before. With limited connections, they reach only
    // their own share. The geometric mean of both decides.
    const isLimited = this.#speed < speed * Math.sqrt(left / count);
    this.#mode = isLimited ? "open" : "narrow";
    this.#limited = isLimited ? speed : 0;
    this.#alone = left === 1 ? this.#speed : 0;
  }
}
