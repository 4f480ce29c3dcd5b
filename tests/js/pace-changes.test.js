import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const MBIT_PER_S = 125; // bytes a millisecond

for (const mib of [1.2, 5]) {
  test(`if a slow line becomes fast while files of ${mib} MiB are sent, the engine soon uses six lanes`, async () => {
    const world = new World({ line: { stepMs: 100, delayMs: 60 }, bytesPerMs: 2 * MBIT_PER_S });
    for (let number = 0; number < 400; number += 1) world.engine.add(new FakeFile(`${number}.bin`, mib * MIB));
    await world.pass(30_000);
    assert.ok(world.storage.inFlight.size <= 2);

    world.storage.bytesPerMs = 400 * MBIT_PER_S;

    const began = world.clock.now();
    await world.until(() => world.storage.inFlight.size === 6);
    assert.ok(world.clock.now() - began < 10_000, `${world.clock.now() - began} ms`);
  });
}

for (const connectMs of [250, 1_000]) {
  test(`if a connection is opened in ${connectMs} ms, the engine sends at most two parts at once at 2 Mbit/s`, async () => {
    const world = new World({ line: { stepMs: 100, buffer: 250_000, connectMs }, bytesPerMs: 2 * MBIT_PER_S });

    await world.run(world.engine.add(new FakeFile("a.bin", 100 * MIB)).finished);

    assert.ok(world.storage.maxInFlight <= 2, `${world.storage.maxInFlight} at once`);
    assert.ok(world.storage.requests[0].at < 90_000, `${world.storage.requests[0].at} ms`);
  });
}

for (const sleepsAt of [24_000, 26_000]) {
  test(`if the machine sleeps after ${sleepsAt} ms while two parts share a slow line, the engine sends at most two parts at once`, async () => {
    const world = new World({ line: { stepMs: 50 }, bytesPerMs: 8 * MBIT_PER_S });
    world.server.takesPartSize = true;
    world.engine.add(new FakeFile("a.bin", 300 * MIB));
    await world.pass(sleepsAt);
    world.clock.jump(20_000);

    await world.pass(20_000);
    world.storage.maxInFlight = 0;
    await world.pass(60_000);

    assert.ok(world.storage.maxInFlight <= 2, `${world.storage.maxInFlight} at once`);
  });
}

for (let seed = 1; seed <= 5; seed += 1) {
  test(`if bodies fail, are paused or sleep at random, all files still arrive (seed ${seed})`, async () => {
    const world = new World({ line: { stepMs: 100, buffer: 250_000 * (seed % 3) }, bytesPerMs: 4 * MBIT_PER_S, seed });
    const { random } = world;
    world.storage.fault = () => (random() < 0.2 ? ["network", "lost", "stall", 503, 403][Math.floor(random() * 5)] : undefined);
    const handles = Array.from({ length: 30 }, (_, number) => world.engine.add(new FakeFile(`${number}.bin`, (0.5 + 4 * random()) * MIB)));
    for (let turn = 0; turn < 20; turn += 1) {
      await world.pass(5_000 * random());
      handles[Math.floor(random() * handles.length)].pause();
      if (turn % 5 === 0) world.clock.jump(15_000);
      world.storage.bytesPerMs = [1, 4, 50, 400][Math.floor(random() * 4)] * MBIT_PER_S;
      world.engine.resumeAll();
    }

    await world.run(Promise.all(handles.map((handle) => handle.finished)));

    assert.equal(world.engine.lanes.active, 0);
  });
}
