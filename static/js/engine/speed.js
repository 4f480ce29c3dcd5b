const WINDOW_MS = 12_000;
const GRAIN_MS = 200;
const SETTLING_MS = 1_000; // ignore the first second, in which bytes only fill the machine's own buffers
const TRUST_MS = 1_000; // minimum time for measuring a speed
const STALL_MS = 10_000;

// The meter estimates the remaining time only after this time has passed and this share of the bytes is sent. Earlier
// estimates would often be wrong.
const EVIDENCE_MS = 4_000;
const EVIDENCE_SHARE = 0.01;
const EVIDENCE_BYTES = 1_000_000; // this number of bytes is always enough, because sending 1 % of a large file can take hours
const SMOOTHING_MS = 8_000;

/** Measures the speed of the last 12 seconds. Detects a stall, which means that no byte was sent for 10 seconds. */
export class SpeedMeter {
  #clock;
  #windowMs;
  /** @type {{at: number, bytes: number}[]} oldest first */
  #samples = [];
  #since = 0;
  /** The end of the first second after the first byte, or null before the first byte. @type {number | null} */
  #settled = null;
  #bytes = 0; // bytes sent after the time #settled
  /** @type {{at: number, speed: number} | null} smoothed speed, from which the remaining time is computed */
  #steady = null;

  /** @param {{clock: import("./clock.js").Clock, windowMs?: number}} parts */
  constructor({ clock, windowMs = WINDOW_MS }) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.begin();
  }

  /** Start a new measurement. Call this after a pause, so that the pause does not count as a stall. */
  begin() {
    this.#samples = [];
    this.#since = this.#clock.now();
    this.#settled = null;
    this.#bytes = 0;
    this.#steady = null;
  }

  /** @param {number} bytes */
  moved(bytes) {
    // After a stall, measure anew, so that the time of the stall does not lower the speed.
    if (this.stalled) this.begin();
    const at = this.#clock.now();
    this.#settled ??= at + SETTLING_MS;
    if (at > this.#settled) this.#bytes += bytes;
    const last = this.#samples.at(-1);
    if (last && at - last.at < GRAIN_MS) last.bytes += bytes;
    else this.#samples.push({ at, bytes });
  }

  get bytesPerSecond() {
    const now = this.#clock.now();
    if (this.#settled === null) return 0;
    const from = Math.max(this.#settled, now - this.#windowMs);
    // Do not delete the newest sample, because `stalled` needs its time.
    while (this.#samples.length > 1 && this.#samples[0].at < from) this.#samples.shift();
    if (now - from < TRUST_MS) return 0;
    const bytes = this.#samples.reduce((total, sample) => total + (sample.at > from ? sample.bytes : 0), 0);
    return (bytes * 1000) / (now - from);
  }

  get stalled() {
    const last = this.#samples.at(-1)?.at ?? this.#since;
    return this.#clock.now() - last > STALL_MS;
  }

  /**
   * @param {number} bytes
   * @returns {number | null} seconds for sending `bytes`, or null while the speed is unknown
   */
  secondsFor(bytes) {
    if (bytes === 0) return 0;
    const speed = this.#steadySpeed(bytes);
    return speed < 1 || this.stalled ? null : bytes / speed;
  }

  /**
   * @param {number} bytes bytes left to send
   * @returns {number} smoothed bytes per second, or 0 if too little was measured
   */
  #steadySpeed(bytes) {
    const at = this.#clock.now();
    const speed = this.bytesPerSecond;
    if (!this.#steady) {
      const enough = Math.min(EVIDENCE_BYTES, EVIDENCE_SHARE * (bytes + this.#bytes));
      if (this.#settled === null || at - this.#settled < EVIDENCE_MS || this.#bytes < enough) return 0;
      this.#steady = { at, speed };
    }
    const weight = 1 - Math.exp(-(at - this.#steady.at) / SMOOTHING_MS);
    this.#steady = { at, speed: this.#steady.speed + weight * (speed - this.#steady.speed) };
    return this.#steady.speed;
  }
}
