/**
 * Stores many small files in one record. For each record with a blob, the browser writes one file on the disk, and later
 * deletes this file. Without packs, this would take as long as sending the small files.
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
 * Remembers for each pack which of its files are needed. If no file of a pack is needed, the pack can be deleted.
 *
 * Each file has a note with the state of its upload. The notes of all files in a pack are stored in one record, which is
 * called a group.
 *
 * @typedef {import("./kept-store.js").KeptNote} KeptNote
 * @typedef {{id: string, notes: KeptNote[]}} NoteGroup a group; `id`: the id of the pack
 * @typedef {{id: string, left: Set<string>, notes: Map<string, KeptNote>, isGrouped: boolean, isOwn: boolean}} Known
 *   `left`: ids of the needed files. `isGrouped`: true if the notes share one record. False for a pack that an earlier
 *   version of the page has written, in which each note has its own record. `isOwn`: true if only this tab writes to the
 *   pack.
 */
export class Packs {
  /** @type {Map<string, Known>} the pack of each file, by file id */
  #packOf = new Map();
  /** @type {Set<Known>} packs whose notes have changed */
  #changed = new Set();

  /**
   * Remember a record that this tab is about to write, if it is a pack.
   *
   * @param {KeptSource | Pack} record
   */
  add(record) {
    if (!("packed" in record)) return;
    const left = new Set(record.packed.map(({ id }) => id));
    this.#know({ id: record.id, left, notes: new Map(), isGrouped: true, isOwn: true });
  }

  /**
   * Remember a record that was read, if it is a pack.
   *
   * @param {KeptSource | Pack} record
   * @param {Map<string, KeptNote>} noteOf all notes, by file id
   * @param {boolean} isGrouped whether the notes of the pack share one record
   */
  found(record, noteOf, isGrouped) {
    if (!("packed" in record)) return;
    // If this tab writes to the pack, ignore the record, because this tab may have newer facts.
    if (record.packed.some(({ id }) => this.#packOf.get(id)?.isOwn)) return;
    const notes = new Map(record.packed.flatMap(({ id }) => /** @type {[string, KeptNote][]} */ (noteOf.has(id) ? [[id, noteOf.get(id)]] : [])));
    this.#know({ id: record.id, left: new Set(notes.keys()), notes, isGrouped, isOwn: false });
  }

  /** @param {Known} pack */
  #know(pack) {
    for (const id of pack.left) this.#packOf.set(id, pack);
  }

  /**
   * Remember a changed note, if it belongs to a group.
   *
   * @param {KeptNote} note
   * @returns {boolean} true if the note belongs to a group, which `changes` will return; false if the note needs its own
   *   record
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
   * Record that a file is no longer needed.
   *
   * @param {string} id the id of the file
   * @returns {{source: string | null, note: string | null}} ids of the records to delete, or null
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

  /** @returns {NoteGroup[]} the groups that have changed since the last call */
  changes() {
    const groups = [...this.#changed].map(({ id, notes }) => ({ id, notes: [...notes.values()] }));
    this.#changed.clear();
    return groups;
  }

  /** @param {KeptSource | Pack} record a record that could not be written */
  forget(record) {
    if ("packed" in record) for (const { id } of record.packed) this.#packOf.delete(id);
  }
}
