import { FakeFile, MIB, World } from "./world.js";
import { LineMemory } from "../../static/js/page/line-memory.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const DAY_MS = 24 * 3_600_000;

function fakeStorage() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, value),
    removeItem: (name) => items.delete(name),
  };
}

test("a fast line is remembered for one day, and forgotten when the line is slow", () => {
  let now = Date.UTC(2031, 0, 1);
  const storage = fakeStorage();
  const memory = () => new LineMemory(storage, () => now);

  assert.equal(memory().isFast, false);
  memory().isFast = true;
  now += 0.9 * DAY_MS;
  assert.equal(memory().isFast, true);
  now += 0.2 * DAY_MS;
  assert.equal(memory().isFast, false);
  memory().isFast = true;
  memory().isFast = false;
  assert.equal(memory().isFast, false);
});

test("if the browser forbids the storage, the line counts as not measured", () => {
  const refuse = () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };

  for (const storage of [undefined, { getItem: refuse, setItem: refuse, removeItem: refuse }]) {
    const memory = new LineMemory(storage);
    memory.isFast = true;
    memory.isFast = false;
    assert.equal(memory.isFast, false);
  }
});

async function sixLanesAt(lineMemory, line) {
  const world = new World({ line: { stepMs: 100, buffer: 300_000, ...line }, lineMemory });
  let at = Infinity;
  const handle = world.engine.add(new FakeFile("film.bin", 100 * MIB));
  handle.on("progress", () => {
    if (world.storage.inFlight.size === 6) at = Math.min(at, world.clock.now());
  });
  await world.run(handle.finished);
  return at;
}

test("after a visit on a fast line, the next visit uses all lanes at once; after a slow line, it measures again", async () => {
  const memory = new LineMemory(fakeStorage());
  const fast = { bytesPerMs: 24_000, bytesPerMsEach: 4_000 };

  const first = await sixLanesAt(memory, fast);
  const second = await sixLanesAt(memory, fast);
  assert.ok(first > second + 150, `${first} ms, then ${second} ms`);

  await sixLanesAt(memory, { bytesPerMs: 1_000 });
  assert.equal(memory.isFast, false);
});
