import { recognise, sameName } from "../engine/identity.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("./kept-store.js").Kept} Kept
 * @typedef {Pick<Kept, "filename" | "relativePath" | "byteSize" | "lastModified">} Facts
 */

/**
 * Whether a file looks like the one that an unfinished upload was begun with. The content is compared later.
 *
 * @param {UploadRecord} record
 * @param {Facts} facts
 */
export function looksSame(record, { filename, relativePath, byteSize, lastModified }) {
  if (record.byte_size !== byteSize || !sameName(record.filename, filename)) return false;
  // Chosen by itself, a file does not tell of its folder.
  if (relativePath && !samePath(record.relative_path, relativePath)) return false;
  return !record.last_modified || lastModified === null || Date.parse(record.last_modified) === lastModified;
}

/**
 * Whether two paths lead through the same folders: each segment is compared as names are.
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
 * Bring what this browser kept together with what the server has begun.
 *
 * @param {Kept[]} kept
 * @param {UploadRecord[]} records all that are pending
 * @returns {{pairs: Map<string, Kept>, unbegun: Kept[], over: Kept[]}} pairs by the server's id;
 *   `unbegun` the server does not know; `over` has ended meanwhile
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
    // Begun in the last moment: the answer came too late to be noted.
    const record = records.find((candidate) => !pairs.has(candidate.id) && looksSame(candidate, one));
    if (record) pairs.set(record.id, one);
    else unbegun.push(one);
  }
  return { pairs, unbegun, over };
}

/**
 * @param {{record: UploadRecord | null, kept: Kept | null}} entry
 * @param {Blob} file
 * @returns {Promise<string>} a sentence why this file cannot continue the upload, or ""
 */
export async function whyNot({ record, kept }, file) {
  const identity = record ?? (kept && { filename: kept.filename, byte_size: kept.byteSize });
  if (!identity) return "";
  const filename = file instanceof File ? file.name : identity.filename;
  const fingerprint = record?.fingerprint ?? "";
  try {
    // The content is compared when the upload goes on.
    await recognise(identity, file, filename, async () => fingerprint);
    return "";
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}
