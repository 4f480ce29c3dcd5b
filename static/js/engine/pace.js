const SMALL_BYTES = 1024 * 1024; // a body up to this size may always start
const SOON_MS = 4_000; // on a slow line, the next body starts when the bodies in flight will finish within this time
const LONG_MS = 20_000; // if the bodies in flight need longer than this, the line may be slow
const SETTLING_MS = 1_000; // ignore this time of a new body, in which bytes only fill the machine's own buffers
const MEASURED_MS = 1_000; // minimum time for measuring a speed
const COMPARED_MS = 2_000; // minimum time for comparing speeds
const WINDOW_MS = 4_000; // maximum time of one measurement
const IDLE_MS = 10_000; // after this time without sent bytes, forget all measurements
const BEGUN = 0.1; // do not stop a body after this share of its bytes is sent
const GAIN = 1.5; // if several bodies are this much faster than one, each connection has its own speed limit
const SLOWER = 0.7; // if a second body makes the first body slower than this share of its speed, both share the line

/**
 * How to measure the speed of the first body. The first row whose speed is reached decides. In the first moments, bytes
 * also fill the machine's own buffers, and the body seems faster. So an early decision needs a higher speed.
 *
 * `settlingMs`: ignored time after the start; `measuredMs`, `reports`: minimum time and number of progress events;
 * `atLeast`: bytes per second
 */
const LOOKS = [
  { settlingMs: 100, measuredMs: 100, reports: 2, atLeast: 2_500_000 },
  { settlingMs: 400, measuredMs: 200, reports: 2, atLeast: 0 },
];
const BESIDE = { settlingMs: 75, measuredMs: 200, reports: 1 }; // the first body, after the second body has sent bytes
const FAST = 2_000_000; // bytes per second; if one body is this fast, all lanes are used

/** @typedef {{size: number, sent: number, begun: number, from: number | null, stop: () => void}} Flight
 *   a large body in flight. `begun`: its start; `from`: time from which its speed is measured; `stop` aborts it, and it is
 *   sent again later
 * @typedef {{since: number, bytes: number}} Stretch
 *   a period in which no body started or ended, and the speed of all bodies could be measured; `since`: its start
 */

/**
 * Decides when one more large body may start. Its goal is that S3 stores bytes early, even on a slow line.
 *
 * S3 stores a body only after it has received the whole body. If several bodies share a slow line, they all finish
 * late. So on such a line, they are sent nearly one after another. There is another kind of slow line, on which each
 * connection has its own speed limit. There, more connections are faster.
 *
 * The bytes in the buffers of a stopped body are sent nevertheless, so each stop uses the line for nothing. Therefore, only
 * the second of two bodies is stopped. There are four modes:
 *
 * - `probe`: one body is sent, until its speed is known. Uploads start in this mode. If the body is fast, the next mode
 *   is `open`, otherwise `pair`.
 * - `pair`: two bodies are sent. If the first body keeps its speed, each connection has its own limit, and the next mode
 *   is `open`. Otherwise the bodies share the line. Then the second body is stopped, and the next mode is `narrow`.
 * - `open`: a body may start whenever a lane is free. If the bodies in flight need longer than LONG_MS, and are not faster
 *   than one body, the next mode is `narrow`.
 * - `narrow`: a body may start when the bodies in flight will finish within SOON_MS. If the line becomes fast, this
 *   condition is always true. If several bodies are GAIN times as fast as one body, the next mode is `open`.
 *
 * If no body is in flight, a body may always start. So a measured speed of 0 never blocks uploads.
 */
export class Pace {
  #clock;
  #memory;
  /** @type {Set<Flight>} */
  #flights = new Set();
  /** @type {"probe" | "pair" | "open" | "narrow"} */
  #mode = "open";
  #modeAt = 0; // time at which the mode was chosen
  /** @type {{at: number, sent: number}[]} in the modes `probe` and `pair`: bytes of the first body that were sent */
  #samples = [];
  #changedAt = 0; // time of the last start or end of a body
  #speed = 0; // the last measured speed of all bodies together, in bytes per second
  /** @type {Stretch | null} */
  #stretch = null;
  #together = 0; // the speed of several bodies, before the mode became `narrow`
  #limited = 0; // the speed of all bodies, if each connection has its own limit
  #alone = 0; // the last measured speed of a single body
  #movedAt = -Infinity;

  /**
   * @param {{clock: import("./clock.js").Clock, memory?: {isFast: boolean}}} parts `memory` keeps for the next visit
   *   whether the line was fast. If it was, uploads start in the mode `open`.
   */
  constructor({ clock, memory = { isFast: false } }) {
    this.#clock = clock;
    this.#memory = memory;
  }

  /** True if it is known that each connection has its own speed limit. */
  get isLimited() {
    return this.#limited > 0;
  }

  /** @param {number} size size of a body in bytes */
  static isLarge(size) {
    return size > SMALL_BYTES;
  }

