import { Inspections } from "../../static/js/page/inspections.js";
import { PollPace } from "../../static/js/engine/poll-pace.js";
import { FakeClock, World, FakeFile } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/** Let the clock jump from timer to timer until this time. */
async function runUntil(clock, end) {
  clock.after(end - clock.now(), () => {});
  while (clock.now() < end) {
    clock.tick();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
}

/** Watch `count` files that stay in inspection, and return the times of all polls. */
function watch(clock, count, isWatched, records = new Map()) {
  const pollTimes = [];
  const ends = [];
  const inspections = new Inspections({
    api: {
      get: async (id) => {
        pollTimes.push(clock.now());
        return records.get(id);
      },
    },
    current: (id) => ({ id, state: "inspecting" }),
    onEnd: (record) => ends.push([clock.now(), record.state]),
    pace: new PollPace({ clock, isWatched }),
  });
  for (let number = 0; number < count; number += 1) {
    const record = { id: `${number}`, state: "inspecting" };
    records.set(record.id, record);
    inspections.watch(record);
  }
  return { pollTimes, ends, records };
}

const between = (times, start, end) => times.filter((time) => time >= start && time < end).length;

test("when an inspection of ten minutes ends, a visible page gets the result within 5 seconds", async () => {
  const clock = new FakeClock();
  const { ends, records } = watch(clock, 1, () => true);
  await runUntil(clock, 600_000);

  records.set("0", { id: "0", state: "ready" });
  await runUntil(clock, 606_000);

  assert.equal(ends.length, 1);
  assert.ok(ends[0][0] <= 605_000, `${ends[0][0]}`);
  assert.equal(ends[0][1], "ready");
});

for (const [count, most] of [[1, 12], [10, 120], [40, 120], [200, 400]]) {
  test(`with ${count} file(s) in inspection, the page polls the server at most ${most} times a minute`, async () => {
    const clock = new FakeClock();
    const { pollTimes } = watch(clock, count, () => true);

    await runUntil(clock, 360_000);

    assert.ok(between(pollTimes, 300_000, 360_000) <= most, `${between(pollTimes, 300_000, 360_000)}`);
    assert.ok(between(pollTimes, 300_000, 360_000) > 0);
  });
}

test("a hidden page polls at most once in 30 seconds; a page that becomes visible polls within 5 seconds", async () => {
  const clock = new FakeClock();
  let isWatched = false;
  const { pollTimes } = watch(clock, 1, () => isWatched);
  await runUntil(clock, 601_000);
  assert.ok(between(pollTimes, 301_000, 601_000) <= 10);

  isWatched = true;
  const visibleAt = clock.now();
  await runUntil(clock, visibleAt + 5_001);

  assert.ok(between(pollTimes, visibleAt, visibleAt + 5_001) >= 1);
});

test("while an upload is in inspection, the engine polls the server at least every 5.5 seconds", async () => {
  const world = new World();
  world.server.verdict = () => ({ state: "inspecting" });
  world.server.inspections = 100;
  const handle = world.engine.add(new FakeFile("a.bin", 1000));
  await world.until(() => world.server.count("GET /uploads/{id}") === 90);
  const start = world.clock.now();

  await world.run(handle.finished);

  assert.ok(world.clock.now() - start < 10 * 5_500, `${world.clock.now() - start}`);
});
