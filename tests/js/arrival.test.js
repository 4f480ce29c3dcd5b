import { FakeFile, MIB, World, watchProgress } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SIZES = [0, 1, 16 * MIB, 16 * MIB + 1, 200 * MIB];

for (const size of SIZES) {
  test(`a file of ${size} bytes arrives completely, and the engine sends no byte twice`, async () => {
    const world = new World();
    const handle = world.engine.add(new FakeFile("a.bin", size));

    const record = await world.run(handle.finished);

    assert.equal(record.state, "ready");
    assert.equal(handle.bytesSent, size);
    const parts = Math.max(1, Math.ceil(size / (16 * MIB)));
    assert.equal(world.storage.requests.length, parts);
    assert.equal(new Set(world.storage.requests.map(({ partNumber }) => partNumber)).size, parts);
  });
}

for (const parts of [2, 6, 7, 13, 32, 64, 100, 700]) {
  test(`for a file of ${parts} parts, the engine makes at most ${2 + Math.ceil(parts / 6)} requests to the API`, async () => {
    const world = new World();

    await world.run(world.engine.add(new FakeFile("a.bin", parts * 16 * MIB)).finished);

    assert.ok(world.server.calls.length <= 2 + Math.ceil(parts / 6), `${world.server.calls.length} requests`);
    assert.equal(world.storage.requests.length, parts);
  });
}

test("all files together use at most six lanes", async () => {
  const world = new World();
  const handles = [1, 2, 3, 4].map((n) => world.engine.add(new FakeFile(`${n}.bin`, 150 * MIB)));
  for (let n = 0; n < 50; n += 1) handles.push(world.engine.add(new FakeFile(`small-${n}`, 1000)));

  await world.run(Promise.all(handles.map((handle) => handle.finished)));

  assert.equal(world.storage.maxInFlight, 6);
});

test("a small file arrives while the engine is still sending a large file that started earlier", async () => {
  const world = new World();
  const large = world.engine.add(new FakeFile("large.bin", 2000 * MIB));
  await world.until(() => large.bytesSent > 100 * MIB);

  const small = world.engine.add(new FakeFile("small.txt", 1000));
  await world.run(small.finished);

  assert.equal(large.state, "sending");
  assert.ok(large.bytesSent < 600 * MIB);
});

test("two large files share the lanes, so the engine sends both files at the same time", async () => {
  const world = new World();
  const one = world.engine.add(new FakeFile("one.bin", 800 * MIB));
  const two = world.engine.add(new FakeFile("two.bin", 800 * MIB));

  await world.until(() => one.bytesSent > 400 * MIB);

  assert.ok(two.bytesSent > 200 * MIB, `${two.bytesSent / MIB} MiB`);
});

test("while the engine sends some parts, workers compute the checksums of the next parts", async () => {
  const world = new World({ bytesPerMs: 100_000 });
  const handle = world.engine.add(new FakeFile("a.bin", 640 * MIB));

  await world.run(handle.finished);

  // The transfer alone needs 6.7 s. Checksums between the transfers would need another 2.2 s.
  assert.ok(world.clock.now() < 8_500, `${world.clock.now()} ms`);
});

test("while the server inspects a file whose bytes are all sent, the progress stays at 99 %", async () => {
  const world = new World();
  world.server.verdict = () => ({ state: "inspecting" });
  world.server.inspections = 5;
  const handle = world.engine.add(new FakeFile("a.bin", 100 * MIB));
  const seen = watchProgress(handle);

  await world.until(() => world.server.count("GET /uploads/{id}") === 3);

  assert.equal(handle.state, "checking");
  assert.equal(handle.bytesSent, Math.floor(100 * MIB * 0.99));
  await world.run(handle.finished);
  assert.equal(handle.bytesSent, 100 * MIB);
  assert.deepEqual(seen.violations, []);
});

test("if the server rejects a file, the upload fails with the server's message, and `retry` starts a new upload", async () => {
  const world = new World();
  world.server.verdict = () => ({ state: "rejected", rejected_reason: "This is a program, not a picture." });
  const handle = world.engine.add(new FakeFile("a.png", 1000));

  await assert.rejects(world.run(handle.finished), { code: "rejected", message: "This is a program, not a picture." });
  assert.equal(handle.error.uploadId, [...world.server.uploads.keys()][0]);

  world.server.verdict = () => ({ state: "ready" });
  handle.retry();
  await world.run(handle.finished);
  assert.equal(world.server.uploads.size, 2);
});

test("if a slow inspector refuses a file after `complete` was answered, the upload fails with the inspector's reason", async () => {
  const world = new World();
  world.server.verdict = () => ({ state: "inspecting" });
  world.server.inspections = 2;
  world.server.settled = { state: "rejected", rejected_reason: "Malware." };

  const handle = world.engine.add(new FakeFile("a.zip", 1000));

  await assert.rejects(world.run(handle.finished), { message: "Malware." });
});

test("the engine declares the browser's content type without parameters, or application/octet-stream for no type", async () => {
  const world = new World();
  const files = ["text/html", "image/svg+xml", "", "image/png", "text/plain; charset=utf-8"].map(
    (type, index) => new FakeFile(`${index}`, 10, { type }),
  );

  await world.run(Promise.all(files.map((file) => world.engine.add(file).finished)));

  const declared = [...world.server.uploads.values()].map(({ content_type }) => content_type);
  assert.deepEqual(declared, ["text/html", "image/svg+xml", "application/octet-stream", "image/png", "text/plain"]);
});

test("`totals` has the sums and the speed of all files in a batch, and the next batch counts from zero", async () => {
  const world = new World();
  const seen = [];
  world.engine.on("totals", (totals) => seen.push(totals));
  const handles = [1, 2].map((n) => world.engine.add(new FakeFile(`${n}.bin`, 100 * MIB)));

  await world.run(Promise.all(handles.map((handle) => handle.finished)));

  const last = seen.at(-1);
  assert.deepEqual([last.files, last.done, last.bytesSent, last.active], [2, 2, 200 * MIB, false]);
  const midway = seen.find(({ bytesSent }) => bytesSent > 100 * MIB);
  assert.ok(Math.abs(midway.bytesPerSecond - 20_000_000) < 8_000_000, `${midway.bytesPerSecond}`);
  assert.ok(midway.secondsLeft > 1 && midway.secondsLeft < 10, `${midway.secondsLeft}`);
  world.engine.add(new FakeFile("3.bin", 5));
  assert.equal(world.engine.totals.files, 1);
});
