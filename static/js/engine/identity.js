import { UploadError } from "./errors.js";
import { cleanFilename } from "./filename.js";

const FINGERPRINT_SIZE = 16 * 1024 * 1024;

/**
 * @typedef {{filename: string, byte_size: number, last_modified?: string | null, fingerprint?: string | null}} Identity
 * @typedef {(blob: Blob) => Promise<string>} Fingerprinter
 */

/**
 * Return the facts that identify a file after a reload: its modification time and a checksum of its first 16 MiB.
 *
 * @param {File | Blob} file
 * @param {Fingerprinter} fingerprint returns the SHA-256 of a blob
 */
export async function identify(file, fingerprint) {
  return {
    last_modified: modifiedAt(file),
    fingerprint: await fingerprint(file.slice(0, FINGERPRINT_SIZE, "")),
  };
}

/**
 * Throw UploadError `different_file` if the name, size, time or fingerprint of `file` differs from `identity`.
 *
 * A fact that `identity` lacks is not compared.
 *
 * @param {Identity} identity facts that the server stored when the upload started
 * @param {File | Blob} file
 * @param {string} filename
 * @param {Fingerprinter} fingerprint
 */
export async function recognise(identity, file, filename, fingerprint) {
  if (!sameName(identity.filename, filename)) throw different(identity, `its name is ${filename}`);
  if (identity.byte_size !== file.size) throw different(identity, "its size is different");
  const modified = modifiedAt(file);
  if (identity.last_modified && modified && Date.parse(identity.last_modified) !== Date.parse(modified)) {
    throw different(identity, "it was changed after the upload started");
  }
  if (identity.fingerprint) compare(identity, await fingerprint(file.slice(0, FINGERPRINT_SIZE, "")));
}

/**
 * Throw UploadError `different_file` if the fingerprint of the file differs from the stored fingerprint.
 *
 * @param {Identity} identity
 * @param {string | undefined} found the fingerprint of the file
 */
export function compare(identity, found) {
  if (identity.fingerprint && identity.fingerprint !== found) throw different(identity, "its content is different");
}

/**
 * Check whether the server would store two files under the same name.
 *
 * @param {string} one
 * @param {string} other
 */
export function sameName(one, other) {
  return cleanFilename(one).filename === cleanFilename(other).filename;
}

/** @param {File | Blob} file */
function modifiedAt(file) {
  if (!("lastModified" in file)) return undefined;
  const modified = new Date(file.lastModified);
  // The server refuses years outside of this range, which come from a wrong clock. So ignore such a time.
  const year = modified.getUTCFullYear();
  return year >= 1900 && year <= 9000 ? modified.toISOString() : undefined;
}

/**
 * @param {Identity} identity
 * @param {string} fact
 */
function different({ filename }, fact) {
  return new UploadError(
    "different_file",
    `This file is not the original ${filename}, because ${fact}. Choose the original ${filename}, or upload this file as a new one.`,
  );
}
