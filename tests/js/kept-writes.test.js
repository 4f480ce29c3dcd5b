import { Browser, file, settle } from "./kept-browser.js";
import { IDBFactory } from "fake-indexeddb";
import { KeptStore } from "../../static/js/page/kept-store.js";
import assert from "node:assert/strict";
import { test } from "node:test";

async function recordsIn(factory, name) {
  const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const database = await done(factory.open("slipway", 1));
  return done(database.transaction([name]).objectStore(name).getAll());
}

test("if only one file is stored, the page deletes the copy without a delay when the upload ends", async () => {
  const browser = new Browser();
  const tab = browser.open({ clock: { sleep: () => new Promise(() => {}) } });

  const handle = tab.add(file("a.txt"));
  await settle();
  handle.become("sending", { record: { id: "id-1" } });
  handle.become("done");
  await settle();

  assert.deepEqual(await browser.names(), []);
});

test("of many files, the page stores the last files first, because the uploads of the first files end soon", async () => {
  const browser = new Browser();
  const writes = [];
  const write = async ({ sources }) => void writes.push(sources.map(({ filename }) => Number(filename)));
  const pauses = [];
  const sleep = (milliseconds) => (pauses.push(milliseconds), settle());
  const tab = browser.open({ store: { write, all: async () => [] }, clock: { sleep } });

  const handles = Array.from({ length: 250 }, (_, number) => tab.add(file(`${number}`)));
  for (const handle of handles.slice(0, 10)) handle.become("done");
  while (pauses.length < 3) await settle();

  assert.deepEqual(writes.map(({ length }) => length), [100, 100, 40]);
  assert.deepEqual(writes.map(([first]) => first), [150, 50, 10]);
  assert.deepEqual(pauses, [50, 50, 500], "the pauses are short while files wait");
});

test("if 250 uploads have started before their files are stored, the page leaves no records when the uploads have ended", async () => {
  const factory = new IDBFactory();
  const browser = new Browser();
  const tab = browser.open({ store: new KeptStore(factory), clock: { sleep: () => settle() } });

  const handles = Array.from({ length: 250 }, (_, number) => tab.add(file(`${number}`)));
  for (const [number, handle] of handles.entries()) handle.become("sending", { record: { id: `id-${number}` } });
  await settle(300);
  const notes = (await recordsIn(factory, "notes")).flatMap((record) => record.notes ?? [record]);
  for (const handle of handles) handle.become("done");
  await settle(300);

  assert.deepEqual(new Set(notes.map(({ uploadId }) => uploadId)), new Set(handles.map(({ record }) => record.id)));
  assert.deepEqual([await recordsIn(factory, "sources"), await recordsIn(factory, "notes")], [[], []]);
});

test("if a file cannot be stored, the page stores no note about its upload, also if the upload starts during the write", async () => {
  const browser = new Browser();
  const written = [];
  const handles = [];
  const write = async ({ sources = [], notes }) => {
    if (sources.length === 0) return void written.push(...notes);
    for (const handle of handles) handle.become("sending", { record: { id: "id-1" } });
    throw Object.assign(new Error("full"), { name: "QuotaExceededError" });
  };
  const tab = browser.open({ store: { write, all: async () => [] } });

  handles.push(tab.add(file("a.txt")));
  await settle();

  assert.deepEqual([handles[0].record, written], [{ id: "id-1" }, []]);
});

test("the page combines the changes of 20 small files into fewer than ten writes to the browser's database", async () => {
  const browser = new Browser();
  const writes = [];
  const write = async (changes) => void writes.push(changes);
  const tab = browser.open({ store: { write, all: async () => [] }, clock: { sleep: () => new Promise((resolve) => setTimeout(resolve, 20)) } });

  const handles = [];
  for (let number = 0; number < 20; number += 1) {
    handles.push(tab.add(file(`${number}`)));
    await settle(2);
  }
  for (const handle of handles) handle.become("done");
  await new Promise((resolve) => setTimeout(resolve, 100));

  assert.ok(writes.length < 10, `${writes.length} writes`);
  const gone = new Set(writes.flatMap((one) => one.gone ?? []));
  assert.ok(writes.flatMap(({ sources = [] }) => sources).every(({ id }) => gone.has(id)));
});
