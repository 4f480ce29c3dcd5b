import { recognise, sameName } from "../engine/identity.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("./kept-store.js").Kept} Kept
 * @typedef {Pick<Kept, "filename" | "relativePath" | "byteSize" | "lastModified">} Facts
 */

/**
 * Whether a file may be the file of an unfinished upload, by name, size and time. The content is compared later.
 *
 * @param {UploadRecord} record
 * @param {Facts} facts
 */
export function looksSame(record, { filename, relativePath, byteSize, lastModified }) {
  if (record.byte_size !== byteSize || !sameName(record.filename, filename)) return false;
  // A file that was chosen alone has no folder path.
  if (relativePath && !samePath(record.relative_path, relativePath)) return false;
  return !record.last_modified || lastModified === null || Date.parse(record.last_modified) === lastModified;
}

/**
 * Whether two paths are the same. Each segment is compared as a filename.
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
 * Match the files that this browser has kept with the pending uploads of the server.
 *
 * @param {Kept[]} kept
 * @param {UploadRecord[]} records all pending uploads
 * @returns {{pairs: Map<string, Kept>, unbegun: Kept[], over: Kept[]}} `pairs`: by the server's id;
 *   `unbegun`: the server does not know them; `over`: their uploads have ended meanwhile
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
    // The upload may have started, but the answer came too late to be noted.
    const record = records.find((candidate) => !pairs.has(candidate.id) && looksSame(candidate, one));
    if (record) pairs.set(record.id, one);
    else unbegun.push(one);
  }
  return { pairs, unbegun, over };
}

/**
 * @param {{record: UploadRecord | null, kept: Kept | null}} entry
 * @param {Blob} file
 * @returns {Promise<string>} a sentence that says why this file cannot continue the upload, or ""
 */
export async function whyNot({ record, kept }, file) {
  const identity = record ?? (kept && { filename: kept.filename, byte_size: kept.byteSize });
  if (!identity) return "";
  const filename = file instanceof File ? file.name : identity.filename;
  const fingerprint = record?.fingerprint ?? "";
  try {
    // The content is compared when the upload continues.
    await recognise(identity, file, filename, async () => fingerprint);
    return "";
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}
