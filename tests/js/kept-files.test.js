import { Browser, file, settle } from "./kept-browser.js";
import { FakeFile, World } from "./world.js";
import { Tabs } from "../../static/js/page/tabs.js";
import assert from "node:assert/strict";
import { test } from "node:test";

test("the page stores a small file and the upload id during the upload, and deletes both after the upload", async () => {
  const browser = new Browser();
  const tab = browser.open();

  const handle = tab.add(file("a.txt"));
  handle.become("sending", { record: { id: "id-1" } });
  await settle();
  const [kept] = await browser.store.all();
  handle.become("done");
  await settle();

  assert.deepEqual([kept.filename, kept.uploadId, kept.key, kept.tab], ["a.txt", "id-1", "key-1", tab.tabs.id]);
  assert.equal(await kept.source.text(), "bytes");
  assert.deepEqual(await browser.names(), []);
});

test("a new tab takes over the kept files of closed tabs, but not the kept files of open tabs", async () => {
  const browser = new Browser();
  const [closed, open] = [browser.open(), browser.open()];
  closed.add(file("closed.txt"));
  open.add(file("open.txt"));
  await settle();
  closed.close();

  const adopted = await browser.open().keptFiles.adopt();

  assert.deepEqual(adopted.map(({ filename }) => filename), ["closed.txt"]);
});

test("if two tabs open at the same time, only one of these tabs takes over each kept file", async () => {
  const browser = new Browser();
  const closed = browser.open();
  for (const name of ["a", "b", "c"]) closed.add(file(name));
  await settle();
  closed.close();

  const found = await Promise.all([browser.open(), browser.open()].map(({ keptFiles }) => keptFiles.adopt()));

  assert.equal(found.flat().length, 3);
});

test("if another person uses the same browser, the page does not take over the kept files of the first person", async () => {
  const browser = new Browser();
  const closed = browser.open({ owner: "ada" });
  closed.add(file("secret.txt"));
  await settle();
  closed.close();

  assert.deepEqual(await browser.open({ owner: "bob" }).keptFiles.adopt(), []);
  assert.equal((await browser.open({ owner: "ada" }).keptFiles.adopt()).length, 1);
});

test("if a new tab continues an upload, the page deletes the kept file only after the upload has ended", async () => {
  const browser = new Browser();
  const closed = browser.open();
  closed.add(file("a.txt")).become("sending", { record: { id: "id-1" } });
  await settle();
  closed.close();
  const tab = browser.open();
  const [kept] = await tab.keptFiles.adopt();

  const again = await tab.keptFiles.read(kept);
  tab.keptFiles.claim(kept, again);
  const handle = tab.add(again);
  await settle();
  const during = await browser.names();
  handle.become("done", { record: { id: "id-1" } });
  await settle();

  assert.deepEqual([during, await browser.names(), await tab.keptFiles.adopt()], [["a.txt"], [], []]);
});

test("the page stores copies of at most 300 MiB, and copies the next file when an upload has ended", async () => {
  const browser = new Browser();
  const tab = browser.open();
  const MIB = 1024 * 1024;

  const handles = Array.from({ length: 31 }, (_, index) => tab.add(file(`${index}`, 10 * MIB)));
  await settle(600);
  const before = await browser.names();
  handles[0].become("done");
  await settle(100);

  assert.equal(before.length, 30);
  assert.ok(!before.includes("30"));
  assert.ok((await browser.names()).includes("30"));
});

test("the page stores a large file for the next visit only if the browser provides a handle to the file", async () => {
  const browser = new Browser();
  browser.handles.set("film.bin", { kind: "file", name: "film.bin" });
  const tab = browser.open();

  tab.add(file("film.bin", 1e9));
  tab.add(file("other.bin", 1e9));
  await settle();

  assert.deepEqual((await browser.store.all()).map(({ source }) => source), [{ kind: "file", name: "film.bin" }]);
});

test("the page reads a handle only with permission, and asks for permission only if the option `ask` is set", async () => {
  const { keptFiles } = new Browser().open();
  const found = file("a.bin");
  const source = (answers) => ({
    source: {
      queryPermission: async () => answers.query,
      requestPermission: async () => answers.request,
      getFile: async () => found,
    },
  });

  assert.equal(await keptFiles.read(source({ query: "granted" })), found);
  assert.equal(await keptFiles.read(source({ query: "prompt", request: "granted" })), null);
  assert.equal(await keptFiles.read(source({ query: "prompt", request: "granted" }), { ask: true }), found);
  assert.equal(await keptFiles.read(source({ query: "prompt", request: "denied" }), { ask: true }), null);
});

test("`KeptFiles.read` throws an error for a deleted file, but returns null for a file without permission", async () => {
  const { keptFiles } = new Browser().open();
  const gone = async () => Promise.reject(new DOMException("Gone.", "NotFoundError"));
  const blocked = async () => Promise.reject(new DOMException("Not in a click.", "SecurityError"));

  const source = { requestPermission: async () => "granted", getFile: gone };
  await assert.rejects(keptFiles.read({ source }, { ask: true }), { name: "NotFoundError" });
  assert.equal(await keptFiles.read({ source: { requestPermission: blocked, getFile: gone } }, { ask: true }), null);
});

