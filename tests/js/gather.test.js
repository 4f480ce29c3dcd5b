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

test("while three batch requests are in flight, the engine collects new items, and sends them together after an answer", async () => {
  const { groups, add, sizes } = gatherOf();
  void add(0, 3);
  const others = add(3, 8);
  await settle();
  assert.deepEqual(sizes(), [1, 1, 1]);

  groups[0].answer();
  await settle();

  assert.deepEqual(sizes(), [1, 1, 1, 5]);
  groups[3].answer();
  assert.deepEqual(await others, [3, 4, 5, 6, 7]);
});

test("the last items do not wait for the batch request in flight", async () => {
  const { gather, groups, sizes } = gatherOf();
  const seats = Array.from({ length: 14 }, () => gather.join());
  const added = Promise.all(seats.map((seat, number) => seat.add(number)));
  await settle();
  assert.deepEqual(sizes(), [10, 4]);

  for (const { answer } of groups) answer();

  assert.equal((await added).length, 14);
});

test("tapering groups become smaller at the end, but have at least ten items while others are announced", async () => {
  const { gather, sizes } = gatherOf({ max: 100, tapers: true });
  const seats = Array.from({ length: 90 }, () => gather.join());
  for (const [number, seat] of seats.entries()) {
    void seat.add(number);
    await settle();
  }

  assert.deepEqual(sizes().slice(0, 3), [45, 23, 11]);
});

test("an item waits for the announced items, also if a batch request is in flight", async () => {
  const { gather, groups, add, sizes } = gatherOf();
  void add(0, 1);
  const seat = gather.join();
  void gather.join().add(1);
  await settle();
  assert.deepEqual(sizes(), [1]);

  void seat.add(2);
  await settle();

  assert.deepEqual(groups[1].items, [1, 2]);
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

test("if the server does not answer the batch requests, the engine sends the next batch after one second", async () => {
  const { clock, add, sizes } = gatherOf();
  void add(0, 3);
  void add(3, 6);
  await settle();
  assert.deepEqual(sizes(), [1, 1, 1]);

  clock.tick();

  assert.equal(clock.now(), 1_000);
  assert.deepEqual(sizes(), [1, 1, 1, 3]);
});
