import { FakeFile, MIB, NO_PACE, World } from "./world.js";
import { FairQueue } from "../../static/js/engine/fair-queue.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const MBIT_PER_S = 125; // bytes a millisecond
const PART = 16 * MIB;
const FIRST_MS = 10_000; // until the engine knows the speed, it uses all lanes

/** Send files over a network. Return when six lanes were busy, when all files had arrived, and when each body arrived. */
async function sendFiles(line, sizes, options = {}) {
  const world = new World({ line: { stepMs: 100, ...line }, ...options });
  const handles = sizes.map((size, index) => world.engine.add(new FakeFile(`${index}.bin`, size)));
  let sixAt = Infinity;
  let most = 0; // the number of concurrent bodies, after the first seconds
  for (const handle of handles) {
    handle.on("progress", () => {
      if (world.storage.inFlight.size === 6) sixAt = Math.min(sixAt, world.clock.now());
      if (world.clock.now() > FIRST_MS) most = Math.max(most, world.storage.inFlight.size);
    });
  }
  await world.run(Promise.all(handles.map((handle) => handle.finished)));
  return { world, sixAt, most, took: world.clock.now(), arrivals: world.storage.requests.map(({ at }) => at) };
}

/** Send the same files twice: with the limits of `pace.js`, and without these limits. */
async function sendWithAndWithoutPace(line, sizes) {
  return [await sendFiles(line, sizes), await sendFiles(line, sizes, { pace: NO_PACE })];
}

function assertAllLanesAreFree(world) {
  assert.equal(world.engine.lanes.active, 0);
  assert.equal(world.engine.lanes.limit, 6);
}

for (const buffer of [0, 250_000, 500_000]) {
  test(`at 2 Mbit/s with a send buffer of ${buffer} bytes, the parts of a file arrive one after another`, async () => {
    const speed = 2 * MBIT_PER_S;
    const [paced, unpaced] = await sendWithAndWithoutPace({ bytesPerMs: speed, buffer }, [60 * MIB]);

    const partMs = PART / speed;
    const pretended = (2 * buffer) / speed; // buffered bytes count as sent, so the next part may start too early by this time
    for (const [index, at] of paced.arrivals.slice(0, 3).entries()) {
      const due = (index + 1) * partMs;
      assert.ok(at < due + 14_000 + pretended, `part ${index + 1} after ${at} ms instead of ${due}`);
    }
    assert.ok(unpaced.arrivals[0] > 0.75 * unpaced.took, "without the pace, no part arrives in the first three quarters of the time");
    assert.ok(paced.took < 1.02 * unpaced.took, `${paced.took} instead of ${unpaced.took} ms`);
  });
}

test("if the machine's send buffer takes 3 MB at once, the engine measures a wrong speed, but the file takes no longer", async () => {
  const [paced, unpaced] = await sendWithAndWithoutPace({ bytesPerMs: 2 * MBIT_PER_S, buffer: 3_000_000 }, [60 * MIB]);

  assert.ok(paced.took < 1.02 * unpaced.took, `${paced.took} instead of ${unpaced.took} ms`);
});

test("at 2 Mbit/s the engine sends at most two parts of a 500 MiB file at once", async () => {
  const speed = 2 * MBIT_PER_S;
  const { arrivals, most } = await sendFiles({ bytesPerMs: speed, buffer: 500_000 }, [500 * MIB]);

  assert.ok(most <= 2, `${most} at once`);
  for (const [index, at] of arrivals.entries()) {
    assert.ok(at < (index + 1) * (PART / speed) + 20_000, `part ${index + 1} after ${at} ms`);
  }
});

test("at 1 Gbit/s the engine uses all six lanes within 1 second, and pace.js delays a 1 GiB file by at most 3 %", async () => {
  const line = { bytesPerMs: 1000 * MBIT_PER_S, delayMs: 20, stepMs: 50 };
  const [paced, unpaced] = await sendWithAndWithoutPace(line, [1024 * MIB]);

  assert.ok(paced.sixAt < 1_000, `${paced.sixAt} ms`);
  assert.ok(paced.took < 1.03 * unpaced.took, `${paced.took} instead of ${unpaced.took} ms`);
});

test("at 100 Mbit/s the engine uses all six lanes within 3 seconds, and pace.js delays a 1 GiB file by at most 1 %", async () => {
  const [paced, unpaced] = await sendWithAndWithoutPace({ bytesPerMs: 100 * MBIT_PER_S, delayMs: 20 }, [1024 * MIB]);

  assert.ok(paced.sixAt < 3_000, `${paced.sixAt} ms`);
  assert.ok(paced.took < 1.01 * unpaced.took, `${paced.took} instead of ${unpaced.took} ms`);
});

