const WINDOW_MS = 12_000;
const GRAIN_MS = 200;
const SETTLING_MS = 1_000; // what goes in the first moment only fills the machine's own buffers
const TRUST_MS = 1_000; // no speed from less
const STALL_MS = 10_000;

// No time from less than this: a wild guess, shown once, is what people remember.
const EVIDENCE_MS = 4_000;
const EVIDENCE_SHARE = 0.01;
const EVIDENCE_BYTES = 1_000_000; // one hundredth of a film can be hours
const SMOOTHING_MS = 8_000;

/** Measures bytes a second over the last seconds, and says honestly when nothing moves. */
export class SpeedMeter {
  #clock;
  #windowMs;
  /** @type {{at: number, bytes: number}[]} oldest first */
  #samples = [];
  #since = 0;
  /** When the first byte moved and its rush was over; null before. @type {number | null} */
  #settled = null;
  #bytes = 0; // since then
  /** @type {{at: number, speed: number} | null} what times are told by: follows the speed slowly */
  #steady = null;

  /** @param {{clock: import("./clock.js").Clock, windowMs?: number}} parts */
  constructor({ clock, windowMs = WINDOW_MS }) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.begin();
  }

  /** Measure from now on: what stood still on purpose is no stall. */
  begin() {
    this.#samples = [];
    this.#since = this.#clock.now();
    this.#settled = null;
    this.#bytes = 0;
    this.#steady = null;
  }

  /** @param {number} bytes */
  moved(bytes) {
    // After a stall the seconds without a byte tell nothing of what follows.
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
    // The newest stays: it tells of a stall.
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
   * @returns {number | null} null while nobody can know
   */
  secondsFor(bytes) {
    if (bytes === 0) return 0;
    const speed = this.#steadySpeed(bytes);
    return speed < 1 || this.stalled ? null : bytes / speed;
  }

  /**
   * @param {number} bytes that are left
   * @returns {number} bytes a second; 0 without enough evidence
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
