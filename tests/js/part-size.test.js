import { Checksums } from "../../static/js/engine/checksum.js";
import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { partSizeFor } from "../../static/js/engine/part-size.js";
import { test } from "node:test";

const UNKNOWN = { bytesPerSecond: 0, lanes: 6 };

for (const mib of [17, 32, 60, 100, 128, 500, 1024, 10_240]) {
  test(`if the speed is unknown, the engine asks for parts of 5 to 16 MiB for a file of ${mib} MiB`, () => {
    const size = mib * MIB;
    const part = partSizeFor(size, UNKNOWN);
    const count = Math.ceil(size / part);

    assert.ok(part >= 5 * MIB && part <= 16 * MIB, `${part / MIB} MiB`);
    if (mib >= 32 && mib < 2000) assert.ok((count % 6 || 6) >= 4, `${count} parts: the last round is nearly full`);
  });
}

test("on a fast line the engine asks for larger parts of up to 64 MiB", () => {
  const size = 10_240 * MIB;

  assert.ok(partSizeFor(size, { bytesPerSecond: 60 * MIB, lanes: 6 }) > 32 * MIB);
  assert.ok(partSizeFor(size, { bytesPerSecond: 1000 * MIB, lanes: 6 }) > 60 * MIB);
  assert.ok(partSizeFor(size, { bytesPerSecond: 1000 * MIB, lanes: 6 }) <= 64 * MIB);
  assert.ok(partSizeFor(size, { bytesPerSecond: 100_000, lanes: 6 }) <= 16 * MIB);
});

test("on a slow line the engine asks for parts of at most 8 MiB", () => {
  for (const bytesPerSecond of [100_000, 1_000_000, 1_900_000]) {
    const part = partSizeFor(1024 * MIB, { bytesPerSecond, lanes: 6 });
    assert.ok(part <= 8 * MIB && part >= 5 * MIB, `${part / MIB} MiB at ${bytesPerSecond} bytes per second`);
  }
  assert.ok(partSizeFor(1024 * MIB, { bytesPerSecond: 2_100_000, lanes: 6 }) > 15 * MIB);
  assert.ok(partSizeFor(1024 * MIB, { bytesPerSecond: 1_000_000, lanes: 6, usual: 5 * MIB }) === 5 * MIB);
});

test("the engine sends parts of the server's size, also if the engine has asked for another size", async () => {
  for (const takesPartSize of [true, false]) {
    const world = new World();
    world.server.takesPartSize = takesPartSize;
    const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));
    await world.run(handle.finished);
    const [{ part_size }] = world.server.uploads.values();

    assert.equal(part_size, takesPartSize ? partSizeFor(100 * MIB, UNKNOWN) : 16 * MIB);
    assert.equal(world.storage.requests.length, Math.ceil((100 * MIB) / part_size));
  }
});

for (const takesPartSize of [true, false]) {
  const title = takesPartSize
    ? "when the server has created the upload, the engine has already hashed the first six parts"
    : "if the server decides on another part size, the engine hashes the first parts again in this size";
  test(title, async () => {
    const world = new World({ latencyMs: 2_000 });
    world.server.takesPartSize = takesPartSize;
    const hashed = [];
    world.options = { checksums: new Checksums({ createWorker: () => countingWorker(world.clock, hashed), clock: world.clock, size: 2 }) };
    world.engine = world.newEngine();
    const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));
    await world.until(() => world.server.uploads.size === 1);
    const before = hashed.length;

    await world.run(handle.finished);

    const [{ part_size }] = world.server.uploads.values();
    assert.equal(before, 7); // the fingerprint and six parts
    assert.equal(hashed.length, 1 + Math.ceil((100 * MIB) / part_size) + (takesPartSize ? 0 : 6));
    assert.equal(handle.state, "done");
  });
}

/** A worker that records the blobs that it hashes. */
function countingWorker(clock, hashed) {
  const worker = {
    terminate() {},
    postMessage(blob) {
      hashed.push(blob.size);
      clock.after(blob.size / 300_000, () => worker.onmessage({ data: { checksum: blob.checksum } }));
    },
  };
  return worker;
}

test("if each of six connections carries 4 MB/s, the engine's part size lets a 128 MiB file use 85 % of 24 MB/s", async () => {
  const took = { "the server's size": 0, "the page's size": 0 };
  for (const name of Object.keys(took)) {
    const world = new World({ line: { stepMs: 50, buffer: 500_000, bytesPerMs: 24_000, bytesPerMsEach: 4_000, delayMs: 160 } });
    world.server.takesPartSize = name === "the page's size";
    await world.run(world.engine.add(new FakeFile("film.bin", 128 * MIB)).finished);
    took[name] = world.clock.now();
  }
  const limit = (128 * MIB) / 24_000;

  assert.ok(took["the page's size"] < limit / 0.85, JSON.stringify(took));
  assert.ok(took["the server's size"] > limit * 1.4, JSON.stringify(took));
});

test("on a slow line, neither the first part nor the file arrives later with the engine's part size than with the server's", async () => {
  const ends = [];
  for (const takesPartSize of [false, true]) {
    const world = new World({ line: { stepMs: 250, buffer: 500_000, bytesPerMs: 1_000 } });
    world.server.takesPartSize = takesPartSize;
    await world.run(world.engine.add(new FakeFile("film.bin", 60 * MIB)).finished);
    ends.push({ all: world.clock.now(), first: world.storage.requests[0].at });
  }
  const [before, now] = ends;

  assert.ok(now.first <= before.first && now.all <= before.all * 1.03, JSON.stringify(ends));
});
