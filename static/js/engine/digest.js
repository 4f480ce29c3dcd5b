import { Crc64Nvme } from "./crc64nvme.js";
import { base64 } from "./base64.js";
import { readSlices } from "./reading.js";
import { readSmall, sha256Base64 } from "./sha256.js";

/**
 * A checksum algorithm. All other modules use only this interface.
 *
 * @typedef {{
 *   name: "sha256" | "crc64nvme",
 *   field: "checksum_sha256" | "checksum_crc64nvme",
 *   checksum: (blob: Blob) => Promise<string>,
 *   readSmall: (blob: Readable) => Promise<{checksum: string, bytes: ArrayBuffer}>,
 * }} Digest `field`: the name of the field in the API. `checksum` returns base64. `readSmall` also returns the bytes,
 *   so that a small file is read only once.
 *
 * @typedef {Pick<Blob, "arrayBuffer">} Readable
 * @typedef {{update: (bytes: Uint8Array) => unknown, digest: () => Uint8Array}} Hash
 */

/** @type {Digest} */
export const SHA256 = { name: "sha256", field: "checksum_sha256", checksum: (blob) => sha256Base64(blob), readSmall: (blob) => readSmall(blob) };

export const CRC64NVME = crc64nvme(async () => new Crc64Nvme());

/**
 * Return the digest with this name, or SHA-256 for any other name.
 *
 * @param {string | undefined} name
 */
export function digestNamed(name) {
  return name === CRC64NVME.name ? CRC64NVME : SHA256;
}

/**
 * Return the digest CRC64NVME.
 *
 * @param {() => Promise<Hash>} create returns a new hash object, in WebAssembly or in JavaScript
 * @returns {Digest}
 */
export function crc64nvme(create) {
  return {
    name: "crc64nvme",
    field: "checksum_crc64nvme",
    async checksum(blob) {
      const hash = await create();
      for await (const bytes of readSlices(blob)) hash.update(bytes);
      return base64(hash.digest());
    },
    async readSmall(blob) {
      const bytes = await blob.arrayBuffer();
      const hash = await create();
      hash.update(new Uint8Array(bytes));
      return { checksum: base64(hash.digest()), bytes };
    },
  };
}
