import { FIRST_WINDOW, Multipart } from "./multipart.js";
import { compare, identify } from "./identity.js";
import { partSizeFor } from "./part-size.js";

/** Sends a file in parts, and knows how to continue one that was begun before. */
export class Large {
  #parts;
  #clock;
  #bytesPerSecond;
  #line;
  /** @type {Partial<import("./api.js").Declaration>} */
  #identity = {};
  #identified = false;
  #fresh;
  /** @type {AbortSignal | null} */
  #signal = null;
  /** @type {{partSize: number, signal: AbortSignal | null, checksums: Map<number, Promise<string>>} | null} */
  #ahead = null;

  /**
   * @param {import("./single.js").TransferParts & {
   *   clock: import("./clock.js").Clock,
   *   bytesPerSecond: () => number,
   *   line: {lanes: number, usual?: number},
   * }} parts `line`: what decides about the size of parts
   */
  constructor({ clock, bytesPerSecond, line, ...parts }) {
    this.#parts = parts;
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#line = line;
    this.#fresh = !parts.known;
  }

  get key() {
    return this.#parts.key;
  }

  /**
   * Learn what a later resume recognises the file by.
   *
   * @param {AbortSignal} signal
   */
  async prepare(signal) {
    this.#signal = signal;
    if (this.#identified) return;
    const { file, owner, checksums } = this.#parts;
    this.#identity = await identify(file, (blob) => checksums.checksum(blob, owner, signal));
    this.#identified = true;
  }

  /**
   * Start, or find again what was started under the key: by the same file only.
   *
   * @returns {Promise<import("./api.js").UploadRecord>}
   */
  async start() {
    const { api, declaration, head, key } = this.#parts;
    const part_size = partSizeFor(declaration.byte_size, { bytesPerSecond: this.#bytesPerSecond(), ...this.#line });
    const wanted = { ...declaration, ...this.#identity, ...(await head()), transport: /** @type {const} */ ("multipart"), part_size };
    this.#hashAhead(part_size);
    const record = await api.start(wanted, key);
    compare(record, this.#identity.fingerprint);
    return record;
  }

  /**
   * Begin with the checksums of the first parts while the server starts the upload, so that bytes leave at once.
   *
   * @param {number} partSize as wished: the server may decide on another one, which makes these checksums useless
   */
  #hashAhead(partSize) {
    const { file, owner, checksums } = this.#parts;
    const signal = this.#signal;
    if (!this.#fresh || !signal) return;
    const numbers = Array.from({ length: Math.min(FIRST_WINDOW, Math.ceil(file.size / partSize)) }, (_, index) => index + 1);
    const hash = (/** @type {number} */ number) => {
      const checksum = checksums.checksum(file.slice((number - 1) * partSize, number * partSize, ""), owner, signal);
      checksum.catch(() => {}); // whoever needs it hears of the failure
      return checksum;
    };
    this.#ahead = { partSize, signal, checksums: new Map(numbers.map((number) => [number, hash(number)])) };
  }

  /**
   * Send what the bucket lacks: all of a fresh upload, else what its own list of parts leaves open.
   *
   * @param {import("./api.js").UploadRecord} record
   * @param {AbortSignal} signal
   */
  async send(record, signal) {
    const { api } = this.#parts;
    if (this.#fresh && record.part_size && record.part_count) {
      this.#fresh = false;
      const plan = { part_size: record.part_size, part_count: record.part_count };
      const ahead = this.#ahead;
      const isUsable = ahead?.partSize === record.part_size && ahead.signal === signal;
      const multipart = this.#multipart(record.id, plan, isUsable ? ahead.checksums : undefined);
      return multipart.send(multipart.allParts(), signal);
    }
    const { parts, ...plan } = await api.listParts(record.id, { signal });
    const multipart = this.#multipart(record.id, plan);
    return multipart.send(multipart.missing(parts), signal);
  }

  /**
   * @param {import("./api.js").UploadRecord} record
   * @param {AbortSignal} signal
   */
  complete(record, signal) {
    return this.#parts.api.complete(record.id, { signal });
  }

  /**
   * @param {string} id
   * @param {{part_size: number, part_count: number}} plan
   * @param {Map<number, Promise<string>>} [ahead] checksums of parts that were begun before
   */
  #multipart(id, plan, ahead) {
    const { api } = this.#parts;
    return new Multipart({
      ...this.#parts,
      plan,
      ahead,
      clock: this.#clock,
      bytesPerSecond: this.#bytesPerSecond,
      presign: (wanted, signal) => api.presignParts(id, wanted, { signal }),
    });
  }
}
