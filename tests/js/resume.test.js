import { FakeFile, MIB, World, watchProgress } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SIZE = 500 * MIB;
const PARTS = 32;

/** Send `share` of a file, then let the page crash. A new engine has nothing of the page in memory. */
async function crashAt(share) {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  handle.finished.catch(() => {});
  await world.until(() => handle.bytesSent > share * SIZE);
  const { record, key } = handle;
  const stored = world.storage.stored(`uploads/${record.id}`).length;
  handle.pause();
  world.engine = world.newEngine();
  return { world, record, key, stored };
}

for (const share of [0.3, 0.6, 0.95]) {
  test(`if the page crashes at ${share * 100} %, the engine resumes the upload and sends no stored part again`, async () => {
    const { world, record, stored } = await crashAt(share);

    const handle = world.engine.resume(record, new FakeFile("a.bin", SIZE));
    const seen = watchProgress(handle);
    await world.run(handle.finished);

    assert.equal(world.storage.stored("uploads/id-1").length, PARTS);
    assert.ok(stored > share * PARTS - 8);
    assert.equal(world.server.uploads.size, 1);
    assert.deepEqual(seen.violations, []);
  });
}

test("a resumed upload shows the stored bytes as progress at once, but the speed does not include the stored bytes", async () => {
  const { world, record } = await crashAt(0.6);
  const handle = world.engine.resume(record, new FakeFile("a.bin", SIZE));
  const first = new Promise((resolve) => handle.on("progress", resolve));

  const { bytesSent } = await world.run(first);

  assert.ok(bytesSent > 0.5 * SIZE);
  await world.pass(1_500);
  assert.ok(world.engine.totals.bytesPerSecond < 40_000_000, `${world.engine.totals.bytesPerSecond}`);
});

test("if a part in the bucket has the wrong size, the engine sends this part again", async () => {
  const { world, record } = await crashAt(0.5);
  world.storage.multiparts.get("uploads/id-1").get(2).byte_size = 5;

  await world.run(world.engine.resume(record, new FakeFile("a.bin", SIZE)).finished);

  assert.equal(world.storage.stored("uploads/id-1").filter(({ partNumber }) => partNumber === 2).length, 2);
});

test("if the page knows only the Idempotency-Key of an upload, the engine continues this upload", async () => {
  const { world, key } = await crashAt(0.5);

  await world.run(world.engine.add(new FakeFile("a.bin", SIZE), { key }).finished);

  assert.equal(world.server.uploads.size, 1);
  assert.equal(world.storage.stored("uploads/id-1").length, PARTS);
});

test("if a file with other content uses the Idempotency-Key of an upload, the engine refuses the file", async () => {
  const { world, key } = await crashAt(0.5);
  const before = world.storage.requests.length;
  const other = new FakeFile("a.bin", SIZE, { content: "other" });

  await assert.rejects(world.run(world.engine.add(other, { key }).finished), { code: "different_file" });

  assert.equal(world.storage.requests.length, before);
});

test("if the upload with the Idempotency-Key has expired, the engine starts a new upload", async () => {
  const { world, key } = await crashAt(0.5);
  world.server.uploads.get("id-1").state = "expired";

  await world.run(world.engine.add(new FakeFile("a.bin", SIZE), { key }).finished);

  assert.deepEqual([...world.server.uploads.values()].map(({ state }) => state), ["expired", "ready"]);
});

test("if the file had arrived before the crash, the upload is done without another request to S3", async () => {
  const { world, key } = await crashAt(0.5);
  world.server.uploads.get("id-1").state = "ready";
  const before = world.storage.requests.length;

  await world.run(world.engine.add(new FakeFile("a.bin", SIZE), { key }).finished);

  assert.equal(world.storage.requests.length, before);
});

const OTHERS = {
  "another name": new FakeFile("b.bin", SIZE, { content: "a.bin" }),
  "another size": new FakeFile("a.bin", SIZE + 1),
  "another modification time": new FakeFile("a.bin", SIZE, { lastModified: 5 }),
  "other content": new FakeFile("a.bin", SIZE, { content: "other" }),
};

