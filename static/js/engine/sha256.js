import { base64 } from "./base64.js";
import { readSlices, readWhole } from "./reading.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { within } from "./time-limit.js";

const MAX_AT_ONCE = 64 * 1024 * 1024; // maximum size for crypto.subtle, which needs the whole file in memory
const NATIVE_MS = 10_000; // timeout for 64 MiB; a slow phone needs one second

/** @type {WeakSet<SubtleCrypto>} implementations that failed or did not respond */
const broken = new WeakSet();

/**
 * Return the SHA-256 of `blob` in base64. This needs at most 64 MiB of memory.
 *
 * Up to 64 MiB, `crypto.subtle` computes the hash, if the browser has it. On http:// pages it exists only on localhost.
 *
 * @param {Blob} blob
 * @param {SubtleCrypto | undefined} [subtle]
 */
export async function sha256Base64(blob, subtle = globalThis.crypto?.subtle) {
  if (subtle && !broken.has(subtle) && blob.size <= MAX_AT_ONCE) {
    const checksum = await natively(await readWhole(blob), subtle);
    if (checksum) return checksum;
  }
  const hash = sha256.create();
  for await (const bytes of readSlices(blob)) hash.update(bytes);
  return base64(hash.digest());
}

/**
 * Read a small file once. Return its checksum and its bytes, so that the engine does not read the file again for sending.
 *
 * @param {import("./digest.js").Readable} blob
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
 * @returns {Promise<string>} the SHA-256, or "" if the browser fails or does not respond
 */
async function natively(bytes, subtle) {
  try {
    return base64(new Uint8Array(await within(NATIVE_MS, () => subtle.digest("SHA-256", bytes))));
  } catch {
    broken.add(subtle);
    return "";
  }
}
