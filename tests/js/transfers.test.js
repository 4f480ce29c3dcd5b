import { FakeFile, MIB, World } from "./world.js";
import { Emitter } from "../../static/js/engine/emitter.js";
import { Transfers } from "../../static/js/page/transfers.js";
import { admit } from "../../static/js/page/picker/admission.js";
import { Chosen } from "../../static/js/page/picker/chosen.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const CODE = (code, facts = {}) => Object.assign(new Error("No."), { code, ...facts });
const item = (file, path = "") => ({ id: 1, file, name: file.name, path, storedAs: "" });

/** An upload handle whose state the test sets. */
class Handle extends Emitter {
  constructor(file, facts = {}) {
    super();
    Object.assign(this, { file, filename: file.name, byteSize: file.size, bytesSent: 0, record: null, error: null, state: "sending", ...facts });
    this.calls = [];
  }

  become(state, facts = {}) {
    Object.assign(this, facts, { state });
    this.emit("state", state);
  }

  retry() {
    this.calls.push("retry");
    this.become("sending");
  }

  async cancel() {
    this.calls.push(`cancel ${this.record?.id ?? "nothing"}`);
    this.become("cancelled");
  }
}

function setUp() {
  const made = [];
  const calls = [];
  const make = (file, facts) => {
    const handle = new Handle(file, facts);
    made.push(handle);
    return handle;
  };
  const engine = {
    add: (file, { filename, relativePath = "" }) => (calls.push(`add ${relativePath || filename}`), make(file)),
    resume: (record, file) => (calls.push(`resume ${record.id}`), make(file, { record })),
    api: { cancel: async (id) => void calls.push(`api.cancel ${id}`) },
  };
  return { transfers: new Transfers(engine), made, calls };
}

const file = (name, size = 10, lastModified = 1_700_000_000_000) => new FakeFile(name, size, { lastModified });

test("if the server rejects a file, the file's row on the page keeps the id of the rejected upload", () => {
  const { transfers, made } = setUp();
  transfers.send(item(file("a.png")));

  made[0].become("failed", { error: CODE("rejected", { uploadId: "id-1", message: "It is a program." }) });

  const [refused] = transfers.list();
  assert.deepEqual([refused.serverId, refused.state, refused.code, refused.message], ["id-1", "failed", "rejected", "It is a program."]);
  assert.ok(transfers.serverIds().has("id-1"));
});

test("if the person resumes all files, a rejected file still shows the reason of the rejection", () => {
  const { transfers, made } = setUp();
  transfers.send(item(file("a.png")));
  made[0].resume = () => {};
  made[0].become("failed", { error: CODE("rejected") });

  transfers.resumeAll();

  assert.deepEqual([transfers.list()[0].state, transfers.list()[0].message], ["failed", "No."]);
});

test("if the engine changes the state of a file, the same row on the page shows the new state", () => {
  const { transfers, made } = setUp();
  const row = transfers.send(item(file("a.bin"), "f/a.bin"));

  made[0].become("checking", { bytesSent: 7, record: { id: "id-1" } });

  assert.deepEqual([row.state, row.bytesSent, row.serverId, row.path], ["checking", 7, "id-1", "f/a.bin"]);
  assert.equal(transfers.list()[0], row);
});

test("the page finds a file in progress by path and size, but does not find a file that is done", () => {
  const { transfers, made } = setUp();
  const one = file("a.bin");
  transfers.send(item(one, "f/a.bin"));

  assert.deepEqual(transfers.alike(item(file("a.bin"), "f/a.bin")), [one]);
  assert.deepEqual(transfers.alike(item(file("a.bin"), "g/a.bin")), []);
  assert.deepEqual(transfers.alike(item(file("a.bin", 11), "f/a.bin")), []);
  made[0].become("done");
  assert.deepEqual(transfers.alike(item(one, "f/a.bin")), []);
  transfers.clearDone();
  assert.deepEqual(transfers.list(), []);
});