for (const [difference, file] of Object.entries(OTHERS)) {
  test(`if a file with ${difference} is chosen for a resume, the engine refuses the file, and the upload stays pending`, async () => {
    const { world, record } = await crashAt(0.5);
    const before = world.storage.requests.length;

    await assert.rejects(world.run(world.engine.resume(record, file).finished), { code: "different_file" });

    assert.equal(world.storage.requests.length, before);
    assert.equal(world.server.uploads.get("id-1").state, "pending");
  });
}

test("if the upload of a small file is resumed, the engine starts a new upload and cancels the old upload", async () => {
  const world = new World();
  const interrupted = world.engine.add(new FakeFile("a.txt", 1000));
  await world.until(() => world.server.uploads.size === 1);
  interrupted.pause();
  const [record] = world.server.uploads.values();

  await world.run(world.newEngine().resume(record, new FakeFile("a.txt", 1000)).finished);

  assert.deepEqual([...world.server.uploads.values()].map(({ state }) => state), ["cancelled", "ready"]);
});

test("if the person dismisses a refused file, the upload stays pending for the right file", async () => {
  const { world, record } = await crashAt(0.5);
  const handle = world.engine.resume(record, new FakeFile("a.bin", SIZE, { content: "other" }));
  await assert.rejects(world.run(handle.finished), { code: "different_file" });

  await world.run(handle.cancel());

  assert.equal(world.server.uploads.get("id-1").state, "pending");
});

test("if file name and stored name differ only in Unicode normalization, the engine resumes the upload", async () => {
  const { world, record } = await crashAt(0.5);
  const file = new FakeFile("U\u0308bersicht.bin", SIZE, { content: "a.bin" });

  await world.run(world.engine.resume({ ...record, filename: "\u00dcbersicht.bin" }, file).finished);

  assert.equal(world.server.uploads.size, 1);
});

test("the event `added` is emitted before the upload starts", () => {
  const { engine } = new World();
  const seen = [];
  engine.on("added", ({ upload, declaration }) => seen.push([upload.state, declaration.filename]));

  engine.add(new FakeFile("a.txt", 10));

  assert.deepEqual(seen, [["queued", "a.txt"]]);
});

test("if the server opens a new multipart upload while parts are sent, the file arrives without a click", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 0.5 * SIZE);
  const key = `uploads/${handle.record.id}`;
  const { fault } = world.storage;
  // From now on the old URLs are refused, but new URLs are accepted.
  let old = true;
  world.storage.multiparts.set(key, new Map());
  world.storage.fault = () => (old ? [404, "NoSuchUpload"] : undefined);
  await world.until(() => world.server.count("GET /uploads/{id}/parts") > 0);
  old = false;
  world.storage.fault = fault;

  await world.run(handle.finished);

  assert.equal(handle.record.state, "ready");
  assert.equal(world.server.uploads.size, 1);
  assert.equal(world.storage.requests.filter(({ status }) => status === 404).length > 0, true);
});

test("if S3 answers NoSuchUpload to every part, the engine lists the stored parts once, and the upload fails", async () => {
  const world = new World();
  world.storage.fault = () => [404, "NoSuchUpload"];

  await assert.rejects(world.run(world.engine.add(new FakeFile("a.bin", SIZE)).finished), { code: "gone" });

  assert.equal(world.server.count("GET /uploads/{id}/parts"), 1);
});

test("if S3 cannot join the parts, the engine sends all parts again without a click", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  let conflicts = 1;
  world.server.fault = (call) => {
    if (call === "POST /uploads/{id}/complete" && conflicts-- > 0) world.storage.multiparts.set("uploads/id-1", new Map());
  };

  await world.run(handle.finished);

  assert.equal(world.storage.stored("uploads/id-1").length, 2 * PARTS);
  assert.equal(handle.record.state, "ready");
});
