import { IDBFactory } from "fake-indexeddb";
import { KeptStore } from "../../static/js/page/kept-store.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const names = async (store) => (await store.all()).map(({ id }) => id).sort();
const change = (id) => ({ sources: [{ id }], notes: [{ id }] });

test("a logout deletes all kept files, and the page stores no file until the same person logs in again", async () => {
  const store = new KeptStore(new IDBFactory());
  await store.write(change("before"));

  // One write is in flight during the logout.
  await Promise.all([store.write(change("meanwhile")), store.shut(), store.write(change("after"))]);
  await store.write(change("later"));
  const left = await names(store);
  store.reopen();
  await store.write(change("back"));

  assert.deepEqual(left, []);
  assert.deepEqual(await names(store), ["back"]);
});

test("the page stores 30 small files in one record, and deletes the record when the last file is deleted", async () => {
  const factory = new IDBFactory();
  const store = new KeptStore(factory);
  const about = { owner: "ada", relativePath: "", contentType: "text/plain", lastModified: 1_700_000_000_000, keptAt: 1 };
  const ids = Array.from({ length: 30 }, (_, index) => `id-${index}`);
  const sources = ids.map((id) => {
    const source = new File([`bytes of ${id}`], `${id}.txt`, { type: "text/plain", lastModified: about.lastModified });
    return { ...about, id, filename: source.name, byteSize: source.size, source };
  });
  await store.write({ sources, notes: ids.map((id) => ({ id })) });
  const records = await countOf(factory);

  await store.write({ gone: ids.slice(0, 10) });
  const later = new KeptStore(factory); // as after a reload
  const left = await later.all();
  await later.write({ gone: ids.slice(10, 29) });
  const before = [(await later.all()).length, await countOf(factory)];
  await later.write({ gone: ids.slice(29) });

  assert.equal(records, 1);
  assert.deepEqual(left.map(({ id }) => id), ids.slice(10));
  const { source } = left[5];
  assert.deepEqual([await source.text(), source.name, source.type, source.lastModified], ["bytes of id-15", "id-15.txt", "text/plain", about.lastModified]);
  assert.deepEqual(before, [1, 1]);
  assert.deepEqual([await later.all(), await countOf(factory)], [[], 0]);
});

test("the page stores the upload ids of 30 small files in one record, and reads the newest id of each file", async () => {
  const factory = new IDBFactory();
  const store = new KeptStore(factory);
  await store.write({ sources: sources(30), notes: idsOf(30).map((id) => ({ id, uploadId: null })) });
  await store.write({ notes: [{ id: "id-3", uploadId: "three" }], gone: ["id-4"] });

  const later = new KeptStore(factory);
  const kept = await later.all();
  const records = await countOf(factory, "notes");
  await later.write({ gone: kept.map(({ id }) => id) });

  assert.deepEqual(kept.filter(({ uploadId }) => uploadId).map(({ id, uploadId }) => [id, uploadId]), [["id-3", "three"]]);
  assert.deepEqual([kept.length, records], [29, 1]);
  assert.deepEqual([await countOf(factory, "notes"), await countOf(factory)], [0, 0]);
});

test("the page can read and delete small files that an earlier version of the page has stored", async () => {
  const factory = new IDBFactory();
  await new KeptStore(factory).write({ sources: sources(30), notes: idsOf(30).map((id) => ({ id, uploadId: null })) });
  await inNotes(factory, (notes) => {
    notes.clear();
    for (const id of idsOf(30)) notes.put({ id, uploadId: `old ${id}` });
  });

  const store = new KeptStore(factory);
  const kept = await store.all();
  await store.write({ notes: [{ id: "id-5", uploadId: "new" }], gone: idsOf(5) });
  const left = await new KeptStore(factory).all();
  await store.write({ gone: idsOf(30) });

  assert.deepEqual([kept.length, kept[7].uploadId, left.length], [30, "old id-7", 25]);
  assert.equal(left.find(({ id }) => id === "id-5").uploadId, "new");
  assert.deepEqual([await countOf(factory, "notes"), await countOf(factory)], [0, 0]);
});

test("a read of the browser's database does not undo an upload id that the same tab writes at the same time", async () => {
  const factory = new IDBFactory();
  const store = new KeptStore(factory);
  await store.write({ sources: sources(30), notes: idsOf(30).map((id) => ({ id, uploadId: null })) });

  await Promise.all([store.all(), store.write({ notes: [{ id: "id-1", uploadId: "one" }] })]);
  await store.write({ notes: [{ id: "id-2", uploadId: "two" }] });

  const kept = new Map((await new KeptStore(factory).all()).map(({ id, uploadId }) => [id, uploadId]));
  assert.deepEqual([kept.get("id-1"), kept.get("id-2")], ["one", "two"]);
});

const idsOf = (count) => Array.from({ length: count }, (_, index) => `id-${index}`);

function sources(count) {
  const about = { owner: "ada", relativePath: "", contentType: "text/plain", lastModified: 1_700_000_000_000, keptAt: 1 };
  return idsOf(count).map((id) => ({ ...about, id, filename: `${id}.txt`, byteSize: 5, source: new File(["bytes"], `${id}.txt`) }));
}

function inNotes(factory, act) {
  return new Promise((resolve) => {
    factory.open("slipway").onsuccess = ({ target }) => {
      const database = target.result;
      const transaction = database.transaction("notes", "readwrite");
      transaction.oncomplete = () => (database.close(), resolve());
      act(transaction.objectStore("notes"));
    };
  });
}

/** Return the number of records in the browser, by default of files. */
function countOf(factory, name = "sources") {
  return new Promise((resolve) => {
    factory.open("slipway").onsuccess = ({ target }) => {
      const database = target.result;
      const request = database.transaction(name).objectStore(name).count();
      request.onsuccess = () => (database.close(), resolve(request.result));
    };
  });
}