for (const [each, buffer, sixWithinMs] of [
  [2_000, 0, 12_000],
  [1_000, 0, 30_000],
  [500, 0, 50_000],
  [500, 3_000_000, 50_000],
]) {
  test(`if each connection is limited to ${each} kB/s (send buffer: ${buffer} bytes), the engine soon uses six lanes`, async () => {
    const [paced, unpaced] = await sendWithAndWithoutPace({ bytesPerMs: 6 * each, bytesPerMsEach: each, buffer }, [1024 * MIB]);

    assert.ok(paced.sixAt < sixWithinMs, `${paced.sixAt} ms`);
    assert.ok(paced.took < 1.15 * unpaced.took, `${paced.took} instead of ${unpaced.took} ms`);
  });
}

for (const seed of [1, 2, 3]) {
  test(`if the speed varies, a slow line gets at most 3 lanes, and a line with limited connections gets 6 (seed ${seed})`, async () => {
    const world = (line, size) => {
      const made = new World({ line: { stepMs: 100, buffer: 500_000, ...line }, seed });
      const steady = line.bytesPerMs;
      Object.defineProperty(made.storage, "bytesPerMs", { get: () => steady * (0.5 + made.random()) });
      return [made, made.engine.add(new FakeFile("a.bin", size))];
    };
    const [shared, slow] = world({ bytesPerMs: 2 * MBIT_PER_S }, 300 * MIB);
    const [limited, far] = world({ bytesPerMs: 3_000, bytesPerMsEach: 500 }, 300 * MIB);

    await shared.pass(FIRST_MS);
    shared.storage.maxInFlight = 0;
    await shared.run(slow.finished);
    await limited.run(far.finished);

    assert.ok(shared.storage.maxInFlight <= 3, `${shared.storage.maxInFlight} on the shared line`);
    assert.equal(limited.storage.maxInFlight, 6);
  });
}

test("if all files are small, the engine uses six lanes even on a slow line, as without pace.js", async () => {
  for (const bytesPerMs of [2 * MBIT_PER_S, 1000 * MBIT_PER_S]) {
    const [paced, unpaced] = await sendWithAndWithoutPace({ bytesPerMs }, Array(400).fill(20_000));

    assert.deepEqual(paced.arrivals, unpaced.arrivals);
    assert.equal(paced.world.storage.maxInFlight, 6);
  }
});

test("on a slow line photos arrive one after another, and the engine sends small files while a large file is in progress", async () => {
  const { arrivals, took } = await sendFiles({ bytesPerMs: 2 * MBIT_PER_S }, Array(30).fill(5_000_000));
  assert.ok(arrivals[0] < 35_000, `${arrivals[0]} ms`);
  assert.ok(arrivals.filter((at) => at < took / 2).length >= 13);

  const world = new World({ line: { stepMs: 100 }, bytesPerMs: 2 * MBIT_PER_S });
  const large = world.engine.add(new FakeFile("film.bin", 60 * MIB));
  await world.until(() => large.bytesSent > 0);
  const began = world.clock.now();
  await world.run(Promise.all(Array.from({ length: 20 }, (_, n) => world.engine.add(new FakeFile(`${n}`, 1000)).finished)));

  assert.ok(world.clock.now() - began < 5_000, `${world.clock.now() - began} ms`);
  assert.equal(large.state, "sending");
});

test("on a slow line three files take turns, and a file that is paused or cancelled releases its lanes", async () => {
  const world = new World({ line: { stepMs: 100 }, bytesPerMs: 8 * MBIT_PER_S });
  const [one, two, three] = [1, 2, 3].map((n) => world.engine.add(new FakeFile(`${n}.bin`, 100 * MIB)));
  await world.until(() => world.storage.requests.length === 4);
  assert.equal(new Set(world.storage.requests.map(({ key }) => key)).size, 3, "each file has sent a part");

  await world.run(two.cancel());
  one.pause();
  await world.pass(5 * 60_000);
  one.resume();
  await world.pass(30_000);
  world.engine.pauseAll();
  await world.pass(3_600_000);
  assert.equal(world.engine.lanes.active, 0, "nothing is sent while all files are paused");
  world.engine.resumeAll();
  await world.run(Promise.all([one.finished, three.finished]));

  assertAllLanesAreFree(world);
});

