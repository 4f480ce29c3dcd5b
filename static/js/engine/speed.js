const WINDOW_MS = 12_000;
const GRAIN_MS = 200;
const TRUST_MS = 1_000; // no figure from less
const STALL_MS = 10_000;

/** Measures bytes a second over the last seconds, and says honestly when nothing moves. */
export class SpeedMeter {
  #clock;
  /** @type {{at: number, bytes: number}[]} oldest first */
  #samples = [];
  #since = 0;

  /** @param {{clock: import("./clock.js").Clock}} parts */
  constructor({ clock }) {
    this.#clock = clock;
    this.begin();
  }

  /** Measure from now on: what stood still on purpose is no stall. */
  begin() {
    this.#samples = [];
    this.#since = this.#clock.now();
  }

  /** @param {number} bytes */
  moved(bytes) {
    const at = this.#clock.now();
    const last = this.#samples.at(-1);
    if (last && at - last.at < GRAIN_MS) last.bytes += bytes;
    else this.#samples.push({ at, bytes });
  }

  get bytesPerSecond() {
    const now = this.#clock.now();
    const from = Math.max(this.#since, now - WINDOW_MS);
    while (this.#samples.length > 0 && this.#samples[0].at < now - WINDOW_MS) this.#samples.shift();
    if (now - from < TRUST_MS) return 0;
    const bytes = this.#samples.reduce((total, sample) => total + sample.bytes, 0);
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
    const speed = this.bytesPerSecond;
    if (bytes === 0) return 0;
    return speed < 1 || this.stalled ? null : bytes / speed;
  }
}
