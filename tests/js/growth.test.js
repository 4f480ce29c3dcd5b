import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const LIMITED = { stepMs: 100, buffer: 300_000, bytesPerMs: 1_000_000, bytesPerMsEach: 4_000, delayMs: 160 };

async function send(line, hosts, files) {
  const world = new World({ line, hosts });
  world.server.takesPartSize = true;
  world.server.hosts = hosts;
  await world.run(Promise.all(files.map((file) => world.engine.add(file).finished)));
  return { took: world.clock.now(), lanes: world.storage.maxInFlight, perHost: world.storage.maxPerHost, world };
}

const film = (mib) => [new FakeFile("film.bin", mib * MIB)];

test("if each connection has a speed limit, the engine opens six more connections for each further host of the bucket", async () => {
  const one = await send(LIMITED, 1, film(512));
  const two = await send(LIMITED, 2, film(512));
  const three = await send(LIMITED, 3, film(512));

  assert.deepEqual([one.lanes, two.lanes, three.lanes], [6, 12, 18]);
  assert.deepEqual([one.perHost, two.perHost, three.perHost], [6, 6, 6]);
  assert.ok(two.took < 0.6 * one.took, `${one.took} -> ${two.took}`);
  assert.ok(three.took < 0.5 * one.took, `${one.took} -> ${three.took}`);
});

test("the engine sends 128 MiB to two hosts in less than 70 % of the time for one host", async () => {
  const one = await send(LIMITED, 1, film(128));
  const two = await send(LIMITED, 2, film(128));

  assert.ok(two.took < 0.7 * one.took, `${one.took} -> ${two.took}`);
});

for (const [name, line] of [
  ["a fast line", { bytesPerMs: 100_000 }],
  ["a line of 8 Mbit/s", { bytesPerMs: 1_000 }],
]) {
  test(`if all connections share ${name}, the engine keeps six connections, and a second host does not slow the upload`, async () => {
    const shared = { stepMs: 100, buffer: 100_000, ...line };
    const one = await send(shared, 1, film(300));
    const two = await send(shared, 2, film(300));
    const landed = two.world.storage.requests;
    const after = landed.filter(({ at }) => at > two.took / 2);

    assert.ok(after.length > 3);
    assert.equal(two.world.engine.lanes.limit, 6);
    assert.ok(two.took < 1.05 * one.took, `${one.took} -> ${two.took}`);
  });
}

test("if the bucket has two hosts, the engine sends files of 12 MiB over six connections to each host", async () => {
  const files = () => Array.from({ length: 60 }, (_, number) => new FakeFile(`${number}.bin`, 12 * MIB));
  const one = await send(LIMITED, 1, files());
  const two = await send(LIMITED, 2, files());

  assert.deepEqual([two.lanes, two.perHost], [12, 6]);
  assert.ok(two.took < 0.6 * one.took, `${one.took} -> ${two.took}`);
});

test("if S3 answers 503 while the engine uses twelve lanes, the engine reduces the lanes to fewer than six", async () => {
  const world = new World({ line: LIMITED, hosts: 2 });
  world.server.takesPartSize = true;
  world.server.hosts = 2;
  const handle = world.engine.add(film(2048)[0]);
  await world.until(() => world.engine.lanes.active === 12);

  world.storage.fault = ({ partNumber }) => (partNumber > 30 && partNumber < 40 ? 503 : undefined);
  await world.until(() => world.engine.lanes.limit < 6);
  world.storage.fault = () => undefined;
  await world.run(handle.finished);

  assert.equal(handle.state, "done");
});
