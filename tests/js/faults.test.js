import { FakeFile, MIB, World, seeded, watchProgress } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const PARTS = 40;
const SIZE = PARTS * 16 * MIB;

function assertAllReady(world, handle) {
  assert.equal(handle.record.state, "ready");
  assert.equal(world.server.inState("ready").length, world.server.uploads.size);
}

for (let seed = 1; seed <= 12; seed += 1) {
  test(`if requests to S3 and the server fail at random, all files arrive and no progress goes backwards (seed ${seed})`, async () => {
    const world = new World({ seed });
    const random = seeded(seed * 7919);
    const pick = (faults) => (random() < 0.25 ? faults[Math.floor(random() * faults.length)] : undefined);
    world.storage.fault = () => pick(["network", "lost", "stall", 503, 500, 403, [400, "RequestTimeout"]]);
    world.server.fault = () => pick(["network", "lost", 502, 503, 429]);
    const files = [500 * MIB, 90 * MIB, ...Array.from({ length: 40 }, () => Math.floor(random() * 1e6))];
    const handles = files.map((size, index) => world.engine.add(new FakeFile(`${index}`, size)));
    const seen = handles.map(watchProgress);

    await world.run(Promise.all(handles.map((handle) => handle.finished)));

    assert.deepEqual(seen.flatMap(({ violations }) => violations), []);
    assert.equal(world.server.uploads.size, files.length);
    assert.equal(world.server.inState("ready").length, files.length);
    assert.ok(world.storage.maxInFlight <= 6);
  });
}

test("if S3 answers 503 to 20 % of the requests, the engine changes the number of lanes, and the file arrives", async () => {
  const world = new World();
  const random = seeded(5);
  world.storage.fault = () => (random() < 0.2 ? [503, "SlowDown"] : undefined);
  const limits = new Set();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  handle.on("progress", () => limits.add(world.engine.lanes.limit));

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.equal(world.storage.stored("uploads/id-1").length, PARTS);
  assert.ok(limits.has(3) && limits.size > 2, [...limits].join());
});

test("the engine reduces the lanes to one while S3 answers only 503, and uses six lanes again after the last 503", async () => {
  const world = new World();
  let burst = true;
  world.storage.fault = () => (burst ? 503 : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));

  await world.until(() => world.engine.lanes.limit === 1);
  burst = false;
  await world.run(handle.finished);

  assert.equal(world.engine.lanes.limit, 6);
});

test("if the browser was offline for a minute, the engine uses all six lanes within a second of the `online` event", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 200 * MIB);

  world.goOffline();
  await world.pass(60_000);
  assert.equal(handle.state, "sending");
  assert.equal(world.engine.totals.offline, true);
  assert.equal(world.engine.totals.stalled, true);
  assert.equal(world.engine.totals.secondsLeft, null);
  const callsWhileOffline = world.server.calls.length;
  world.goOnline();
  await world.pass(1_000);

  assert.equal(world.storage.inFlight.size, 6);
  assert.ok(world.server.calls.length - callsWhileOffline <= 1);
  await world.run(handle.finished);
  assertAllReady(world, handle);
  assert.equal(world.storage.stored("uploads/id-1").length, PARTS);
});

test("if the browser is offline for three hours, the upload does not fail, and continues afterwards", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 200 * MIB);

  world.goOffline();
  await world.pass(3 * 3_600_000);
  world.goOnline();

  await world.run(handle.finished);
  assertAllReady(world, handle);
});

test("if a connection to S3 stalls, the engine detects this and sends the part again", async () => {
  const world = new World();
  let stalls = 2;
  world.storage.fault = ({ partNumber }) => (partNumber === 3 && stalls-- > 0 ? "stall" : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.ok(world.clock.now() > 60_000 && world.clock.now() < 90_000, `${world.clock.now()}`);
});

test("if S3 does not answer after the last byte of a file, the engine sends the file again after two minutes", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.txt", 1000));
  await world.until(() => world.storage.inFlight.size === 1);
  const [xhr] = world.storage.inFlight;
  xhr.upload.onprogress({ loaded: 1000 });
  xhr.cancel();

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.ok(world.clock.now() > 120_000);
});

