import { FakeFile, MIB, World } from "./world.js";
import { SlipwayS3 } from "../../static/js/uppy-s3.js";
import Uppy from "@uppy/core";
import assert from "node:assert/strict";
import { test } from "node:test";

/** A real Blob to Uppy, a fake file to the engine. */
class UppyFile extends Blob {
  constructor(name, size) {
    super([]);
    this.fake = new FakeFile(name, size);
    Object.defineProperties(this, { size: { value: size }, type: { value: "application/x-test" } });
    Object.assign(this, { name, lastModified: 1_700_000_000_000 });
  }

  slice(start, end) {
    return this.fake.slice(start, end);
  }
}

function setUp(options) {
  const world = new World(options);
  const uppy = new Uppy({ logger: { debug() {}, warn() {}, error() {} } });
  uppy.use(SlipwayS3, { engine: world.engine });
  const add = (name, size, meta = {}) => uppy.addFile({ name, type: "application/x-test", data: new UppyFile(name, size), meta });
  return { world, uppy, add };
}

/** The plugin keeps its notes in Uppy's state a moment later, many files at a time. */
function saved() {
  return new Promise((resolve) => setTimeout(resolve, 300));
}

test("files dropped into Uppy arrive, with the server's record as the answer", async () => {
  const { world, uppy, add } = setUp();
  const id = add("a.bin", 100 * MIB);
  add("b.txt", 10, { relativePath: "folder/b.txt" });

  const result = await world.run(uppy.upload());

  assert.equal(result.successful.length, 2);
  await saved();
  const file = uppy.getFile(id);
  assert.equal(file.response.body.state, "ready");
  assert.equal(file.uploadURL, `/api/v1/uploads/${file.slipway.uploadId}/download`);
  assert.deepEqual([file.progress.percentage, file.progress.uploadComplete, file.progress.complete], [100, true, true]);
  assert.equal(file.progress.postprocess, undefined);
  const paths = [...world.server.uploads.values()].map(({ relative_path }) => relative_path);
  assert.deepEqual(paths.sort(), ["", "folder/b.txt"]);
});

test("a folder is sent in the order in which people count, however the browser lists it", async () => {
  const { world, uppy, add } = setUp();
  for (const n of [10, 2, 33, 1]) add(`part ${n}.bin`, 10, { relativePath: `b/part ${n}.bin` });
  add("z.bin", 10, { relativePath: "a/z.bin" });

  await world.run(uppy.upload());

  const paths = [...world.server.uploads.values()].map(({ relative_path }) => relative_path);
  assert.deepEqual(paths, ["a/z.bin", "b/part 1.bin", "b/part 2.bin", "b/part 10.bin", "b/part 33.bin"]);
});

test("Uppy's bar never runs back and is not full before the server has checked", async () => {
  const { world, uppy, add } = setUp();
  world.server.verdict = () => ({ state: "inspecting" });
  world.server.inspections = 4;
  const id = add("a.bin", 200 * MIB);
  const shown = [];
  let message;
  uppy.on("state-update", () => {
    const file = uppy.getFile(id);
    if (!file) return;
    shown.push(file.progress.percentage ?? 0);
    message ??= file.progress.postprocess?.message;
  });

  await world.run(uppy.upload());

  assert.equal(message, "Checking");
  assert.ok(shown.every((percentage, index) => index === 0 || percentage >= shown[index - 1]));
  assert.equal(shown.at(-1), 100);
});

test("a failed file does not fail the others, and a retry brings it without sending parts again", async () => {
  const { world, uppy, add } = setUp();
  const id = add("a.bin", 160 * MIB);
  add("b.bin", 100 * MIB);
  let broken = true;
  world.storage.fault = ({ key, partNumber }) => (broken && key.endsWith("id-1") && partNumber === 9 ? 400 : undefined);

  const result = await world.run(uppy.upload());

  assert.deepEqual([result.successful.length, result.failed.length], [1, 1]);
  assert.match(uppy.getFile(id).error, /storage refused the file \(400\)/);
  broken = false;
  await world.run(uppy.retryUpload(id));
  assert.equal(uppy.getFile(id).error, null);
  assert.equal(uppy.getFile(id).progress.uploadComplete, true);
  assert.equal(world.server.uploads.size, 2);
  const counts = new Map();
  for (const { partNumber } of world.storage.stored("uploads/id-1")) counts.set(partNumber, (counts.get(partNumber) ?? 0) + 1);
  assert.ok([...counts.values()].every((count) => count === 1));
});

