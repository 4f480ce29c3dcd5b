import { CRC64NVME, SHA256, digestNamed } from "./digest.js";
import { Checksums } from "./checksum.js";

const FINGERPRINT_WORKERS = 2; // while the site's checksums have another algorithm, SHA-256 is rarely needed

/** Holds the checksums of each algorithm. The site chooses one; uploads that began with another one keep theirs. */
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
   * }} parts `name`: the algorithm of the site; tests replace `checksums`
   */
  constructor({ name, checksums, ...parts }) {
    this.#parts = parts;
    this.#chosen = digestNamed(name);
    if (checksums) this.#checksums.set(this.#chosen.name, checksums);
  }

  /** The checksums of new uploads. */
  get chosen() {
    return this.#of(this.#chosen);
  }

  /** SHA-256, by which a file is recognised after a reload. */
  get fingerprints() {
    return this.#of(SHA256);
  }

  /**
   * Return the checksums of an upload.
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
