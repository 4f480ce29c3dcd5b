import assert from "node:assert/strict";
import { identityOf, inOrder, looksSame, pair } from "../../static/js/page/matching.js";
import { sameName } from "../../static/js/engine/identity.js";
import { test } from "node:test";

const RECORD = { id: "id-1", filename: "a.bin", relative_path: "", byte_size: 10, last_modified: "2023-11-14T22:13:20Z" };
const FACTS = { filename: "a.bin", relativePath: "", byteSize: 10, lastModified: 1_700_000_000_000 };

test("a file matches an upload if name, size and modification time are equal; an unknown time is not compared", () => {
  assert.equal(looksSame(RECORD, FACTS), true);
  assert.equal(looksSame({ ...RECORD, last_modified: null }, { ...FACTS, lastModified: 5 }), true);
  assert.equal(looksSame(RECORD, { ...FACTS, lastModified: null }), true);
  assert.equal(looksSame(RECORD, { ...FACTS, lastModified: 5 }), false);
  assert.equal(looksSame(RECORD, { ...FACTS, byteSize: 11 }), false);
  assert.equal(looksSame(RECORD, { ...FACTS, filename: "b.bin" }), false);
});

test("a file chosen in a folder matches only an upload from this folder; a file chosen alone matches any folder", () => {
  const inFolder = { ...RECORD, relative_path: "films/a.bin" };

  assert.equal(looksSame(inFolder, { ...FACTS, relativePath: "/films/a.bin" }), true);
  assert.equal(looksSame(inFolder, { ...FACTS, relativePath: "other/a.bin" }), false);
  assert.equal(looksSame(inFolder, FACTS), true);
});

for (const [words, stored, chosen] of [
  ["name has a decomposed umlaut", "M\u00e4rz/film.mp4", "M\u0061\u0308rz/film.mp4"],
  ["name has decomposed Korean letters", "\ud55c\uae00/a.bin", "\u1112\u1161\u11ab\u1100\u1173\u11af/a.bin"],
  ["name ends in a space", "Holiday/a.bin", "Holiday /a.bin"],
  ["parent folder has a name that ends in a space", "Holiday/2024/a.bin", "/Holiday /2024/a.bin"],
  ["name contains an invisible character", "Holiday/a.bin", "Holi\u200eday/a.bin"],
]) {
  test(`if the chosen folder's ${words}, the page still matches the file to its upload`, () => {
    const record = { ...RECORD, relative_path: stored, filename: stored.split("/").at(-1) };

    assert.equal(looksSame(record, { ...FACTS, filename: record.filename, relativePath: chosen }), true);
    assert.equal(looksSame(record, { ...FACTS, filename: record.filename, relativePath: `Other/${chosen}` }), false);
  });
}

test("two file names count as equal if the server would store both under the same name", () => {
  assert.ok(sameName("Übersicht.pdf", "U\u0308bersicht.pdf"));
  assert.ok(sameName("back_slash.txt", "back\\slash.txt"));
  assert.ok(!sameName("env", ".env"));
  assert.ok(sameName("invoiceexe.png", "invoice\u202eexe.png"));
  assert.ok(!sameName("a.bin", "b.bin"));
});

test("each upload is paired with at most one kept file: first by id, otherwise by name, size and time", () => {
  const kept = (id, uploadId, facts = {}) => ({ ...FACTS, id, uploadId, ...facts });
  const records = [RECORD, { ...RECORD, id: "id-2" }];

  const { pairs, unbegun, over } = pair(
    [kept("by-id", "id-1"), kept("by-facts", null), kept("too-many", null), kept("ended", "id-9")],
    records,
  );

  assert.deepEqual([...pairs].map(([id, one]) => [id, one.id]), [["id-1", "by-id"], ["id-2", "by-facts"]]);
  assert.deepEqual([unbegun.map(({ id }) => id), over.map(({ id }) => id)], [["too-many"], ["ended"]]);
});

test("a file matches a kept file whose upload has not started, if name, folder, size and time are equal", () => {
  const kept = { ...FACTS, relativePath: "films/a.bin" };
  const identity = identityOf({ record: null, kept });

  assert.equal(looksSame(identity, kept), true);
  assert.equal(looksSame(identity, { ...kept, lastModified: 5 }), false);
  assert.equal(looksSame(identity, { ...kept, relativePath: "other/a.bin" }), false);
  assert.equal(looksSame(identityOf({ record: null, kept: { ...kept, lastModified: null } }), kept), true);
  assert.equal(identityOf({ record: RECORD, kept }), RECORD);
  assert.equal(identityOf({ record: null, kept: null }), null);
});

test("kept files have the order in which they were chosen; files chosen together are ordered by name", () => {
  const files = [["b.bin", 2], ["10.bin", 1], ["9.bin", 1]].map(([filename, keptAt]) => ({ filename, keptAt }));

  assert.deepEqual(files.sort(inOrder).map(({ filename }) => filename), ["9.bin", "10.bin", "b.bin"]);
});
