import { FakeFile, MIB, World, watchProgress } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const PARTS = 7;
const SIZE = PARTS * 16 * MIB;
const KEY = "uploads/id-1";

test("if completion opens a new multipart upload, all parts are sent again without a click", async () => {
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
  test(`another tab's completion opens a new multipart upload at part ${sent}: this tab continues without a click`, async () => {
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

test("an upload whose multipart upload stays unknown fails with a message and frees its space", async () => {
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
