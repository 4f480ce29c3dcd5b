const UNTIL_READY = 0.99;

/**
 * Counts the bytes of one upload: those of finished parts, and those of parts in flight.
 *
 * If a part is sent again, its bytes count only after more of them are sent than in any earlier attempt. So the progress
 * never goes backwards. The progress stays below 100 % until the upload is ready.
 */
export class Progress {
  #byteSize;
  #onMove;
  /** @type {Map<number, number>} bytes of each finished part, by part_number */
  #finished = new Map();
  /** @type {Map<number, number>} maximum bytes that were sent of each part in flight, by part_number */
  #reached = new Map();
  #known = 0;
  #shown = 0;
  #ready = false;

  /**
   * @param {number} byteSize
   * @param {(moved: number) => void} onMove called with the number of bytes since the last call, which may be 0
   */
  constructor(byteSize, onMove) {
    this.#byteSize = byteSize;
    this.#onMove = onMove;
  }

  get bytesSent() {
    if (this.#ready) return this.#byteSize;
    return Math.min(this.#shown, Math.floor(this.#byteSize * UNTIL_READY));
  }

  /**
   * Set the parts that the bucket has, and ignore all parts in flight.
   *
   * @param {Iterable<readonly [number, number]>} parts part_number and size in bytes
   */
  found(parts) {
    this.#finished = new Map(parts);
    this.#reached.clear();
    this.#known = sum(this.#finished);
    this.#shown = Math.max(this.#shown, Math.min(this.#known, this.#byteSize));
    this.#onMove(0);
  }

  /**
   * @param {number} partNumber
   * @param {number} bytes sent in this attempt
   */
  reached(partNumber, bytes) {
    if (this.#finished.has(partNumber)) return;
    const before = this.#reached.get(partNumber) ?? 0;
    if (bytes <= before) return;
    this.#reached.set(partNumber, bytes);
    this.#advance(bytes - before);
  }

  /**
   * @param {number} partNumber
   * @param {number} bytes
   */
  finished(partNumber, bytes) {
    if (this.#finished.has(partNumber)) return;
    const before = this.#reached.get(partNumber) ?? 0;
    this.#reached.delete(partNumber);
    this.#finished.set(partNumber, bytes);
    this.#advance(bytes - before);
  }

  ready() {
    this.#ready = true;
    this.#onMove(0);
  }

  /** @param {number} bytes */
  #advance(bytes) {
    this.#known += bytes;
    const shown = Math.max(this.#shown, Math.min(this.#known, this.#byteSize));
    const moved = shown - this.#shown;
    this.#shown = shown;
    if (moved > 0) this.#onMove(moved);
  }
}

/** @param {Map<number, number>} parts */
function sum(parts) {
  let total = 0;
  for (const bytes of parts.values()) total += bytes;
  return total;
}