test("if a file became unreadable and a changed version is chosen, a new upload replaces the failed upload", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(file("film.bin"), "trip/film.bin"));
  made[0].become("failed", { error: CODE("unreadable"), record: { id: "id-1", state: "pending", transport: "multipart" } });
  const changed = item(file("film.bin", 12));

  const failed = transfers.toReplace(changed);
  await transfers.replace(failed, changed);

  assert.deepEqual(calls, ["add trip/film.bin", "api.cancel id-1", "add trip/film.bin"]);
  assert.deepEqual(transfers.list().map(({ handle }) => handle), [made[1]]);
});

test("if a file became unreadable and the same file is chosen again, the page resumes the failed upload", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(file("film.bin")));
  made[0].become("failed", { error: CODE("unreadable"), record: { id: "id-1", state: "pending", transport: "multipart" } });
  const again = item(file("film.bin"));

  await transfers.replace(transfers.toReplace(again), again);

  assert.deepEqual([calls, made[0].calls], [["add film.bin", "resume id-1"], ["cancel nothing"]]);
  assert.equal(transfers.list().length, 1);
});

test("if an upload failed because of the network and the same file is chosen again, the page retries the upload", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(file("a.bin")));
  made[0].become("failed", { error: CODE("network"), record: { id: "id-1", state: "pending", transport: "multipart" } });
  const again = item(file("a.bin"));

  await transfers.replace(transfers.toReplace(again), again);

  assert.deepEqual([calls, made[0].calls, transfers.list().length], [["add a.bin"], ["retry"], 1]);
});

test("a file with the same name but another size does not replace an upload that failed because of the network", () => {
  const { transfers, made } = setUp();
  transfers.send(item(file("a.bin")));
  made[0].become("failed", { error: CODE("network") });

  assert.equal(transfers.toReplace(item(file("a.bin", 11))), undefined);
});

test("if two failed files have the same name, a chosen file replaces only the failed file with the same path", () => {
  const { transfers, made } = setUp();
  for (const path of ["a/x.txt", "b/x.txt"]) transfers.send(item(file("x.txt"), path));
  for (const handle of made) handle.become("failed", { error: CODE("unreadable") });

  assert.equal(transfers.toReplace(item(file("x.txt", 11), "b/x.txt")).path, "b/x.txt");
  assert.equal(transfers.toReplace(item(file("x.txt", 11), "c/x.txt")), undefined);
  assert.equal(transfers.toReplace(item(file("x.txt", 11))), undefined);
});

const blob = (name, content) => new File([content], name, { lastModified: 1_700_000_000_000 });

function admitTo(transfers, ...files) {
  return admit(
    { found: files.map((one) => ({ file: one, path: "" })), unreadable: [], empty: [] },
    {
      refusal: () => "",
      chosen: new Chosen(),
      transfers,
      divert: () => "",
      otherTabs: { sendingAlready: async () => ({ same: new Set(), isWhole: true }) },
    },
  );
}

test("a chosen file that looks like a failed file but has other content is accepted as a new file", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(blob("IMG_1.jpg", "one")));
  made[0].become("failed", { error: CODE("network") });

  const { accepted, continued } = await admitTo(transfers, blob("IMG_1.jpg", "two"), blob("IMG_1.jpg", "one"));

  assert.deepEqual([accepted.length, continued], [1, 1]);
  assert.equal(await accepted[0].file.text(), "two");
  assert.deepEqual([calls, made[0].calls], [["add IMG_1.jpg"], ["retry"]]);
});

test("if a file was refused as different and is chosen again, the page sends the file as a new upload", async () => {
  const { transfers, made, calls } = setUp();
  transfers.follow(new Handle(blob("film.bin", "other")), "");
  transfers.list()[0].handle.become("failed", { error: CODE("different_file"), record: { id: "id-1", state: "pending" } });

  const { continued } = await admitTo(transfers, blob("film.bin", "other"));

  assert.deepEqual([continued, calls, made.length], [1, ["add film.bin"], 1]);
});

