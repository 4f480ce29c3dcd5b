const SMALL_BYTES = 1024 * 1024; // a body up to this size may always start
const SOON_MS = 4_000; // on a slow line, the next body starts when the bodies in flight will finish within this time
const LONG_MS = 20_000; // if the bodies in flight would take longer than this, a trial starts
const SETTLING_MS = 1_000; // ignore this time, in which the first bytes only fill the machine's own buffers
const MEASURED_MS = 1_000; // minimum time for measuring a speed
const COMPARED_MS = 2_000; // minimum time for comparing speeds
const WINDOW_MS = 4_000; // maximum time of one measurement
const IDLE_MS = 10_000; // after this time without sent bytes, forget all measurements
const BEGUN = 0.25; // do not stop a body after this share of its bytes is sent
const GAIN = 1.5; // if several bodies are this much faster than one, each connection has its own speed limit

/**
 * @typedef {{size: number, sent: number, from: number | null, stop: () => void}} Flight
 *   a large body in flight. `from`: time from which its speed is measured. `stop` aborts it; it is sent again later.
 * @typedef {{since: number, bytes: number}} Stretch
 *   a period in which no body started or ended, and the speed of all bodies could be measured; `since`: its start
 */

/**
 * Decides when one more large body may start. Its goal is that S3 stores bytes early, even on a slow line.
 *
 * S3 stores a body only after it has received the whole body. If several bodies share a slow line, they all finish
 * late. So on such a line, they are sent nearly one after another. There is another kind of slow line, on which each
 * connection has its own speed limit. There, more connections are faster. A trial shows which kind of line it is.
 *
 * There are three modes:
 *
 * - `open`: a body may start whenever a lane is free. Uploads start in this mode, so that a fast line is fully used.
 * - `trial`: starts if the bodies in flight would take longer than LONG_MS. The body with the fewest bytes left
 *   continues, and so do all bodies of which at least 25 % is sent. The other bodies are stopped. If the remaining
 *   bodies together are about as fast as all bodies were before, they share the line, and the next mode is `narrow`.
 *   Otherwise each connection has its own limit, and the next mode is `open`.
 * - `narrow`: a body may start when the bodies in flight will finish within SOON_MS. If the line becomes fast, this
 *   condition is always true. If several bodies are GAIN times as fast as one body, the next mode is `open`.
 *
 * If no body is in flight, a body may always start. So a measured speed of 0 never blocks uploads.
 */
export class Pace {
  #clock;
  /** @type {Set<Flight>} */
  #flights = new Set();
  /** @type {"open" | "trial" | "narrow"} */
  #mode = "open";
  #speed = 0; // the last measured speed of all bodies together, in bytes per second
  /** @type {Stretch | null} */
  #stretch = null;
  /** `count` and `speed` of the bodies in flight before the trial; `left`: number of bodies that continued. */
  #before = { count: 0, speed: 0, left: 0 };
  #limited = 0; // the speed of all bodies, if a trial has shown that each connection has its own limit
  #alone = 0; // the last measured speed of a single body in mode `narrow`
  #movedAt = -Infinity;

  /** @param {{clock: import("./clock.js").Clock}} parts */
  constructor({ clock }) {
    this.#clock = clock;
  }

  /** True if a trial has shown that each connection has its own speed limit. */
  get isLimited() {
    return this.#limited > 0;
  }

  /** @param {number} size size of a body in bytes */
  static isLarge(size) {
    return size > SMALL_BYTES;
  }

  /** True if one more large body may start. */
  get hasRoom() {
    if (this.#flights.size === 0 || this.#mode === "open") return true;
    return this.#mode === "trial" ? this.#flights.size < this.#before.left : this.#dueMs <= SOON_MS;
  }

  /**
   * Record that a body starts.
   *
   * @param {number} size
   * @param {() => void} [stop] aborts the body
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
   * Record the progress of a body.
   *
   * @param {Flight} flight
   * @param {number} sent bytes of this body that were sent so far
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

  /** @param {Flight} flight a body that has arrived, was stopped or has failed */
  end(flight) {
    if (this.#flights.delete(flight)) this.#stretch = null;
  }

  /** Milliseconds until all bodies in flight will have arrived, at the last measured speed. */
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
   * @param {number} bytes bytes that were just sent
   * @returns {boolean} whether a new speed was measured
   */
  #measure(now, bytes) {
    // All bytes of a body may be in the machine's buffers. Such a body uses the line, but its speed cannot be measured.
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
    // Do not measure at first, because the remaining bodies need some time until they use the full line.
    for (const flight of this.#flights) flight.from = now + SETTLING_MS / 2;
  }

  #conclude() {
    const { count, speed, left } = this.#before;
    // On a shared line, the remaining bodies together become as fast as all bodies were before. If each connection has
    // its own limit, they keep their own speed. The geometric mean of these two speeds is the threshold.
    const isLimited = this.#speed < speed * Math.sqrt(left / count);
    this.#mode = isLimited ? "open" : "narrow";
    this.#limited = isLimited ? speed : 0;
    this.#alone = left === 1 ? this.#speed : 0;
  }
}
