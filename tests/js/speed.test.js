import { FakeClock, FakeFile, MIB, World } from "./world.js";
import { SpeedMeter } from "../../static/js/engine/speed.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const TICK_MS = 250;
const KB = 1000;
const MB = 1000 * KB;

/**
 * Send `total` bytes at `speedAt(ms)` bytes per second, after `buffered` bytes that the browser reports at once.
 * Return the remaining time at each tick.
 */
function remainingTimes(total, speedAt, { buffered = 0 } = {}) {
  const clock = new FakeClock();
  const meter = new SpeedMeter({ clock });
  const seen = [];
  let left = total;
  const move = (bytes) => {
    const moved = Math.min(left, bytes);
    left -= moved;
    if (moved > 0) meter.moved(moved);
  };
  move(buffered);
  for (let at = 0; left > 0; at += TICK_MS) {
    clock.jump(TICK_MS);
    move((speedAt(at) * TICK_MS) / 1000);
    seen.push({ at: clock.now(), left, seconds: meter.secondsFor(left), speed: meter.bytesPerSecond });
  }
  return seen.filter((one) => one.left > 0);
}

test("on a slow line with a send buffer, the first remaining time appears within 8 seconds and is correct within 10 %", () => {
  const seen = remainingTimes(20 * MB, () => 100 * KB, { buffered: 3 * MB });

  const times = seen.filter(({ seconds }) => seconds !== null);
  assert.ok(times[0].at <= 8_000, `none before ${times[0].at}`);
  for (const { at, left, seconds } of times) {
    const expected = left / (100 * KB);
    assert.ok(Math.abs(seconds - expected) < 0.1 * expected, `${seconds} instead of ${expected} after ${at} ms`);
  }
  for (const { at, speed } of seen) assert.ok(speed < 120 * KB, `${speed} after ${at} ms`);
});

test("the meter reports no remaining time until enough seconds have passed and enough bytes have moved", () => {
  const early = remainingTimes(4 * MB, () => MB).map(({ seconds }) => seconds);
  assert.deepEqual([...new Set(early)], [null], "the upload has ended before the speed is known");

  const [first] = remainingTimes(900 * MB, () => 50 * KB).filter(({ seconds }) => seconds !== null);
  assert.ok(900 * MB - first.left >= MB, `${900 * MB - first.left} bytes had moved`);

  const [small] = remainingTimes(MB, () => 50 * KB).filter(({ seconds }) => seconds !== null);
  assert.ok(small.at < 8_000, "a small upload shows a time before a million bytes have moved");
});

test("if the speed varies, the remaining time changes in small steps", () => {
  const seen = remainingTimes(300 * MB, (at) => (at % 8_000 < 4_000 ? 3 * MB : MB)).filter(({ seconds }) => seconds !== null);

  assert.ok(seen.length > 200);
  for (const [index, { at, seconds }] of seen.entries()) {
    if (seconds < 5) break; // the text is then "a few seconds left"
    const before = seen[index - 1]?.seconds ?? seconds;
    assert.ok(Math.abs(seconds - before) <= 0.05 * before + TICK_MS / 1000, `${before} -> ${seconds} after ${at} ms`);
  }
});

test("the remaining time disappears during a stall, and is correct again within 7 seconds after the stall", () => {
  const stalls = (at) => (at >= 20_000 && at < 40_000 ? 0 : MB);
  const seen = remainingTimes(200 * MB, stalls);

  const stalled = seen.filter(({ at }) => at > 31_000 && at <= 40_000);
  assert.deepEqual([...new Set(stalled.map(({ seconds }) => seconds))], [null]);
  const after = seen.filter(({ at, seconds }) => at > 40_000 && seconds !== null);
  for (const { left, seconds } of after) assert.ok(Math.abs(seconds - left / MB) < 0.1 * (left / MB), `${seconds}`);
  assert.ok(after[0].at < 47_000, `${after[0].at}`);
});

test("if files are added, the remaining time increases at once", () => {
  const clock = new FakeClock();
  const meter = new SpeedMeter({ clock });
  for (let second = 0; second < 30; second += 1) {
    clock.jump(1000);
    meter.moved(MB);
  }

  assert.ok(Math.abs(meter.secondsFor(10 * MB) - 10) < 1);
  assert.ok(Math.abs(meter.secondsFor(100 * MB) - 100) < 10);
});

test("the remaining time of a large upload is nearly correct, and a 5 MiB upload shows no remaining time", async () => {
  const world = new World({ bytesPerMs: 2_000 });
  const seen = [];
  world.engine.on("totals", ({ secondsLeft }) => seen.push({ at: world.clock.now(), secondsLeft }));

  await world.run(world.engine.add(new FakeFile("film.bin", 100 * MIB)).finished);
  const end = world.clock.now();
  const times = seen.filter(({ secondsLeft }) => secondsLeft !== null && secondsLeft > 0);
  assert.ok(times.length > 50);
  for (const { at, secondsLeft } of times) {
    const expected = (end - at) / 1000;
    // This storage reports progress at quarters of parts, which take two seconds each.
    assert.ok(Math.abs(secondsLeft - expected) < 0.1 * expected + 5, `${secondsLeft} instead of ${expected}`);
  }

  seen.length = 0;
  await world.run(world.engine.add(new FakeFile("note.bin", 5 * MIB)).finished);
  assert.deepEqual(seen.filter(({ secondsLeft }) => secondsLeft), []);
});
