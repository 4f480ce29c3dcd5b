// The first bytes of new connections only fill the machine's own buffers, so they are not measured.
const QUICK = { settlingMs: 100, measuredMs: 200 }; // before a trial, so that the trial starts early
const EXACT = { settlingMs: 300, measuredMs: 400 }; // during a trial
const REST_MS = 60_000; // after a trial without a gain, the next trial starts after this time at the earliest
const SOON_MS = 20_000; // no trial if the bodies in flight need longer, because on a slow line more bodies only delay each other
const GAIN = 1.15; // minimum gain in speed for which the additional connections are kept

/**
 * Decides how many bodies are sent at the same time, if the bucket has several hosts.
 *
 * It starts with the connections of one host. If they are all in use, it tries the connections of one more host. It
 * keeps them if all connections together are faster than before.
 */
export class Growth {
  #clock;
  #step;
  #most;
  #restUntil = -Infinity;
  /** @type {{from: number, bytes: number} | null} */
  #stretch = null;
  /** Bytes per millisecond before the trial in progress; 0 without a trial. */
  #before = 0;

  /** @param {{clock: import("./clock.js").Clock, step: number, hosts: number}} parts `step`: connections of one host */
  constructor({ clock, step, hosts }) {
    this.#clock = clock;
    this.#step = step;
    this.#most = step * hosts;
    this.limit = step;
  }

  /**
   * @param {number} bytes that were just sent
   * @param {{active: number, size: number, isLimited: boolean}} now `active`: bodies in flight; `size`: size of
   *   this body in bytes; `isLimited`: true if each connection is known to have its own speed limit
   * @returns {boolean} whether `limit` has changed
   */
  moved(bytes, { active, size, isLimited }) {
    if (this.#most === this.#step) return false;
    const now = this.#clock.now();
    const { settlingMs, measuredMs } = this.#before > 0 ? EXACT : QUICK;
    if (active < this.limit) this.#stretch = null;
    else this.#stretch ??= { from: now + settlingMs, bytes: 0 };
    const stretch = this.#stretch;
    if (!stretch || now <= stretch.from) return false;
    stretch.bytes += bytes;
    const ms = now - stretch.from;
    if (ms < measuredMs) return false;
    this.#stretch = null;
    const speed = stretch.bytes / ms;
    const isSoon = (size * this.limit) / speed < SOON_MS;
    return this.#decide(now, speed, isSoon || isLimited);
  }

  /** Return to the connections of one host, because S3 asked for fewer requests or a connection stalled. */
  shrink() {
    this.limit = this.#step;
    this.#rest();
  }

  /**
   * @param {number} now
   * @param {number} speed
   * @param {boolean} mayGrow
   */
  #decide(now, speed, mayGrow) {
    const limit = this.limit;
    if (this.#before > 0 && speed < GAIN * this.#before) {
      this.limit -= this.#step;
      this.#rest();
    } else if (limit < this.#most && mayGrow && now >= this.#restUntil) {
      this.#before = speed;
      this.limit += this.#step;
    } else {
      this.#before = 0;
    }
    return this.limit !== limit;
  }

  #rest() {
    this.#before = 0;
    this.#stretch = null;
    this.#restUntil = this.#clock.now() + REST_MS;
  }
}