  /** True if one more large body may start. */
  get hasRoom() {
    const count = this.#flights.size;
    if (count === 0 || this.#mode === "open") return true;
    if (this.#mode === "narrow") return this.#dueMs <= SOON_MS;
    return this.#mode === "pair" && count < 2;
  }

  /**
   * Record that a body starts.
   *
   * @param {number} size
   * @param {() => void} [stop] aborts the body
   * @returns {Flight}
   */
  begin(size, stop = () => {}) {
    const begun = this.#clock.now();
    if (this.#flights.size === 0) this.#wake(begun);
    /** @type {Flight} */
    const flight = { size, sent: 0, begun, from: null, stop };
    if (!Pace.isLarge(size)) return flight;
    this.#flights.add(flight);
    this.#changed();
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
    if (flight.from === null) {
      flight.from = now + SETTLING_MS;
      // Before these first bytes, this body was opening its connection, and the other body had the line for itself.
      if (this.#mode === "pair") this.#changed();
    }
    if (this.#mode === "probe" || this.#mode === "pair") this.#explore(now);
    else if (this.#measure(now, bytes)) this.#decide();
  }

  /** @param {Flight} flight a body that has arrived, was stopped or has failed */
  end(flight) {
    if (!this.#flights.delete(flight)) return;
    this.#changed();
    if (flight.sent < flight.size) this.#memory.isFast = false; // after an interruption, the line may be another one
    else this.#learn(flight);
  }

  /**
   * Learn from the time that a body took. A short body arrives before its speed is measured, but S3 has answered, so the
   * line is at least as fast as this body.
   *
   * @param {Flight} flight a body that has arrived
   */
  #learn({ size, begun }) {
    const speed = (size * 1000) / Math.max(1, this.#clock.now() - begun);
    const isNew = begun >= this.#modeAt;
    if (this.#mode === "narrow") this.#speed = Math.max(this.#speed, speed);
    else if (this.#mode === "probe" && isNew) this.#conclude(speed);
    else if (this.#mode === "pair" && isNew && this.#flights.size > 0) this.#compare(speed);
  }

  /** @param {"probe" | "pair" | "open" | "narrow"} mode */
  #choose(mode) {
    this.#mode = mode;
    this.#modeAt = this.#clock.now();
  }

  /** Milliseconds until all bodies in flight will have arrived, at the last measured speed. */
  get #dueMs() {
    let left = 0;
    for (const { size, sent } of this.#flights) left += size - sent;
    return this.#speed > 0 ? (left * 1000) / this.#speed : Infinity;
  }

  #changed() {
    this.#stretch = null;
    this.#samples = [];
    this.#changedAt = this.#clock.now();
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
    this.#choose(this.#memory.isFast ? "open" : "probe");
    this.#speed = this.#together = this.#limited = this.#alone = 0;
    this.#changed();
  }

  /**
   * Measure the first body: in the mode `probe` alone, in the mode `pair` beside a second body.
   *
   * The second body is not measured, because at first its bytes only fill the machine's own buffers.
   *
   * @param {number} now
   */
  #explore(now) {
    const [{ sent }, second] = this.#flights;
    // If several bodies were in flight when the measurements were forgotten, measure the last of them, when it is alone.
    if (this.#mode === "probe" && second) return;
    if (sent === this.#samples.at(-1)?.sent) return;
    this.#samples.push({ at: now, sent });
    /** @param {typeof BESIDE} look */
    const speedIn = ({ settlingMs, measuredMs, reports }) => {
      const first = this.#samples.findIndex(({ at }) => at >= this.#changedAt + settlingMs);
      const begin = this.#samples[first];
      const isEnough = begin && now - begin.at >= measuredMs && this.#samples.length > first + reports;
      return isEnough ? ((sent - begin.sent) * 1000) / (now - begin.at) : null;
    };
    if (this.#mode === "pair") return this.#compare(second && second.from !== null ? speedIn(BESIDE) : null);
    for (const look of LOOKS) {
      const speed = speedIn(look);
      if (speed !== null && speed >= look.atLeast) return this.#conclude(speed);
    }
  }

  /** @param {number} speed of the first body alone, in bytes per second */
  #conclude(speed) {
    this.#speed = this.#alone = speed;
    this.#memory.isFast = speed >= FAST;
    this.#choose(this.#memory.isFast ? "open" : "pair");
  }

  /** @param {number | null} speed of the first body beside a second body, in bytes per second */
  #compare(speed) {
    if (speed === null) return;
    // On a shared line, the first body becomes half as fast. If each connection has its own limit, it keeps its speed.
    const isLimited = speed > SLOWER * this.#alone;
    this.#speed = isLimited ? 2 * this.#alone : this.#alone;
    this.#limited = isLimited ? this.#speed : 0;
    this.#choose(isLimited ? "open" : "narrow");
    if (!isLimited) this.#stopSecond();
  }

  /** Stop the second body, so that the first body arrives sooner. Do not stop it if many of its bytes would be lost. */
  #stopSecond() {
    const [, second] = this.#flights;
    if (!second || second.sent > BEGUN * second.size) return;
    this.#flights.delete(second);
    this.#changed();
    second.stop();
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

  #decide() {
    const count = this.#flights.size;
    if (this.#mode === "open") {
      if (count > 1) this.#judge();
    } else if (count === 1) {
      this.#alone = this.#speed;
      if (this.#together > GAIN * this.#alone) this.#widen(this.#together);
    } else if (this.#alone > 0 && this.#speed > GAIN * this.#alone) {
      this.#widen(this.#speed);
    }
  }

  /** Change from `open` to `narrow`, if several bodies are slow and not faster than one. */
  #judge() {
    const isKnown = this.#limited > 0 && this.#speed > this.#limited / 2;
    if (isKnown || this.#dueMs <= LONG_MS) return;
    if (this.#alone > 0 && this.#speed > GAIN * this.#alone) {
      this.#limited = this.#speed;
      return;
    }
    this.#choose("narrow");
    this.#together = this.#speed;
    this.#limited = this.#alone = 0;
    this.#memory.isFast = false;
  }

  /** @param {number} speed of all bodies together, if each connection has its own limit */
  #widen(speed) {
    this.#choose("open");
    this.#limited = speed;
    this.#together = 0;
  }
}
