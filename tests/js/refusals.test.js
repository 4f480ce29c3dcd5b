import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SIZE = 640 * MIB;

test("if the server refuses a start with 403, the upload fails without a retry", async () => {
  const world = new World();
  world.server.refuse = () => ({ status: 403, code: "quota_exceeded", detail: "The quota is full." });

  await assert.rejects(world.run(world.engine.add(new FakeFile("a.bin", 100 * MIB)).finished), {
    code: "quota_exceeded",
    message: "The quota is full.",
  });

  assert.equal(world.server.calls.length, 1);
});

test("if S3 refuses a part with BadDigest, the engine sends the part again and the file arrives", async () => {
  const world = new World();
  let damages = 1;
  world.storage.fault = () => (damages-- > 0 ? [400, "BadDigest"] : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await world.run(handle.finished);

  assert.equal(handle.record.state, "ready");
});

test("if a file changes during its upload, the upload fails with the code file_changed", async () => {
  const world = new World();
  const file = new FakeFile("a.bin", 100 * MIB);
  const handle = world.engine.add(file);
  await world.until(() => world.storage.inFlight.size > 0);

  file.content = "something else";

  await assert.rejects(world.run(handle.finished), { code: "file_changed" });
});

test("if a file can no longer be read during its upload, the upload fails with the code unreadable", async () => {
  for (const size of [1000, 100 * MIB]) {
    const world = new World();
    const file = new FakeFile("a.bin", size);
    const handle = world.engine.add(file);
    await world.until(() => world.storage.inFlight.size > 0);

    file.readable = false;

    await assert.rejects(world.run(handle.finished), { code: "unreadable" });
  }
});

test("if another tab completes an upload, this tab reports the upload as ready", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 200 * MIB);

  world.server.uploads.get("id-1").state = "ready";
  world.storage.multiparts.delete("uploads/id-1");

  assert.equal((await world.run(handle.finished)).state, "ready");
});

test("if another tab cancels an upload, the upload fails in this tab, and a retry starts a new upload", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 200 * MIB);
  world.server.uploads.get("id-1").state = "cancelled";
  world.storage.multiparts.delete("uploads/id-1");

  await assert.rejects(world.run(handle.finished), { code: "upload_over" });

  handle.retry();
  await world.run(handle.finished);
  assert.deepEqual([...world.server.uploads.values()].map(({ state }) => state), ["cancelled", "ready"]);
});
