import { FakeClock } from "./world.js";
import { Gather } from "../../static/js/engine/gather.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Create a Gather. The test answers the requests of this Gather. */
function gatherOf(options = {}) {
  const clock = new FakeClock();
  const groups = [];
  const send = (items) => new Promise((resolve) => groups.push({ items, answer: () => resolve(items.map(async (item) => item)) }));
  const gather = new Gather({ clock, send, max: 10, ...options });
  const add = (from, to) => Promise.all(Array.from({ length: to - from }, (_, n) => gather.join().add(from + n)));
  return { clock, groups, gather, add, sizes: () => groups.map(({ items }) => items.length) };
}

test("while a batch request is in flight, the engine collects new items, and sends them together after the answer", async () => {
  const { groups, add, sizes } = gatherOf();
  const first = add(0, 1);
  const others = add(1, 6);
  await settle();
  assert.deepEqual(sizes(), [1]);

  groups[0].answer();
  await settle();

  assert.deepEqual(sizes(), [1, 5]);
  groups[1].answer();
  assert.deepEqual([await first, await others], [[0], [1, 2, 3, 4, 5]]);
});

test("the engine has at most three full batch requests in flight, and sends the next batch after an answer", async () => {
  const { groups, add, sizes } = gatherOf({ expectsMore: () => true });
  void add(0, 47);
  await settle();
  assert.deepEqual(sizes(), [10, 10, 10]);

  groups[1].answer();
  await settle();

  assert.deepEqual(sizes(), [10, 10, 10, 10]);
});

test("if the server does not answer a batch request, the engine sends the next batch after one second", async () => {
  const { clock, add, sizes } = gatherOf();
  void add(0, 1);
  void add(1, 4);
  await settle();
  assert.deepEqual(sizes(), [1]);

  clock.tick();

  assert.equal(clock.now(), 1_000);
  assert.deepEqual(sizes(), [1, 3]);
});
