import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SMALL = () => new FakeFile("a.txt", 1000);
const LARGE = () => new FakeFile("a.bin", 100 * MIB);

for (const [kind, file] of [["small", SMALL], ["large", LARGE]]) {
  test(`a ${kind} file arrives although the browser reports no network from the start`, async () => {
    const world = new World({ onLine: false });
    const handle = world.engine.add(file());

    await world.run(handle.finished);

    assert.equal(handle.record.state, "ready");
    assert.equal(world.engine.totals.offline, false);
    assert.ok(world.clock.now() < 7_000, `${world.clock.now()} ms`);
  });

  test(`a ${kind} file continues after an error although the browser reports no network`, async () => {
    const world = new World({ onLine: false });
    let failures = 3;
    world.server.fault = () => (failures-- > 0 ? "network" : undefined);
    let cuts = 3;
    world.storage.fault = () => (cuts-- > 0 ? "network" : undefined);

    await world.run(world.engine.add(file()).finished);

    assert.ok(world.clock.now() < 60_000, `${world.clock.now()} ms`);
  });
}

test("an upload continues if the browser wrongly reports no network", async () => {
  const world = new World();
  const handle = world.engine.add(LARGE());
  await world.until(() => handle.bytesSent > 0);

  world.hints.offline();
  await world.run(handle.finished);

  assert.equal(world.engine.totals.offline, false);
  assert.ok(world.clock.now() < 10_000, `${world.clock.now()} ms`);
});

test("without an online event, a probe detects the network within half a minute", async () => {
  const world = new World();
  const handles = [...Array(50)].map((_, n) => world.engine.add(new FakeFile(`${n}`, 1000)));
  handles.push(world.engine.add(new FakeFile("b.bin", 800 * MIB)));
  await world.until(() => world.storage.inFlight.size === 6);

  world.goOffline();
  await world.pass(60_000);
  assert.equal(world.engine.totals.offline, true);
  const before = world.server.calls.length;
  await world.pass(3 * 3_600_000);
  assert.ok(world.server.calls.length - before <= 3 * 121, "one probe at a time, every half minute");
  world.goOnline({ isReported: false });
  const onlineAt = world.clock.now();
  await world.until(() => world.engine.totals.offline === false);

  assert.ok(world.clock.now() - onlineAt < 31_000, `${world.clock.now() - onlineAt} ms`);
  await world.run(Promise.all(handles.map((handle) => handle.finished)));
});

test("a call with a limit of attempts does not wait for the browser's online event", async () => {
  const world = new World({ onLine: false });
  world.network.isUp = false;
  await assert.rejects(world.run(world.engine.api.get("id-1", { attempts: 2 })), { code: "network" });

  await assert.rejects(world.run(world.engine.api.whoami()), { code: "network" });

  assert.ok(world.clock.now() < 5_000);
});

test("an aborted request does not block the other requests while offline", async () => {
  const world = new World();
  const [one, two] = [SMALL(), SMALL()].map((file) => world.engine.add(file));
  world.goOffline();
  await world.pass(20_000);
  one.pause();
  world.goOnline({ isReported: false });

  await world.run(two.finished);

  assert.equal(one.state, "paused");
});