test("pause and resume of one file and of all go through Uppy's own calls", async () => {
  const { world, uppy, add } = setUp();
  const id = add("a.bin", 200 * MIB);
  const upload = uppy.upload();
  await world.until(() => world.storage.requests.length > 2);

  uppy.pauseResume(id);
  await world.pass(10_000);
  assert.equal(world.storage.inFlight.size, 0);
  uppy.pauseResume(id);
  await world.until(() => world.storage.requests.length > 5);
  uppy.pauseAll();
  await world.pass(10_000);
  assert.equal(world.storage.inFlight.size, 0);
  uppy.resumeAll();

  assert.equal((await world.run(upload)).successful.length, 1);
});

test("a file removed from Uppy is cancelled at the server, and the batch goes on", async () => {
  const { world, uppy, add } = setUp();
  const id = add("a.bin", 200 * MIB);
  add("b.bin", 100 * MIB);
  const upload = uppy.upload();
  await world.until(() => world.storage.requests.length > 2);

  uppy.removeFile(id);
  const result = await world.run(upload);
  await world.pass(5_000);

  assert.equal(result.successful.length, 1);
  assert.deepEqual([...world.server.uploads.values()].map(({ state }) => state).sort(), ["cancelled", "ready"]);
});

test("cancel all leaves nothing behind", async () => {
  const { world, uppy, add } = setUp();
  add("a.bin", 200 * MIB);
  for (let n = 0; n < 20; n += 1) add(`${n}.txt`, 100_000);
  const upload = uppy.upload();
  await world.until(() => world.storage.requests.length > 2);

  uppy.cancelAll();
  await world.run(upload);
  await world.pass(60_000);

  assert.equal(world.server.inState("pending").length, 0);
  assert.equal(world.engine.active, false);
});

test("a restored file goes on where it was, and its bar is not set back", async () => {
  const { world, uppy, add } = setUp();
  const id = add("a.bin", 320 * MIB);
  const upload = uppy.upload();
  await world.until(() => world.storage.requests.length > 8);
  uppy.pauseAll();
  await saved();
  const { slipway, progress } = uppy.getFile(id);
  void upload;

  world.engine = world.newEngine();
  const restored = new Uppy({ logger: { debug() {}, warn() {}, error() {} } });
  restored.use(SlipwayS3, { engine: world.engine });
  const again = restored.addFile({ name: "a.bin", type: "application/x-test", data: new UppyFile("a.bin", 320 * MIB) });
  restored.setFileState(again, { slipway, progress, isRestored: true });
  const shown = [];
  restored.on("upload-progress", (_file, { bytesUploaded }) => shown.push(bytesUploaded));
  restored.setState({ currentUploads: { former: { fileIDs: [again], step: 0, result: {} } } });
  const result = await world.run(restored.restore("former"));

  assert.equal(result.successful.length, 1);
  assert.ok(shown[0] >= progress.bytesUploaded);
  assert.equal(world.server.uploads.size, 1);
  assert.equal(world.storage.stored("uploads/id-1").length, 20);
});

test("a file whose bytes are gone after a restore is asked for again", async () => {
  const { world, uppy, add } = setUp();
  const id = add("a.bin", 10);
  uppy.setFileState(id, { data: undefined, isGhost: true });

  const result = await world.run(uppy.upload());

  assert.equal(result.failed[0].error, "Choose this file again to go on.");
});

test("thousands of small files cost Uppy about one change of its state each", async () => {
  const { world, uppy } = setUp();
  uppy.addFiles(
    Array.from({ length: 500 }, (_, n) => ({ name: `${n}`, type: "application/x-test", data: new UppyFile(`${n}`, 1000) })),
  );
  let changes = 0;
  uppy.on("state-update", () => (changes += 1));

  const result = await world.run(uppy.upload());

  assert.equal(result.successful.length, 500);
  assert.ok(changes < 600, `${changes} changes`);
});

test("uninstalling takes every listener and the uploader away", () => {
  const { uppy } = setUp();

  uppy.removePlugin(uppy.getPlugin("SlipwayS3"));

  assert.equal(uppy.getState().capabilities.resumableUploads, false);
});
