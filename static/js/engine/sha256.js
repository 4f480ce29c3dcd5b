import { sha256 } from "@noble/hashes/sha2.js";
import { within } from "./time-limit.js";

const MAX_AT_ONCE = 64 * 1024 * 1024; // crypto.subtle needs the whole buffer; above, stream
const READ_SIZE = 4 * 1024 * 1024;
const NATIVE_MS = 10_000; // for 64 MiB, which take a slow phone one second

/** @type {WeakSet<SubtleCrypto>} that failed or gave no answer */
const broken = new WeakSet();

/**
 * Return base64 of the raw SHA-256 of `blob`, in memory of at most 64 MiB.
 *
 * Native where the browser can; `crypto.subtle` is missing on plain http to another host.
 *
 * @param {Blob} blob
 * @param {SubtleCrypto | undefined} [subtle]
 */
export async function sha256Base64(blob, subtle = globalThis.crypto?.subtle) {
  if (subtle && !broken.has(subtle) && blob.size <= MAX_AT_ONCE) {
    const checksum = await natively(await blob.arrayBuffer(), subtle);
    if (checksum) return checksum;
  }
  const hash = sha256.create();
  for (let start = 0; start < blob.size; start += READ_SIZE) {
    hash.update(new Uint8Array(await blob.slice(start, start + READ_SIZE).arrayBuffer()));
  }
  return base64(hash.digest());
}

/**
 * Read a small file once: return its checksum, and its bytes to be sent.
 *
 * @param {Blob} blob
 * @param {SubtleCrypto | undefined} [subtle]
 * @returns {Promise<{checksum: string, bytes: ArrayBuffer}>}
 */
export async function readSmall(blob, subtle = globalThis.crypto?.subtle) {
  const bytes = await blob.arrayBuffer();
  const checksum = subtle && !broken.has(subtle) ? await natively(bytes, subtle) : "";
  return { checksum: checksum || base64(sha256(new Uint8Array(bytes))), bytes };
}

/**
 * @param {ArrayBuffer} bytes
 * @param {SubtleCrypto} subtle
 * @returns {Promise<string>} "" where the browser fails or does not answer
 */
async function natively(bytes, subtle) {
  try {
    return base64(new Uint8Array(await within(NATIVE_MS, () => subtle.digest("SHA-256", bytes))));
  } catch {
    broken.add(subtle);
    return "";
  }
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
