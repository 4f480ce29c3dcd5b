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

test("a refused file keeps the server's id, although its next attempt has none yet", () => {
  const { transfers, made } = setUp();
  transfers.send(item(file("a.png")));

  made[0].become("failed", { error: CODE("rejected", { uploadId: "id-1", message: "It is a program." }) });

  const [refused] = transfers.list();
  assert.deepEqual([refused.serverId, refused.state, refused.code, refused.message], ["id-1", "failed", "rejected", "It is a program."]);
  assert.ok(transfers.serverIds().has("id-1"));
});

test("the reason of a refusal is still shown after other files were continued", () => {
  const { transfers, made } = setUp();
  transfers.send(item(file("a.png")));
  made[0].resume = () => {};
  made[0].become("failed", { error: CODE("rejected") });

  transfers.resumeAll();

  assert.deepEqual([transfers.list()[0].state, transfers.list()[0].message], ["failed", "No."]);
});

test("a row is created once and always shows the engine's state", () => {
  const { transfers, made } = setUp();
  const row = transfers.send(item(file("a.bin"), "f/a.bin"));

  made[0].become("checking", { bytesSent: 7, record: { id: "id-1" } });

  assert.deepEqual([row.state, row.bytesSent, row.serverId, row.path], ["checking", 7, "id-1", "f/a.bin"]);
  assert.equal(transfers.list()[0], row);
});

test("the page finds files in progress by path, size and time, and no files that have ended", () => {
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

test("a changed file that is chosen again replaces its failed upload", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(file("film.bin"), "trip/film.bin"));
  made[0].become("failed", { error: CODE("unreadable"), record: { id: "id-1", state: "pending", transport: "multipart" } });
  const changed = item(file("film.bin", 12));

  const failed = transfers.toReplace(changed);
  await transfers.replace(failed, changed);

  assert.deepEqual(calls, ["add trip/film.bin", "api.cancel id-1", "add trip/film.bin"]);
  assert.deepEqual(transfers.list().map(({ handle }) => handle), [made[1]]);
});

test("a file that is readable again continues with the stored parts", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(file("film.bin")));
  made[0].become("failed", { error: CODE("unreadable"), record: { id: "id-1", state: "pending", transport: "multipart" } });
  const again = item(file("film.bin"));

  await transfers.replace(transfers.toReplace(again), again);

  assert.deepEqual([calls, made[0].calls], [["add film.bin", "resume id-1"], ["cancel nothing"]]);
  assert.equal(transfers.list().length, 1);
});

test("a file that failed by the network is retried when it is chosen again", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(file("a.bin")));
  made[0].become("failed", { error: CODE("network"), record: { id: "id-1", state: "pending", transport: "multipart" } });
  const again = item(file("a.bin"));

  await transfers.replace(transfers.toReplace(again), again);

  assert.deepEqual([calls, made[0].calls, transfers.list().length], [["add a.bin"], ["retry"], 1]);
});

test("a different file of that name does not replace a file that failed by the network", () => {
  const { transfers, made } = setUp();
  transfers.send(item(file("a.bin")));
  made[0].become("failed", { error: CODE("network") });

  assert.equal(transfers.toReplace(item(file("a.bin", 11))), undefined);
});

test("if several failed files have one name, only an unambiguous match is replaced", () => {
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

test("a file that looks like a failed file but has other content is sent as a new file", async () => {
  const { transfers, made, calls } = setUp();
  transfers.send(item(blob("IMG_1.jpg", "one")));
  made[0].become("failed", { error: CODE("network") });

  const { accepted, continued } = await admitTo(transfers, blob("IMG_1.jpg", "two"), blob("IMG_1.jpg", "one"));

  assert.deepEqual([accepted.length, continued], [1, 1]);
  assert.equal(await accepted[0].file.text(), "two");
  assert.deepEqual([calls, made[0].calls], [["add IMG_1.jpg"], ["retry"]]);
});

test("a file refused as different is sent as a new file when it is chosen again", async () => {
  const { transfers, made, calls } = setUp();
  transfers.follow(new Handle(blob("film.bin", "other")), "");
  transfers.list()[0].handle.become("failed", { error: CODE("different_file"), record: { id: "id-1", state: "pending" } });

  const { continued } = await admitTo(transfers, blob("film.bin", "other"));

  assert.deepEqual([continued, calls, made.length], [1, ["add film.bin"], 1]);
});

test("the reservation of the replaced upload is released", async () => {
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

test("a folder arrives with its paths, except a failed file until its retry", async () => {
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

test("a removed file is cancelled at the server, the remaining files arrive, and cancelling all leaves no upload", async () => {
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

test("pausing all stops all traffic until all are resumed", async () => {
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
