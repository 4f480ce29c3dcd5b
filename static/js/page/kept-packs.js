/**
 * Keeps many small files in one record. For each record, a browser writes a file to the disk and deletes it again,
 * which takes as long as sending a small file.
 *
 * @typedef {import("./kept-store.js").KeptSource} KeptSource
 * @typedef {Omit<KeptSource, "source"> & {type: string, start: number}} Packed a file in a pack; `start`: its offset in bytes
 * @typedef {{id: string, packed: Packed[], source: Blob}} Pack
 */

const SMALL_BYTES = 64 * 1024;
const LEAST = 20; // files; fewer are stored one by one

/** @param {KeptSource} kept */
const isSmall = ({ source }) => source instanceof Blob && source.size <= SMALL_BYTES;

/**
 * Return the records for these files. If there are many small files, they share one record.
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

/** Knows which packs hold files that are still needed. */
export class Packs {
  /** @type {Map<string, {id: string, left: Set<string>}>} by the id of a file */
  #packOf = new Map();

  /**
   * @param {KeptSource | Pack} record
   * @param {(id: string) => boolean} [isNeeded]
   */
  note(record, isNeeded = () => true) {
    if (!("packed" in record)) return;
    const left = new Set(record.packed.map(({ id }) => id).filter(isNeeded));
    for (const id of left) this.#packOf.set(id, { id: record.id, left });
  }

  /**
   * @param {string} id of a file that is no longer needed
   * @returns {string | null} the id of the record to delete, or null while the pack holds others
   */
  leave(id) {
    const pack = this.#packOf.get(id);
    if (!pack) return id;
    pack.left.delete(id);
    if (pack.left.size > 0) return null;
    return pack.id;
  }
}
