import { FakeFile, MIB, World, watchProgress } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const PARTS = 7;
const SIZE = PARTS * 16 * MIB;
const KEY = "uploads/id-1";

test("if the server opens a new multipart upload during `complete`, the engine sends all parts again without a click", async () => {
  const world = new World();
  let completions = 0;
  world.server.fault = (call) => {
    if (call.endsWith("/complete") && (completions += 1) === 1) world.storage.multiparts.set(KEY, new Map());
    return undefined;
  };
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  const seen = watchProgress(handle);

  await world.run(handle.finished);

  assert.equal(world.server.inState("ready").length, 1);
  assert.equal(world.storage.stored(KEY).length, 2 * PARTS);
  assert.deepEqual(seen.violations, []);
});

for (const sent of [1, 4, 7]) {
  test(`if the server opens a new multipart upload while part ${sent} is sent, the file still arrives without a click`, async () => {
    const world = new World();
    let reopened = false;
    world.storage.fault = ({ partNumber }) => {
      if (reopened || partNumber !== sent) return undefined;
      reopened = true;
      world.storage.multiparts.set(KEY, new Map());
      return [404, "NoSuchUpload"];
    };
    const handle = world.engine.add(new FakeFile("a.bin", SIZE));
    const seen = watchProgress(handle);

    await world.run(handle.finished);

    assert.equal(world.server.uploads.size, 1, "the same upload");
    assert.equal(world.server.inState("ready").length, 1);
    assert.deepEqual(seen.violations, []);
  });
}

test("if S3 answers NoSuchUpload to every part, the upload fails, and the engine cancels the upload at the server", async () => {
  const world = new World();
  world.storage.fault = () => [404, "NoSuchUpload"];
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));

  await assert.rejects(world.run(handle.finished), { code: "gone" });
  await world.pass(1_000);

  assert.equal(world.server.inState("pending").length, 0);
  world.storage.fault = () => undefined;
  handle.retry();
  await world.run(handle.finished);
  assert.equal(world.server.inState("ready").length, 1);
});
