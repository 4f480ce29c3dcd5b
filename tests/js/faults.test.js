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
  test(`under random faults every file arrives and progress never goes backwards (seed ${seed})`, async () => {
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

test("20 % of S3 requests answered 503: the file arrives, no part is stored twice, the number of lanes falls and rises", async () => {
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

test("a burst of refusals reduces the lanes to one, and successes restore six", async () => {
  const world = new World();
  let burst = true;
  world.storage.fault = () => (burst ? 503 : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));

  await world.until(() => world.engine.lanes.limit === 1);
  burst = false;
  await world.run(handle.finished);

  assert.equal(world.engine.lanes.limit, 6);
});

test("an upload continues at once after a minute offline", async () => {
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

test("a failed request while offline for hours is not counted as a failed attempt", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));
  await world.until(() => handle.bytesSent > 200 * MIB);

  world.goOffline();
  await world.pass(3 * 3_600_000);
  world.goOnline();

  await world.run(handle.finished);
  assertAllReady(world, handle);
});

test("a stalled connection is detected, and its part is sent again", async () => {
  const world = new World();
  let stalls = 2;
  world.storage.fault = ({ partNumber }) => (partNumber === 3 && stalls-- > 0 ? "stall" : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.ok(world.clock.now() > 60_000 && world.clock.now() < 90_000, `${world.clock.now()}`);
});

test("a missing answer after the last byte is detected", async () => {
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

test("after sleep all URLs are renewed in few requests, and nothing is sent twice", async () => {
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

test("URLs that expire sooner than a part is sent are renewed before use", async () => {
  const world = new World({ lifetimeMs: 4_000, bytesPerMs: 10_000 });
  const handle = world.engine.add(new FakeFile("a.bin", SIZE));

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.deepEqual(world.storage.requests.filter(({ status }) => status !== 200), []);
});

test("a small file whose URL has expired starts again with its key, in the same upload", async () => {
  const world = new World();
  const handles = [1, 2, 3].map((n) => world.engine.add(new FakeFile(`${n}`, 1000)));
  await world.until(() => world.server.uploads.size === 3);

  world.clock.jump(3_600_000);
  await world.run(Promise.all(handles.map((handle) => handle.finished)));

  assert.equal(world.server.uploads.size, 3);
  assert.equal(world.server.inState("ready").length, 3);
});

test("if the storage refuses every URL, the upload fails with a message after a few renewals", async () => {
  const world = new World();
  world.storage.fault = () => 403;
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await assert.rejects(world.run(handle.finished), { code: "expired" });

  assert.ok(world.storage.requests.length <= 6 * 4);
});

test("a lost answer to start creates no second upload", async () => {
  const world = new World();
  let losses = 2;
  world.server.fault = (call) => (call === "POST /uploads" && losses-- > 0 ? "lost" : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await world.run(handle.finished);

  assert.equal(world.server.count("POST /uploads"), 3);
  assert.equal(world.server.uploads.size, 1);
});

test("after a lost answer to a PUT, 412 counts as success", async () => {
  const world = new World();
  let losses = 1;
  world.storage.fault = () => (losses-- > 0 ? "lost" : undefined);
  const handle = world.engine.add(new FakeFile("a.txt", 1000));

  await world.run(handle.finished);

  assertAllReady(world, handle);
  assert.deepEqual(world.storage.requests.map(({ status }) => status), [200, 412]);
});

test("complete is retried after a lost answer", async () => {
  const world = new World();
  let losses = 2;
  world.server.fault = (call) => (call.endsWith("/complete") && losses-- > 0 ? "lost" : undefined);
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));

  await world.run(handle.finished);

  assertAllReady(world, handle);
});

test("complete times out and is retried if it never answers", async () => {
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

test("only the parts that the bucket lost are sent again", async () => {
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

test("a request is not repeated before Retry-After", async () => {
  const world = new World();
  world.server.retryAfter = "90";
  let refusals = 1;
  world.server.fault = (call) => (call === "POST /uploads" && refusals-- > 0 ? 429 : undefined);

  await world.run(world.engine.add(new FakeFile("a.bin", 100)).finished);

  assert.ok(world.clock.now() >= 90_000);
});

test("an upload fails after minutes without the server, and retry keeps the stored parts", async () => {
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
