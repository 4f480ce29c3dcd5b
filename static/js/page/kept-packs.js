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

/**
 * Knows which packs hold files that are still needed. The notes of these files share one record too.
 *
 * @typedef {import("./kept-store.js").KeptNote} KeptNote
 * @typedef {{id: string, notes: KeptNote[]}} NoteGroup has the id of its pack
 * @typedef {{id: string, left: Set<string>, notes: Map<string, KeptNote>, isGrouped: boolean, isOwn: boolean}} Known
 *   `left`: the ids of the files that are still needed; `isGrouped`: false for a pack of an earlier version, whose notes
 *   have records of their own; `isOwn`: this tab has written to the pack, and no other tab does
 */
export class Packs {
  /** @type {Map<string, Known>} by the id of a file */
  #packOf = new Map();
  /** @type {Set<Known>} packs whose notes have changed */
  #changed = new Set();

  /** @param {KeptSource | Pack} record that this tab is going to write */
  add(record) {
    if (!("packed" in record)) return;
    const left = new Set(record.packed.map(({ id }) => id));
    this.#know({ id: record.id, left, notes: new Map(), isGrouped: true, isOwn: true });
  }

  /**
   * @param {KeptSource | Pack} record that was read
   * @param {Map<string, KeptNote>} noteOf all notes by the ids of their files
   * @param {boolean} isGrouped
   */
  found(record, noteOf, isGrouped) {
    if (!("packed" in record)) return;
    // What this tab knows of its own packs may be newer than what it has just read.
    if (record.packed.some(({ id }) => this.#packOf.get(id)?.isOwn)) return;
    const notes = new Map(record.packed.flatMap(({ id }) => /** @type {[string, KeptNote][]} */ (noteOf.has(id) ? [[id, noteOf.get(id)]] : [])));
    this.#know({ id: record.id, left: new Set(notes.keys()), notes, isGrouped, isOwn: false });
  }

  /** @param {Known} pack */
  #know(pack) {
    for (const id of pack.left) this.#packOf.set(id, pack);
  }

  /**
   * @param {KeptNote} note
   * @returns {boolean} whether the note belongs to a group, which `changes` returns
   */
  note(note) {
    const pack = this.#packOf.get(note.id);
    if (!pack) return false;
    pack.isOwn = true;
    if (!pack.isGrouped) return false;
    pack.notes.set(note.id, note);
    this.#changed.add(pack);
    return true;
  }

  /**
   * @param {string} id of a file that is no longer needed
   * @returns {{source: string | null, note: string | null}} the ids of the records to delete
   */
  leave(id) {
    const pack = this.#packOf.get(id);
    if (!pack) return { source: id, note: id };
    pack.isOwn = true;
    pack.left.delete(id);
    pack.notes.delete(id);
    const source = pack.left.size === 0 ? pack.id : null;
    if (!pack.isGrouped) return { source, note: id };
    if (source) this.#changed.delete(pack);
    else this.#changed.add(pack);
    return { source, note: source };
  }

  /** @returns {NoteGroup[]} the groups to write */
  changes() {
    const groups = [...this.#changed].map(({ id, notes }) => ({ id, notes: [...notes.values()] }));
    this.#changed.clear();
    return groups;
  }

  /** @param {KeptSource | Pack} record that could not be written */
  forget(record) {
    if ("packed" in record) for (const { id } of record.packed) this.#packOf.delete(id);
  }
}
