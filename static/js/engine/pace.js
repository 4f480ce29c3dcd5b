import { SpeedMeter } from "./speed.js";

const SMALL_BYTES = 1024 * 1024; // lands soon on any line
const SOON_MS = 12_000; // long enough for a comparison, short beside the minute of a part on a slow line
const SPEED_MS = 4_000; // how far back the present speed looks
const SETTLING_MS = 1_000; // what goes in a body's first moment only fills the machine's own buffers
const COMPARED_MS = 4_000; // no comparison from less, the settling included
const MEMORY_MS = 60_000; // of all bodies added up: what was long ago counts less
const IDLE_MS = 10_000; // after that the line may be another

/**
 * @typedef {{size: number, sent: number, began: number, from: number | null, at: number}} Flight
 *   a large body on its way, in bytes; `from`: when it began to be measured; `at`: when it last moved
 * @typedef {{count: number, since: number, bytes: number, ms: number, told: boolean}} Stretch
 *   a time with `count` bodies on their way; `bytes` in `ms` of their settled time, all times added up
 */

/**
 * Says when one more large body may set out, so that bytes are safe early and a fast line is full at once.
 *
 * Bytes are safe when their body has landed. Bodies that share a slow line all land late, so there they go
 * nearly one after another: the next one sets out when those on their way are due within SOON_MS at the
 * present speed. On a fast line that is always so: all lanes fill as soon as a speed is known.
 *
 * Where each connection has a limit of its own (a long way, some loss) more lanes are faster, and nothing but
 * a trial tells. So a body's speed is compared before and after a change of their number. Bodies beyond
 * `#lanes` go only if that is soon; when the gain is half or more of what their number promises, they may
 * stay and one more may try, else not. After two rounds without a comparison one lane rests, to make one.
 *
 * No body is ever stopped, and with nothing on its way a body may always go: a speed of 0 holds up nobody.
 */
export class Pace {
  #clock;
  #max;
  #meter;
  /** @type {Set<Flight>} */
  #flights = new Set();
  #lanes = 1;
  #least = 0; // bytes a second of the fastest landing, for as long as no speed is known
  #landings = 0; // since the last comparison
  #movedAt = -Infinity;
  /** @type {Stretch | null} */
  #stretch = null;
  /** The last one before it that was long enough. @type {Stretch | null} */
  #before = null;

  /** @param {{clock: import("./clock.js").Clock, max: number}} parts */
  constructor({ clock, max }) {
    this.#clock = clock;
    this.#max = max;
    this.#meter = new SpeedMeter({ clock, windowMs: SPEED_MS });
  }

  /** @param {number} size in bytes */
  static isLarge(size) {
    return size > SMALL_BYTES;
  }

  /** Whether one more large body may set out. */
  get hasRoom() {
    if (this.#flights.size < this.#lanes) return true;
    let left = 0;
    for (const flight of this.#flights) left += flight.size - flight.sent;
    return left * 1000 <= (this.#meter.bytesPerSecond || this.#least) * SOON_MS;
  }

  /**
   * @param {number} size
   * @returns {Flight}
   */
  begin(size) {
    const now = this.#clock.now();
    if (this.#flights.size === 0) this.#wake(now);
    const flight = { size, sent: 0, began: now, from: null, at: now };
    if (Pace.isLarge(size)) this.#flights.add(flight);
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
    this.#meter.moved(bytes);
    const stretch = this.#present(now);
    flight.from ??= now + SETTLING_MS;
    if (flight.at >= Math.max(flight.from, stretch.since)) {
      const weight = stretch.ms > MEMORY_MS ? 0.5 : 1;
      stretch.bytes = stretch.bytes * weight + bytes;
      stretch.ms = stretch.ms * weight + now - flight.at;
    }
    flight.sent = sent;
    flight.at = now;
    if (stretch.told || now - stretch.since < COMPARED_MS || stretch.ms === 0) return;
    stretch.told = true;
    if (this.#before) this.#compare(this.#before, stretch);
  }

  /** @param {Flight} flight that S3 has now */
  landed(flight) {
    if (!this.#flights.has(flight)) return;
    const took = Math.max(1, this.#clock.now() - flight.began);
    this.#least = Math.max(this.#least, (flight.size * 1000) / took);
    this.#landings += 1;
    if (this.#landings < 2 * this.#lanes || this.#lanes === 1) return;
    this.#lanes -= 1;
    this.#landings = 0;
  }

  /** @param {Flight} flight that has landed, or failed */
  end(flight) {
    this.#flights.delete(flight);
  }

  /** @param {number} now when something moves: after a rest, what was known of the line is forgotten */
  #wake(now) {
    const isIdle = now - this.#movedAt > IDLE_MS;
    this.#movedAt = now;
    if (!isIdle) return;
    this.#lanes = 1;
    this.#least = 0;
    this.#landings = 0;
    this.#stretch = this.#before = null;
    this.#meter.begin();
  }

  /** @param {number} now */
  #present(now) {
    const count = this.#flights.size;
    if (this.#stretch?.count === count) return this.#stretch;
    if (this.#stretch?.told) this.#before = this.#stretch;
    return (this.#stretch = { count, since: now, bytes: 0, ms: 0, told: false });
  }

  /**
   * @param {Stretch} before
   * @param {Stretch} after
   */
  #compare(before, after) {
    if (before.count === after.count) return;
    const [few, many] = before.count < after.count ? [before, after] : [after, before];
    // Shared, each body of `many` has few / many of the speed that it has else; limited, the same speed.
    const share = many.bytes / many.ms / (few.bytes / few.ms);
    const isFaster = share >= (few.count + many.count) / (2 * many.count);
    this.#lanes = isFaster ? Math.min(this.#max, many.count + 1) : few.count;
    this.#landings = 0;
  }
}
