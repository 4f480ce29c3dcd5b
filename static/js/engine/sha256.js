import { sha256 } from "@noble/hashes/sha2.js";

const MAX_AT_ONCE = 64 * 1024 * 1024; // crypto.subtle needs the whole buffer; above, stream
const READ_SIZE = 4 * 1024 * 1024;

/**
 * Return base64 of the raw SHA-256 of `blob`, in memory of at most 64 MiB.
 *
 * Native where it can be; `crypto.subtle` is missing on plain http to another host.
 *
 * @param {Blob} blob
 * @param {SubtleCrypto | undefined} [subtle]
 */
export async function sha256Base64(blob, subtle = globalThis.crypto?.subtle) {
  if (subtle && blob.size <= MAX_AT_ONCE) {
    return base64(new Uint8Array(await subtle.digest("SHA-256", await blob.arrayBuffer())));
  }
  const hash = sha256.create();
  for (let start = 0; start < blob.size; start += READ_SIZE) {
    hash.update(new Uint8Array(await blob.slice(start, start + READ_SIZE).arrayBuffer()));
  }
  return base64(hash.digest());
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
