import { recognise, sameName } from "../engine/identity.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("./kept-store.js").Kept} Kept
 * @typedef {Pick<Kept, "filename" | "relativePath" | "byteSize" | "lastModified">} Facts
 * @typedef {Pick<UploadRecord, "filename" | "relative_path" | "byte_size" | "last_modified">} Identity
 */

const names = new Intl.Collator(undefined, { numeric: true });

/**
 * Compare two kept files by the time at which they were chosen, then by name.
 *
 * @param {Kept} one
 * @param {Kept} other
 */
export function inOrder(one, other) {
  return one.keptAt - other.keptAt || names.compare(one.filename, other.filename);
}

/**
 * Return the facts of an unfinished upload for `looksSame`. If its upload has not started, these are the facts of the
 * kept file.
 *
 * @param {{record: UploadRecord | null, kept: Kept | null}} entry
 * @returns {Identity | null}
 */
export function identityOf({ record, kept }) {
  if (record || !kept) return record;
  const { filename, relativePath, byteSize, lastModified } = kept;
  const last_modified = lastModified === null ? null : new Date(lastModified).toISOString();
  return { filename, relative_path: relativePath, byte_size: byteSize, last_modified };
}

/**
 * Check whether a file has the name, size and time of an unfinished upload. The engine compares the content later.
 *
 * @param {Identity} record
 * @param {Facts} facts
 */
export function looksSame(record, { filename, relativePath, byteSize, lastModified }) {
  if (record.byte_size !== byteSize || !sameName(record.filename, filename)) return false;
  // A file that was chosen without its folder has no path. In this case, do not compare the paths.
  if (relativePath && !samePath(record.relative_path, relativePath)) return false;
  return !record.last_modified || lastModified === null || Date.parse(record.last_modified) === lastModified;
}

/**
 * Check whether two paths are the same. Compare each segment like a file name.
 *
 * @param {string} one
 * @param {string} other
 */
function samePath(one, other) {
  const [ours, theirs] = [segments(one), segments(other)];
  return ours.length === theirs.length && ours.every((segment, index) => sameName(segment, theirs[index]));
}

/** @param {string} path */
function segments(path) {
  return path.split("/").filter((segment) => !["", ".", ".."].includes(segment.trim()));
}

/**
 * Find for each kept file the pending upload that it belongs to.
 *
 * @param {Kept[]} kept
 * @param {UploadRecord[]} records all pending uploads
 * @returns {{pairs: Map<string, Kept>, unbegun: Kept[], over: Kept[]}} `pairs`: kept files by upload id;
 *   `unbegun`: files whose upload has not started; `over`: files whose upload has ended
 */
export function pair(kept, records) {
  const ids = new Set(records.map(({ id }) => id));
  /** @type {Map<string, Kept>} */
  const pairs = new Map();
  /** @type {Kept[]} */
  const unbegun = [];
  /** @type {Kept[]} */
  const over = [];
  for (const one of kept) {
    if (one.uploadId && ids.has(one.uploadId)) pairs.set(one.uploadId, one);
    else if (one.uploadId) over.push(one);
  }
  for (const one of kept.filter(({ uploadId }) => !uploadId)) {
    // The server may have started the upload, although the tab was closed before it received the upload's id. So look
    // for an upload with the same name, size and time.
    const record = records.find((candidate) => !pairs.has(candidate.id) && looksSame(candidate, one));
    if (record) pairs.set(record.id, one);
    else unbegun.push(one);
  }
  return { pairs, unbegun, over };
}

/**
 * @param {{record: UploadRecord | null, kept: Kept | null}} entry
 * @param {Blob} file
 * @returns {Promise<string>} the reason why the upload cannot be continued with this file, or ""
 */
export async function whyNot({ record, kept }, file) {
  const identity = record ?? (kept && { filename: kept.filename, byte_size: kept.byteSize });
  if (!identity) return "";
  const filename = file instanceof File ? file.name : identity.filename;
  const fingerprint = record?.fingerprint ?? "";
  try {
    // Do not hash the file here. The engine compares the content when the upload continues.
    await recognise(identity, file, filename, async () => fingerprint);
    return "";
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}
