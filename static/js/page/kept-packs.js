/**
 * Stores many small files in one record. The browser writes and later deletes one file on the disk for each record with
 * a blob. That takes as long as sending a small file.
 *
 * @typedef {import("./kept-store.js").KeptSource} KeptSource
 * @typedef {Omit<KeptSource, "source"> & {type: string, start: number}} Packed a file in a pack; `start`: offset in the pack, in bytes
 * @typedef {{id: string, packed: Packed[], source: Blob}} Pack
 */

const SMALL_BYTES = 64 * 1024;
const LEAST = 20; // with fewer small files, each one gets its own record

/** @param {KeptSource} kept */
const isSmall = ({ source }) => source instanceof Blob && source.size <= SMALL_BYTES;

/**
 * Return the records to write for these files. If there are at least 20 small files, all small files share one record.
 *
 * @param {KeptSource[]} sources
 * @returns {(KeptSource | Pack)[]}
 */
export function pack(sources) {
  const small = sources.filter(isSmall);
  if (small.length < LEAST) return sources;
  let start = 0;
  const packed = small.map(({ source, ...about }) => {
    const { size, type } = /** @type {Blob} */ (source);
    start += size;
    return { ...about, type, start: start - size };
  });
  const source = new Blob(small.map((kept) => /** @type {Blob} */ (kept.source)));
  return [{ id: `pack-${small[0].id}`, packed, source }, ...sources.filter((kept) => !isSmall(kept))];
}

/**
 * @param {KeptSource | Pack} record
 * @returns {KeptSource[]} the files in a record
 */
export function unpack(record) {
  if (!("packed" in record)) return [record];
  return record.packed.map(({ start, type, ...about }) => {
    const bytes = record.source.slice(start, start + about.byteSize);
    const lastModified = about.lastModified ?? undefined;
    return { ...about, source: new File([bytes], about.filename, { type, lastModified }) };
  });
}

/** Remembers which files of each pack are still needed. A pack is deleted after the last of them. */
export class Packs {
  /** @type {Map<string, {id: string, left: Set<string>}>} the pack of each file, by file id; `left`: files still needed */
  #packOf = new Map();

  /**
   * Remember the files of a record, if it is a pack.
   *
   * @param {KeptSource | Pack} record
   * @param {(id: string) => boolean} [isNeeded] returns whether the file with this id is still needed
   */
  note(record, isNeeded = () => true) {
    if (!("packed" in record)) return;
    const left = new Set(record.packed.map(({ id }) => id).filter(isNeeded));
    for (const id of left) this.#packOf.set(id, { id: record.id, left });
  }

  /**
   * Note that a file is no longer needed.
   *
   * @param {string} id the id of the file
   * @returns {string | null} the id of the record to delete, or null if other files of its pack are still needed
   */
  leave(id) {
    const pack = this.#packOf.get(id);
    if (!pack) return id;
    pack.left.delete(id);
    if (pack.left.size > 0) return null;
    return pack.id;
  }
}