test("if a changed file replaces a failed upload, the failed upload is cancelled at the server", async () => {
  const world = new World();
  const transfers = new Transfers(world.engine);
  const first = new FakeFile("film.bin", 160 * MIB, { content: "first" });
  const { handle } = transfers.send(item(first));
  await world.until(() => handle.bytesSent > 0);
  first.readable = false;
  await world.until(() => handle.state === "failed");
  assert.equal(handle.error.code, "unreadable");
  const second = new FakeFile("film.bin", 170 * MIB, { content: "second", lastModified: 1_700_000_100_000 });
  const again = item(second);

  await world.run(transfers.replace(transfers.toReplace(again), again));
  await world.run(transfers.list()[0].handle.finished);

  assert.deepEqual([...world.server.uploads.values()].map(({ state }) => state), ["cancelled", "ready"]);
  assert.deepEqual(transfers.list().map(({ state }) => state), ["done"]);
  assert.deepEqual([world.engine.totals.files, world.engine.totals.failed], [1, 0]);
});

test("if S3 refuses one of two files, the other file arrives, and the refused file arrives after a retry", async () => {
  const world = new World();
  const transfers = new Transfers(world.engine);
  const bad = transfers.send(item(new FakeFile("a.bin", 160 * MIB)));
  const good = transfers.send(item(new FakeFile("b.txt", 10), "folder/b.txt"));
  let broken = true;
  world.storage.fault = ({ key, partNumber }) => (broken && partNumber === 9 && key.startsWith("uploads/") ? 400 : undefined);

  await world.run(good.handle.finished);
  await assert.rejects(world.run(bad.handle.finished), /storage refused the file \(400\)/);
  broken = false;
  bad.retry();
  await world.run(bad.handle.finished);

  const paths = [...world.server.uploads.values()].map(({ relative_path }) => relative_path ?? "");
  assert.deepEqual(paths.sort(), ["", "folder/b.txt"]);
  assert.ok(transfers.list().every(({ state }) => state === "done"));
});

test("if one file is removed, only this file's upload is cancelled; if all are cancelled, no upload stays pending", async () => {
  const world = new World();
  const transfers = new Transfers(world.engine);
  const removed = transfers.send(item(new FakeFile("a.bin", 200 * MIB)));
  const stays = transfers.send(item(new FakeFile("b.bin", 100 * MIB)));
  await world.until(() => world.storage.requests.length > 2);

  removed.remove();
  await world.run(stays.handle.finished);
  await world.pass(5_000);
  assert.deepEqual([...world.server.uploads.values()].map(({ state }) => state).sort(), ["cancelled", "ready"]);

  transfers.send(item(new FakeFile("c.bin", 200 * MIB)));
  for (let n = 0; n < 20; n += 1) transfers.send(item(new FakeFile(`${n}.txt`, 100_000)));
  await world.until(() => world.storage.requests.length > 20);
  transfers.cancelAll();
  await world.pass(60_000);
  assert.deepEqual([world.server.inState("pending").length, world.engine.active, transfers.list().length], [0, false, 0]);
});

test("while all files are paused, the engine sends nothing to S3; after the resume, the file arrives", async () => {
  const world = new World();
  const transfers = new Transfers(world.engine);
  const { handle } = transfers.send(item(new FakeFile("a.bin", 200 * MIB)));
  await world.until(() => world.storage.requests.length > 2);

  transfers.pauseAll();
  await world.pass(10_000);
  assert.equal(world.storage.inFlight.size, 0);
  transfers.resumeAll();

  assert.equal((await world.run(handle.finished)).state, "ready");
});

test("files that are added as paused never make the engine active, and they arrive after the resume", async () => {
  const world = new World();
  const transfers = new Transfers(world.engine);
  const changes = [];
  world.engine.on("active", (active) => changes.push(active));

  for (let n = 0; n < 100; n += 1) transfers.send(item(new FakeFile(`${n}.txt`, 1000)), { isPaused: true });
  await world.pass(10_000);
  assert.deepEqual([changes, world.engine.totals.paused, world.server.uploads.size], [[], 100, 0]);
  transfers.resumeAll();
  await world.run(Promise.all(transfers.list().map(({ handle }) => handle.finished)));

  assert.deepEqual([changes, world.server.inState("ready").length], [[true, false], 100]);
});
