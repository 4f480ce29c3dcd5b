import { FakeFile, MIB, World, watchProgress } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SIZE = 320 * MIB;

const PHASES = {
  queued: () => true,
  starting: ({ server }) => server.calls.includes("POST /uploads"),
  signing: ({ server }) => server.count("POST /uploads/{id}/parts") === 1,
  sending: ({ storage }) => storage.requests.length > 7,
  completing: ({ server }) => server.count("POST /uploads/{id}/complete") === 1,
  inspecting: ({ server }) => server.count("GET /uploads/{id}") === 1,
};

for (const [phase, reached] of Object.entries(PHASES)) {
  for (const size of [1000, SIZE]) {
    if (size === 1000 && phase === "signing") continue;
    test(`if a file of ${size} bytes is cancelled in phase "${phase}", no pending upload and no stored bytes remain`, async () => {
      const world = new World();
      world.server.verdict = () => ({ state: "inspecting" });
      world.server.inspections = 100;
      const handle = world.engine.add(new FakeFile("a.bin", size));
      handle.finished.catch(() => {});
      const limit = phase === "sending" && size === 1000 ? ({ storage }) => storage.inFlight.size > 0 : reached;
      await world.until(() => limit(world));

      await world.run(handle.cancel());
      await world.run(handle.cancel());
      await world.pass(5_000);

      assert.equal(handle.state, "cancelled");
      assert.equal(world.storage.inFlight.size, 0);
      assert.equal(world.server.inState("pending").length + world.server.inState("ready").length, 0);
      assert.equal(world.storage.objects.size + world.storage.multiparts.size, 0);
      assert.ok(world.server.count("DELETE /uploads/{id}") <= 1);
      assert.equal(world.engine.totals.files, 0);
      assert.equal(world.engine.active, false);
    });
  }
}

test("if the server does not answer a cancellation, the engine does not emit the event `freed`", async () => {
  const world = new World();
  const freed = [];
  world.engine.on("freed", (handle) => freed.push(handle));
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 100 * MIB);
  world.server.fault = () => "network";

  await world.run(handle.cancel());

  assert.deepEqual([handle.state, freed.length, world.server.inState("pending").length], ["cancelled", 0, 1]);
});

test("the engine emits the event `freed` only after the server has confirmed the cancellation", async () => {
  const world = new World();
  const events = [];
  const record = (event) => world.engine.on(event, () => events.push([event, world.server.inState("pending").length]));
  for (const event of ["settled", "freed"]) record(event);
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 100 * MIB);

  await world.run(handle.cancel());

  assert.deepEqual(events, [["settled", 1], ["freed", 0]]);
});

test("`pause` stops all requests to S3 at once, and `resume` sends no stored part again", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  const seen = watchProgress(handle);
  await world.until(() => handle.bytesSent > 100 * MIB);

  handle.pause();
  await world.pass(3_600_000);
  assert.equal(world.storage.inFlight.size, 0);
  assert.deepEqual([handle.state, world.engine.active, world.engine.totals.paused], ["paused", false, 1]);
  handle.resume();
  await world.run(handle.finished);

  assert.equal(world.storage.stored("uploads/id-1").length, 20);
  assert.deepEqual(seen.violations, []);
});

test("if a file is paused and resumed three times in any phase, the engine creates only one upload", async () => {
  for (const [phase, reached] of Object.entries(PHASES).slice(0, 5)) {
    const world = new World();
    const handle = world.engine.add(new FakeFile("a.bin", SIZE));
    await world.until(() => reached(world));

    for (let n = 0; n < 3; n += 1) {
      handle.pause();
      handle.resume();
      handle.resume();
    }
    await world.run(handle.finished);

    assert.equal(world.server.uploads.size, 1, phase);
    assert.equal(world.server.inState("ready").length, 1, phase);
    assert.equal(world.storage.maxInFlight <= 6, true, phase);
  }
});

test("`pauseAll` stops all requests to S3, and after `resumeAll` all files arrive", async () => {
  const world = new World();
  const handles = [SIZE, SIZE, 10, 20, 30].map((size, n) => world.engine.add(new FakeFile(`${n}`, size)));
  await world.until(() => handles[0].bytesSent > 50 * MIB);

  world.engine.pauseAll();
  await world.pass(60_000);
  assert.equal(world.storage.inFlight.size, 0);
  world.engine.resumeAll();
  await world.run(Promise.all(handles.map((handle) => handle.finished)));

  assert.equal(world.server.inState("ready").length, 5);
});

test("after `cancelAll`, the server has no pending upload, and the bucket has no multipart upload", async () => {
  const world = new World();
  for (let n = 0; n < 150; n += 1) world.engine.add(new FakeFile(`${n}`, 100_000)).finished.catch(() => {});
  world.engine.add(new FakeFile("large", SIZE)).finished.catch(() => {});
  await world.until(() => world.storage.requests.length > 20);

  await world.run(world.engine.cancelAll());

  assert.deepEqual([world.server.inState("pending").length, world.storage.multiparts.size], [0, 0]);
  assert.equal(world.engine.active, false);
});

test("the engine emits the event `active` once when the first upload starts, and once after all uploads have settled", async () => {
  const world = new World();
  const emitted = [];
  world.engine.on("active", (active) => emitted.push(active));
  world.engine.on("settled", () => emitted.push("settled"));
  const handles = [1, 2].map((n) => world.engine.add(new FakeFile(`${n}`, 1000)));

  await world.run(Promise.all(handles.map((handle) => handle.finished)));

  assert.deepEqual(emitted, [true, "settled", "settled", false]);
});
