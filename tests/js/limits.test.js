import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/** Limit calls per minute as uploads/access/rates.py does. `limits` maps each call to its limit. */
function limit(world, limits) {
  const full = {};
  const refused = {};
  world.server.limit = (call, cost) => {
    const name = Object.keys(limits).find((start) => call.startsWith(start));
    if (!name) return undefined;
    if (cost > limits[name]) return { status: 422, code: "invalid_request" };
    const interval = 60_000 / limits[name];
    const now = world.clock.now();
    const tat = Math.max(full[name] ?? 0, now) + cost * interval;
    if (tat > now + 60_000) {
      refused[call] = (refused[call] ?? 0) + 1;
      return { status: 429, code: "rate_limited", retry_after: Math.ceil((tat - now - 60_000) / 1000) };
    }
    full[name] = tat;
    return undefined;
  };
  return refused;
}

function add(world, count) {
  return Array.from({ length: count }, (_, n) => world.engine.add(new FakeFile(`file-${n}`, 20_000)));
}

for (const [call, file] of [
  ["POST /uploads", new FakeFile("a.bin", 100)],
  ["POST /uploads/{id}/complete", new FakeFile("a.bin", 100)],
  ["POST /uploads", new FakeFile("a.bin", 40 * MIB)],
  ["POST /uploads/{id}/parts", new FakeFile("a.bin", 40 * MIB)],
  ["POST /uploads/{id}/complete", new FakeFile("a.bin", 40 * MIB)],
]) {
  test(`if ${call} for a file of ${file.size} bytes gets 429, the engine waits for Retry-After, and the file arrives`, async () => {
    const world = new World();
    world.server.retryAfter = "90";
    const times = [];
    world.server.fault = (made) => {
      if (made !== call) return undefined;
      times.push(world.clock.now());
      return times.length === 1 ? 429 : undefined;
    };

    const record = await world.run(world.engine.add(file).finished);

    assert.equal(record.state, "ready");
    assert.equal(times.length, 2);
    assert.ok(times[1] - times[0] >= 90_000, `after ${times[1] - times[0]} ms`);
  });
}

for (const call of ["POST /uploads/batch", "POST /uploads/complete-batch"]) {
  test(`if the server answers 429 to a whole batch (${call}), the engine repeats the same request after Retry-After`, async () => {
    const world = new World();
    world.server.retryAfter = "90";
    const times = [];
    world.server.fault = (made) => {
      if (made !== call) return undefined;
      times.push(world.clock.now());
      return times.length === 1 ? 429 : undefined;
    };

    await world.run(Promise.all(add(world, 9).map((handle) => handle.finished)));

    assert.deepEqual([times.length, world.server.uploads.size], [2, 9]);
    assert.ok(times[1] - times[0] >= 90_000);
    assert.equal(world.server.count("POST /uploads"), 0);
    assert.equal(world.server.count("POST /uploads/{id}/complete"), 0);
  });
}

test("if two files of a batch get 429, the engine retries only these files, after the Retry-After of each file", async () => {
  const world = new World();
  const refused = new Map([
    ["file-3", 40],
    ["file-8", 90],
  ]);
  const admitted = new Map();
  world.server.refuse = ({ filename }) => {
    const seconds = refused.get(filename);
    refused.delete(filename);
    if (seconds) return { status: 429, code: "rate_limited", retry_after: seconds };
    admitted.set(filename, world.clock.now());
    return undefined;
  };

  await world.run(Promise.all(add(world, 20).map((handle) => handle.finished)));

  assert.equal(world.server.inState("ready").length, 20);
  assert.equal(world.server.count("POST /uploads/batch"), 1);
  assert.equal(world.server.count("POST /uploads"), 2);
  const waited = (name) => admitted.get(name) - admitted.get("file-0");
  assert.ok(waited("file-3") >= 40_000 && waited("file-3") < 60_000, `${waited("file-3")} ms`);
  assert.ok(waited("file-8") >= 90_000, `${waited("file-8")} ms`);
});

test("the engine sends 3,000 small files with fewer than 200 API requests, and no rate limit refuses a request", async () => {
  const world = new World();
  const refused = limit(world, { "POST /uploads/complete-batch": 6000, "POST /uploads": 6000 });

  await world.run(Promise.all(add(world, 3000).map((handle) => handle.finished)));

  assert.deepEqual(refused, {});
  assert.equal(world.server.inState("ready").length, 3000);
  assert.equal(world.storage.requests.length, 3000);
  assert.ok(world.server.calls.length < 200, `${world.server.calls.length} requests`);
  assert.ok(world.server.count("POST /uploads/batch") >= 30);
});

test("if the engine sends 10,000 parts at 1 GB/s, the rate limit for part URLs refuses no request", async () => {
  const world = new World({ bytesPerMs: 1_000_000 });
  const refused = limit(world, { "POST /uploads/{id}/parts": 12_000 });

  await world.run(world.engine.add(new FakeFile("a.bin", 10_000 * 16 * MIB)).finished);

  assert.deepEqual(refused, {});
});

test("if the rate limit allows 300 files a minute, the engine sends 1,500 files over several minutes", async () => {
  const world = new World();
  const refused = limit(world, { "POST /uploads/batch": 300, "POST /uploads/complete-batch": 300 });

  await world.run(Promise.all(add(world, 1500).map((handle) => handle.finished)));

  assert.equal(world.server.inState("ready").length, 1500);
  assert.ok(refused["POST /uploads/batch"] > 0);
  assert.ok(world.clock.now() > 3 * 60_000);
});

test("if a batch has more files than the whole rate limit, the engine starts these files one by one", async () => {
  const world = new World();
  limit(world, { "POST /uploads/batch": 10, "POST /uploads/complete-batch": 10 });

  await world.run(Promise.all(add(world, 60).map((handle) => handle.finished)));

  assert.equal(world.server.inState("ready").length, 60);
});

test("if the rate limit allows 100 part URLs a minute, the engine still sends a file of 400 parts completely", async () => {
  const world = new World({ bytesPerMs: 1_000_000 });
  const refused = limit(world, { "POST /uploads/{id}/parts": 100 });

  await world.run(world.engine.add(new FakeFile("a.bin", 400 * 16 * MIB)).finished);

  assert.ok(refused["POST /uploads/{id}/parts"] > 0);
  assert.equal(world.server.inState("ready").length, 1);
});
