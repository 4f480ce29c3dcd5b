import { IDBFactory } from "fake-indexeddb";
import { KeptStore } from "../../static/js/page/kept-store.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const names = async (store) => (await store.all()).map(({ id }) => id).sort();
const change = (id) => ({ sources: [{ id }], notes: [{ id }] });

test("who logs out in another tab leaves nothing here either, until the same person is back", async () => {
  const store = new KeptStore(new IDBFactory());
  await store.write(change("before"));

  // One change is on its way at that very moment.
  await Promise.all([store.write(change("meanwhile")), store.shut(), store.write(change("after"))]);
  await store.write(change("later"));
  const left = await names(store);
  store.reopen();
  await store.write(change("back"));

  assert.deepEqual(left, []);
  assert.deepEqual(await names(store), ["back"]);
});
