import { Multipart } from "./multipart.js";
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
    const record = await api.start(wanted, key);
    compare(record, this.#identity.fingerprint);
    return record;
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
      const multipart = this.#multipart(record.id, plan);
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
   */
  #multipart(id, plan) {
    const { api } = this.#parts;
    return new Multipart({
      ...this.#parts,
      plan,
      clock: this.#clock,
      bytesPerSecond: this.#bytesPerSecond,
      presign: (wanted, signal) => api.presignParts(id, wanted, { signal }),
    });
  }
}