test("if the person chooses a kept file again, the page replaces the old handle with the new handle", async () => {
  const browser = new Browser();
  browser.handles.set("film.bin", { kind: "file", name: "old" });
  const closed = browser.open();
  closed.add(file("film.bin", 1e9)).become("sending", { record: { id: "id-1" } });
  await settle();
  closed.close();
  const tab = browser.open();
  const [kept] = await tab.keptFiles.adopt();
  const again = file("film.bin", 1e9);
  browser.handles.set("film.bin", { kind: "file", name: "new" });

  tab.keptFiles.claim(kept, again);
  tab.add(again);
  await settle();

  const stored = await browser.store.all();
  assert.deepEqual(stored.map(({ source, uploadId }) => [source.name, uploadId]), [["new", "id-1"]]);
});

test("the page deletes the stored copy of a file that the server rejected, but not after a network error", async () => {
  const browser = new Browser();
  const tab = browser.open();
  const [bad, interrupted] = [tab.add(file("bad")), tab.add(file("interrupted"))];
  await settle();

  bad.become("failed", { error: { code: "rejected" } });
  interrupted.become("failed", { error: { code: "network" } });
  await settle();

  assert.deepEqual(await browser.names(), ["interrupted"]);
});

test("if the browser refuses to store a file, the page has no kept files, and throws no error", async () => {
  const browser = new Browser();
  const store = { write: async () => Promise.reject(new Error("QuotaExceededError")), all: async () => Promise.reject(new Error("no")) };
  const tab = browser.open({ store });

  const handle = tab.add(file("a"));
  await settle();
  handle.become("done");
  await settle();

  assert.deepEqual(await tab.keptFiles.adopt(), []);
});

test("if files cannot be read while the person leaves the page, the page deletes no stored copy", async () => {
  const browser = new Browser();
  const window = new EventTarget();
  const closed = browser.open({ window });
  const handles = ["a", "b", "c"].map((name) => closed.add(file(name)));
  await settle();

  window.dispatchEvent(new Event("pagehide"));
  for (const handle of handles) handle.become("failed", { error: { code: "unreadable" } });
  await settle();
  closed.close();

  assert.deepEqual((await browser.open().keptFiles.adopt()).map(({ filename }) => filename), ["a", "b", "c"]);
});

test("`KeptStore.clear`, which runs at a logout, deletes all kept files", async () => {
  const browser = new Browser();
  browser.open().add(file("a"));
  await settle();

  await browser.store.clear();

  assert.deepEqual(await browser.names(), []);
});

test("other tabs see an upload of this tab as busy until the upload ends, also while the upload is paused", async () => {
  const browser = new Browser();
  const [one, two] = [browser.open(), browser.open()];
  const handle = one.add(file("a"));
  const seen = async () => (await settle(), [...(await two.tabs.elsewhere())]);

  assert.deepEqual(await seen(), []);
  handle.become("sending", { record: { id: "id-1" } });
  assert.deepEqual(await seen(), ["id-1"]);
  assert.deepEqual([...(await one.tabs.elsewhere())], []);
  handle.become("paused");
  assert.deepEqual(await seen(), ["id-1"]);
  handle.become("failed", { error: { code: "network" } });
  assert.deepEqual(await seen(), []);
});

test("if the browser has no Web Locks, the page cannot detect other tabs", async () => {
  const tabs = new Tabs(undefined);

  assert.deepEqual([await tabs.areKnown(), [...(await tabs.elsewhere())]], [false, []]);
});

test("if 50 uploads start together, the tab takes two locks, and other tabs detect each upload until the upload ends", async () => {
  const browser = new Browser();
  const [tab, other] = [browser.open(), browser.open()];
  const ids = Array.from({ length: 50 }, (_, index) => `id-${index}`);
  const handles = ids.map((id) => tab.add(file(id)));
  for (const [index, handle] of handles.entries()) handle.become("sending", { record: { id: ids[index] } });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await settle();

  const { held } = await browser.locks.tab().query();
  const during = await other.tabs.elsewhere();
  for (const handle of handles.slice(0, 49)) handle.become("done");
  await settle();
  const afterwards = await other.tabs.elsewhere();
  handles[49].become("done");
  await settle();

  assert.equal(held.filter(({ name }) => name.startsWith("slipway-upload-")).length, 2);
  assert.deepEqual([...during], ids);
  assert.ok(afterwards.has("id-49"));
  assert.equal((await other.tabs.elsewhere()).size, 0);
});

test("when the server has started a batch of 40 uploads, the tab locks all 40 uploads with at most three locks", async () => {
  const world = new World();
  const browser = new Browser();
  const [locks, other] = [browser.locks.tab(), browser.open()];
  let requests = 0;
  const request = (...given) => ((requests += 1), locks.request(...given));
  new Tabs({ ...locks, request }).follow(world.engine);
  world.storage.fault = () => "stall";

  const handles = Array.from({ length: 40 }, (_, number) => world.engine.add(new FakeFile(`${number}.txt`, 100)));
  await world.until(() => handles.every(({ record }) => record));
  await world.pass(1_000);
  await settle();

  assert.equal((await other.tabs.elsewhere()).size, 40);
  assert.ok(requests <= 3, `${requests} locks`);
});
