import { formatBytes, formatBytesOf } from "./format.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("./kept-store.js").Kept} Kept
 * @typedef {{record: UploadRecord | null, kept: Kept | null, isElsewhere: boolean}} Entry
 *   `record`: the upload on the server; `kept`: its file, stored in this browser. Only one of them can be null.
 *   `isElsewhere`: whether another tab is sending the upload
 */

/** The facts about one unfinished upload. */
export class UnfinishedUpload {
  /** @type {number | null} number of bytes in the bucket; null while unknown */
  #safe = null;

  /** @param {Entry} entry */
  constructor(entry) {
    this.entry = entry;
  }

  /** The id of the upload, or the id of the kept file if its upload has not started. */
  get key() {
    return this.entry.record?.id ?? this.entry.kept?.id ?? "";
  }

  get name() {
    return factsOf(this.entry).filename;
  }

  /** Whether the bucket is known to have parts of the file. */
  get hasParts() {
    return (this.#safe ?? 0) > 0;
  }

  /** Whether the bucket has parts of the file, or the page does not know yet. */
  get mayHaveParts() {
    return this.entry.record?.transport === "multipart" && this.#safe !== 0;
  }

  /** The size of the file and the progress of its upload, in words. */
  get text() {
    if (this.#safe === null) return firstWords(this.entry);
    const { byteSize } = factsOf(this.entry);
    return this.#safe < byteSize ? `${formatBytesOf(this.#safe, byteSize)} uploaded` : `All ${formatBytes(byteSize)} uploaded`;
  }

  /** @param {number} bytes number of bytes in the bucket */
  showSafe(bytes) {
    this.#safe = bytes;
  }
}

/** @param {Entry} entry */
export function factsOf({ record, kept }) {
  return {
    filename: record?.filename ?? kept?.filename ?? "",
    contentType: record?.content_type ?? kept?.contentType ?? "",
    byteSize: record?.byte_size ?? kept?.byteSize ?? 0,
  };
}

/** @param {Entry} entry */
function firstWords(entry) {
  const size = formatBytes(factsOf(entry).byteSize);
  if (entry.isElsewhere) return `${size}, in progress`;
  return entry.record ? `${size}, waiting` : `${size}, not started`;
}
