import { IDBFactory } from "fake-indexeddb";
import { KeptStore } from "../../static/js/page/kept-store.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const names = async (store) => (await store.all()).map(({ id }) => id).sort();
const change = (id) => ({ sources: [{ id }], notes: [{ id }] });

test("a logout in another tab deletes all kept files, until the same person logs in again", async () => {
  const store = new KeptStore(new IDBFactory());
  await store.write(change("before"));

  // One change is in flight at that moment.
  await Promise.all([store.write(change("meanwhile")), store.shut(), store.write(change("after"))]);
  await store.write(change("later"));
  const left = await names(store);
  store.reopen();
  await store.write(change("back"));

  assert.deepEqual(left, []);
  assert.deepEqual(await names(store), ["back"]);
});

test("many small files share one record, which is deleted with the last file", async () => {
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

/** Return the number of file records in the browser. */
function countOf(factory) {
  return new Promise((resolve) => {
    factory.open("slipway").onsuccess = ({ target }) => {
      const database = target.result;
      const request = database.transaction("sources").objectStore("sources").count();
      request.onsuccess = () => (database.close(), resolve(request.result));
    };
  });
}