test("after the machine has slept for hours, the engine renews all URLs in at most five requests", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 250 * MIB);
  const before = world.server.count("POST /uploads/{id}/parts");
  const stored = world.storage.stored("uploads/id-1").length;

  world.clock.jump(8 * 3_600_000);
  world.storage.failAll();
  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.ok(world.server.count("POST /uploads/{id}/parts") - before <= 5);
  assert.equal(world.storage.stored("uploads/id-1").length, PARTS);
  assert.ok(stored > 5);
});

test("if URLs expire in less time than a part needs, the engine renews each URL before use", async () => {
  const world = new World({ lifetimeMs: 4_000, bytesPerMs: 10_000 });
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.deepEqual(world.storage.requests.filter(({ status }) => status !== 200), []);
});

test("if the URL of a small file has expired, the engine gets a new URL for the same upload", async () => {
  const world = new World();
  const handles = [1, 2, 3].map((n) => world.engine.add(new FakeFile(`${n}`, 1000)));
  await world.until(() => world.server.uploads.size === 3);

  world.clock.jump(3_600_000);
  await world.run(Promise.all(handles.map((handle) => handle.finished)));

  assert.equal(world.server.uploads.size, 3);
  assert.equal(world.server.inState("ready").length, 3);
});

test("if S3 answers 403 to all requests, the engine renews the URLs a few times, and then the upload fails", async () => {
  const world = new World();
  world.storage.fault = () => 403;
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await assert.rejects(world.run(handle.finished), { code: "expired" });

  assert.ok(world.storage.requests.length <= 6 * 4);
});

test("if the answer to a start is lost, the engine's retry creates no second upload", async () => {
  const world = new World();
  let losses = 2;
  world.server.fault = (call) => (call === "POST /uploads" && losses-- > 0 ? "lost" : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await world.run(handle.finished);

  assert.equal(world.server.count("POST /uploads"), 3);
  assert.equal(world.server.uploads.size, 1);
});

test("if the answer to a PUT is lost, the engine sends the file again, and counts the answer 412 as a success", async () => {
  const world = new World();
  let losses = 1;
  world.storage.fault = () => (losses-- > 0 ? "lost" : undefined);
  const handle = world.engine.add(new FakeFile("a.txt", 1000));

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.deepEqual(world.storage.requests.map(({ status }) => status), [200, 412]);
});

test("if the answer to `complete` is lost, the engine repeats `complete`", async () => {
  const world = new World();
  let losses = 2;
  world.server.fault = (call) => (call.endsWith("/complete") && losses-- > 0 ? "lost" : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await world.run(handle.finished);

  assertAllReady(world, handle);
});

test("if the server never answers `complete`, the engine repeats `complete` after a timeout", async () => {
  const world = new World();
  let first = true;
  const { fetch } = world.server;
  world.options.fetch = (url, options) => {
    if (!url.endsWith("/complete") || !first) return fetch(url, options);
    first = false;
    return new Promise(() => {});
  };
  world.engine = world.newEngine();
  const handle = world.engine.add(new FakeFile("a.txt", 1000));

  await world.run(handle.finished);

  assertAllReady(world, handle);
});

test("if the bucket has lost two parts of a file, the engine sends only these two parts again", async () => {
  const world = new World();
  let lost = false;
  world.server.fault = (call) => {
    if (!call.endsWith("/complete") || lost) return undefined;
    lost = true;
    for (const number of [2, 5]) world.storage.multiparts.get("uploads/id-1").delete(number);
    return undefined;
  };
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));
  const seen = watchProgress(handle);

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.equal(world.storage.requests.length, 7 + 2);
  assert.deepEqual(seen.violations, []);
});

test("if the server answers 429 to a start, the engine does not retry before the time in Retry-After", async () => {
  const world = new World();
  world.server.retryAfter = "90";
  let refusals = 1;
  world.server.fault = (call) => (call === "POST /uploads" && refusals-- > 0 ? 429 : undefined);

  await world.run(world.engine.add(new FakeFile("a.bin", 100)).finished);

  assert.ok(world.clock.now() >= 90_000);
});

test("if S3 cannot be reached for minutes, the upload fails, and `retry` sends no stored part again", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 300 * MIB);
  world.storage.fault = () => "network";

  await assert.rejects(world.run(handle.finished), { code: "network" });
  assert.ok(world.clock.now() > 120_000);
  assert.ok(handle.bytesSent > 300 * MIB);

  world.storage.fault = () => undefined;
  handle.retry();
  await world.run(handle.finished);
  assertAllReady(world, handle);
  assert.equal(world.storage.stored("uploads/id-1").length, PARTS);
});
