import { LEAST_PARTS, Multipart } from "./multipart.js";
import { compare, identify } from "./identity.js";
import { partSizeFor } from "./part-size.js";

/** Sends a file in parts (a multipart upload), or continues an unfinished multipart upload. */
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
   *   digests: import("./digests.js").Digests,
   *   clock: import("./clock.js").Clock,
   *   bytesPerSecond: () => number,
   *   line: {lanes: number, usual?: number},
   * }} parts `line`: facts for choosing the part size
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
   * Get the modification time and the fingerprint of the file. A later resume recognises the file by these two facts.
   *
   * @param {AbortSignal} signal
   */
  async prepare(signal) {
    this.#signal = signal;
    if (this.#identified) return;
    const { file, owner, digests } = this.#parts;
    this.#identity = await identify(file, (blob) => digests.fingerprints.checksum(blob, owner, signal));
    this.#identified = true;
  }

  /**
   * Start the upload. If an upload with this key exists, the server returns it.
   *
   * Throw UploadError `different_file` if the existing upload belongs to another file.
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
   * Compute the checksums of the first parts while the server starts the upload, so that sending can begin sooner.
   *
   * @param {number} partSize the requested size. If the server chooses another size, these checksums are not used.
   */
  #hashAhead(partSize) {
    const { file, owner, digests } = this.#parts;
    const signal = this.#signal;
    if (!this.#fresh || !signal) return;
    const numbers = Array.from({ length: Math.min(LEAST_PARTS, Math.ceil(file.size / partSize)) }, (_, index) => index + 1);
    const hash = (/** @type {number} */ number) => {
      const checksum = digests.chosen.checksum(file.slice((number - 1) * partSize, number * partSize, ""), owner, signal);
      checksum.catch(() => {}); // the caller that awaits the checksum handles the failure
      return checksum;
    };
    this.#ahead = { partSize, signal, checksums: new Map(numbers.map((number) => [number, hash(number)])) };
  }

  /**
   * Send the parts that the bucket lacks. If the upload is new, send all parts, without asking the server which parts
   * are stored.
   *
   * @param {import("./api.js").UploadRecord} record
   * @param {AbortSignal} signal
   */
  async send(record, signal) {
    const { api, digests } = this.#parts;
    const checksums = digests.of(record);
    if (this.#fresh && record.part_size && record.part_count) {
      this.#fresh = false;
      const plan = { part_size: record.part_size, part_count: record.part_count };
      const ahead = this.#ahead;
      const isUsable = ahead?.partSize === record.part_size && ahead.signal === signal && checksums === digests.chosen;
      const multipart = this.#multipart(record.id, plan, checksums, isUsable ? ahead.checksums : undefined);
      return multipart.send(multipart.allParts(), signal);
    }
    const { parts, ...plan } = await api.listParts(record.id, { signal });
    const multipart = this.#multipart(record.id, plan, checksums);
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
   * @param {import("./checksum.js").Checksums} checksums the Checksums with the algorithm of this upload
   * @param {Map<number, Promise<string>>} [ahead] checksums that are already being computed, by part number
   */
  #multipart(id, plan, checksums, ahead) {
    const { api } = this.#parts;
    return new Multipart({
      ...this.#parts,
      plan,
      checksums,
      ahead,
      clock: this.#clock,
      bytesPerSecond: this.#bytesPerSecond,
      lanes: this.#line.lanes,
      presign: (wanted, signal) => {
        const declared = wanted.map(({ part_number, checksum }) => ({ part_number, ...checksums.declared(checksum) }));
        return api.presignParts(id, declared, { signal });
      },
    });
  }
}
