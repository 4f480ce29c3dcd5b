import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SMALL = () => new FakeFile("a.txt", 1000);
const LARGE = () => new FakeFile("a.bin", 100 * MIB);

for (const [kind, file] of [["small", SMALL], ["large", LARGE]]) {
  test(`if the browser wrongly reports "offline" from the start, a ${kind} file still arrives`, async () => {
    const world = new World({ onLine: false });
    const handle = world.engine.add(file());

    await world.run(handle.finished);

    assert.equal(handle.record.state, "ready");
    assert.equal(world.engine.totals.offline, false);
    assert.ok(world.clock.now() < 7_000, `${world.clock.now()} ms`);
  });

  test(`if the browser wrongly reports "offline" and some requests fail, a ${kind} file still arrives`, async () => {
    const world = new World({ onLine: false });
    let failures = 3;
    world.server.fault = () => (failures-- > 0 ? "network" : undefined);
    let cuts = 3;
    world.storage.fault = () => (cuts-- > 0 ? "network" : undefined);

    await world.run(world.engine.add(file()).finished);

    assert.ok(world.clock.now() < 60_000, `${world.clock.now()} ms`);
  });
}

test("if the browser wrongly reports `offline` during an upload, the upload continues", async () => {
  const world = new World();
  const handle = world.engine.add(LARGE());
  await world.until(() => handle.bytesSent > 0);

  world.hints.offline();
  await world.run(handle.finished);

  assert.equal(world.engine.totals.offline, false);
  assert.ok(world.clock.now() < 10_000, `${world.clock.now()} ms`);
});

test("if the network returns without an `online` event, a test request of the engine detects this within half a minute", async () => {
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

test("while offline, an API call with a limit of attempts fails and does not wait for the network", async () => {
  const world = new World({ onLine: false });
  world.network.isUp = false;
  await assert.rejects(world.run(world.engine.api.get("id-1", { attempts: 2 })), { code: "network" });

  await assert.rejects(world.run(world.engine.api.whoami()), { code: "network" });

  assert.ok(world.clock.now() < 5_000);
});

test("if the person pauses one file while offline, another file still arrives when the network returns", async () => {
  const world = new World();
  const [one, two] = [SMALL(), SMALL()].map((file) => world.engine.add(file));
  world.goOffline();
  await world.pass(20_000);
  one.pause();
  world.goOnline({ isReported: false });

  await world.run(two.finished);

  assert.equal(one.state, "paused");
});