test("if the line becomes fast while an upload is paused, the engine uses six lanes within 3 seconds after the resume", async () => {
  const world = new World({ line: { stepMs: 100 }, bytesPerMs: 2 * MBIT_PER_S });
  const handle = world.engine.add(new FakeFile("a.bin", 1024 * MIB));
  await world.pass(200_000);
  handle.pause();
  await world.pass(60_000);
  world.storage.bytesPerMs = 200 * MBIT_PER_S;
  const resumed = world.clock.now();
  handle.resume();

  await world.until(() => world.storage.inFlight.size === 6);

  assert.ok(world.clock.now() - resumed < 3_000, `${world.clock.now() - resumed} ms`);
  await world.run(handle.finished);
  assertAllLanesAreFree(world);
});

test("if the line becomes slow during an upload, the engine reduces the number of lanes from six to one", async () => {
  const world = new World({ line: { stepMs: 100, bytesPerMs: 3_000, bytesPerMsEach: 500 } });
  world.engine.add(new FakeFile("a.bin", 2048 * MIB));
  await world.until(() => world.storage.inFlight.size === 6);
  await world.pass(120_000);
  assert.ok(world.storage.inFlight.size >= 5);

  world.storage.bytesPerMs = 4 * MBIT_PER_S;

  await world.until(() => world.storage.inFlight.size === 1);
  assert.ok(world.clock.now() < 3_600_000, `${world.clock.now()} ms`);
});

test("if a fast line is slow after an outage, the engine soon sends only one part at a time", async () => {
  const world = new World({ line: { stepMs: 100 }, bytesPerMs: 200 * MBIT_PER_S });
  world.engine.add(new FakeFile("a.bin", 1024 * MIB));
  await world.until(() => world.storage.inFlight.size === 6);
  world.goOffline();
  await world.pass(60_000);
  world.storage.bytesPerMs = 2 * MBIT_PER_S;
  world.goOnline();
  await world.pass(30_000);

  assert.equal(world.storage.inFlight.size, 1);
});

test("if the request of one part stalls, the file still arrives with a delay of at most one minute", async () => {
  const world = new World({ line: { stepMs: 100 }, bytesPerMs: 4 * MBIT_PER_S });
  let stalls = 1;
  world.storage.fault = ({ partNumber }) => (partNumber === 2 && stalls-- > 0 ? "stall" : undefined);

  await world.run(world.engine.add(new FakeFile("a.bin", 200 * MIB)).finished);

  assert.equal(world.engine.lanes.active, 0);
  assert.ok(world.clock.now() < 200 * MIB / 500 + 60_000, `${world.clock.now()} ms`);
});

test("if the queue serves only small entries for a while, large entries keep their places in the queue", () => {
  const queue = new FairQueue();
  for (const [owner, entry] of [["a", "large a"], ["b", "large b"], ["b", "small b"]]) queue.add(owner, entry);
  const isSmall = (entry) => entry.startsWith("small");

  assert.equal(queue.take(isSmall), "small b");
  assert.equal(queue.take(isSmall), undefined);
  assert.deepEqual([queue.take(), queue.take(), queue.take()], ["large a", "large b", undefined]);
});

test("if bodies arrive before their speed can be measured, the engine uses six lanes on fast lines and on lines with limited connections", async () => {
  const fast = { bytesPerMs: 100_000, stepMs: 50, delayMs: 5, buffer: 3_000_000 };
  const limited = { bytesPerMs: 3_000, bytesPerMsEach: 500, stepMs: 100, buffer: 3_000_000 };
  for (const line of [fast, limited]) {
    const [paced, unpaced] = await sendWithAndWithoutPace(line, Array(100).fill(1_200_000));

    assert.equal(paced.world.storage.maxInFlight, 6);
    assert.ok(paced.took < 1.15 * unpaced.took, `${paced.took} instead of ${unpaced.took} ms`);
  }
});

test("while a large file uses the lanes, 200 small files arrive in one of them, and do not wait for its parts", async () => {
  const world = new World({ line: { stepMs: 100, bytesPerMs: 12_000 } });
  const film = world.engine.add(new FakeFile("film.bin", 1024 * MIB));
  await world.until(() => world.storage.inFlight.size === 6);
  const began = world.clock.now();

  const photos = Array.from({ length: 200 }, (_, n) => world.engine.add(new FakeFile(`${n}.bin`, 30_000)));
  await world.run(Promise.all(photos.map((photo) => photo.finished)));

  assert.ok(world.clock.now() - began < 15_000, `${world.clock.now() - began} ms`);
  assert.equal(film.state, "sending");
  assert.ok(film.bytesSent > 0);
});
