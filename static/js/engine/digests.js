import { CRC64NVME, SHA256, digestNamed } from "./digest.js";
import { Checksums } from "./checksum.js";

const FINGERPRINT_WORKERS = 2; // workers for SHA-256 on a site with CRC64NVME, where only fingerprints need SHA-256

/**
 * Creates one `Checksums` object for each algorithm. New uploads use the algorithm that the site has chosen. An upload
 * that started with another algorithm continues with that algorithm.
 */
export class Digests {
  #parts;
  #chosen;
  /** @type {Map<string, Checksums>} */
  #checksums = new Map();

  /**
   * @param {{
   *   name?: string,
   *   createWorker?: (name?: string) => import("./hasher.js").HashWorker,
   *   clock: import("./clock.js").Clock,
   *   checksums?: Checksums,
   * }} parts `name`: the algorithm of the site; `checksums`: a replacement for tests
   */
  constructor({ name, checksums, ...parts }) {
    this.#parts = parts;
    this.#chosen = digestNamed(name);
    if (checksums) this.#checksums.set(this.#chosen.name, checksums);
  }

  /** The Checksums of new uploads. */
  get chosen() {
    return this.#of(this.#chosen);
  }

  /** The Checksums for fingerprints, which are always SHA-256. The engine recognises a file by its fingerprint. */
  get fingerprints() {
    return this.#of(SHA256);
  }

  /**
   * Return the Checksums with the algorithm of an upload.
   *
   * @param {{checksum_algorithm?: string}} record
   */
  of({ checksum_algorithm: name }) {
    return name ? this.#of(digestNamed(name)) : this.chosen;
  }

  /** @param {import("./digest.js").Digest} digest */
  #of(digest) {
    let found = this.#checksums.get(digest.name);
    if (!found) {
      const size = digest === SHA256 && this.#chosen === CRC64NVME ? FINGERPRINT_WORKERS : undefined;
      found = new Checksums({ ...this.#parts, digest, size });
      this.#checksums.set(digest.name, found);
    }
    return found;
  }
}
