import { declaredType } from "../../static/js/engine/content-type.js";
import { Clock } from "../../static/js/engine/clock.js";
import { Emitter } from "../../static/js/engine/emitter.js";
import { FairQueue } from "../../static/js/engine/fair-queue.js";
import { FakeClock } from "./world.js";
import { Progress } from "../../static/js/engine/progress.js";
import { SpeedMeter } from "../../static/js/engine/speed.js";
import assert from "node:assert/strict";
import { guardLeaving } from "../../static/js/engine/leaving-guard.js";
import { keepAwake } from "../../static/js/engine/wake-lock.js";
import { randomHex } from "../../static/js/engine/random-hex.js";
import { test } from "node:test";

test("the queue serves its owners in turn, returns the entries of an owner in order, and skips removed entries", () => {
  const queue = new FairQueue();
  const [one, two] = [{}, {}];
  for (const entry of [1, 2, 3]) queue.add(one, entry);
  for (const entry of [10, 20]) queue.add(two, entry);
  queue.remove(one, 2);

  const taken = [queue.take(), queue.take(), queue.take(), queue.take(), queue.take()];

  assert.deepEqual(taken, [1, 10, 3, 20, undefined]);
});

test("if a part is sent again, the shown progress stays until the new attempt has sent more bytes", () => {
  const progress = new Progress(200, () => {});
  const shown = [50, 80, 10, 60, 90, 100].map((bytes) => (progress.reached(1, bytes), progress.bytesSent));

  progress.finished(1, 100);
  progress.reached(1, 3);

  assert.deepEqual(shown, [50, 80, 80, 80, 90, 100]);
  assert.equal(progress.bytesSent, 100);
});

test("if more bytes are reported as sent than the file has, the progress stays below 100 % until the upload is ready", () => {
  const progress = new Progress(100, () => {});

  progress.reached(1, 90);
  progress.reached(2, 90);

  assert.equal(progress.bytesSent, 99);
  progress.ready();
  assert.equal(progress.bytesSent, 100);
});

test("parts found in the bucket count in the progress at once, but do not count in the speed", () => {
  let moved = 0;
  const progress = new Progress(100, (bytes) => (moved += bytes));

  progress.found([[1, 60]]);
  progress.reached(2, 20);
  progress.found([]);

  assert.deepEqual([progress.bytesSent, moved], [80, 20]);
});

test("the meter reports the speed of the last seconds, and reports a stall after 11 seconds without bytes", () => {
  const clock = new FakeClock();
  const meter = new SpeedMeter({ clock });
  for (let second = 0; second < 30; second += 1) {
    clock.jump(1000);
    meter.moved(second < 15 ? 1_000 : 5_000);
  }
  assert.ok(Math.abs(meter.bytesPerSecond - 5_000) < 500, `${meter.bytesPerSecond}`);
  assert.ok(Math.abs(meter.secondsFor(50_000) - 10) < 1);

  clock.jump(11_000);
  assert.equal(meter.stalled, true);
  assert.equal(meter.secondsFor(50_000), null);

  meter.begin();
  assert.equal(meter.stalled, false);
});

test("the engine's clock does not go back when the system clock is set back, and counts the time of sleep", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const clock = new Clock();
  const start = clock.now();

  t.mock.timers.setTime(400_000);
  assert.ok(clock.now() >= start && clock.now() < start + 1_000);
  t.mock.timers.setTime(400_000 + 3_600_000);

  assert.ok(clock.now() >= start + 3_600_000);
});

test("the engine declares the browser's content type without parameters, and an invalid type as application/octet-stream", () => {
  const plain = "application/octet-stream";
  const cases = {
    "": plain,
    "image/PNG": "image/png",
    "text/plain;charset=utf-8": "text/plain",
    nonsense: plain,
    "a/b\r\nX: y": plain,
    "application/rss+xml": "application/rss+xml",
    "text/html": "text/html",
  };

  for (const [type, declared] of Object.entries(cases)) assert.equal(declaredType(type), declared, type);
});

class FakeEngine extends Emitter {
  active = false;

  become(active) {
    this.active = active;
    this.emit("active", active);
  }
}

test("if the person leaves the page, the browser asks for confirmation only while an upload is in progress", () => {
  const engine = new FakeEngine();
  const window = new EventTarget();
  const leave = () => {
    const event = new Event("beforeunload", { cancelable: true });
    Object.defineProperty(event, "returnValue", { value: "", writable: true });
    return !window.dispatchEvent(event);
  };
  const stop = guardLeaving(window, engine);

  const isConfirmed = [leave(), (engine.become(true), leave()), (engine.become(false), leave())];
  engine.become(true);
  stop();

  assert.deepEqual([...isConfirmed, leave()], [false, true, false, false]);
});

test("during an upload the page keeps the screen awake, also after the page was hidden and shown again", async () => {
  const engine = new FakeEngine();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const locks = [];
  const wakeLock = {
    request: async () => {
      const lock = { released: false, release: async () => (lock.released = true) };
      locks.push(lock);
      return lock;
    },
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const lockCount = () => locks.filter(({ released }) => !released).length;
  keepAwake(document, { wakeLock }, engine);
  assert.equal(locks.length, 0);

  engine.become(true);
  await settle();
  assert.equal(lockCount(), 1);
  locks[0].released = true; // the browser does this when the page is hidden
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();
  assert.deepEqual([locks.length, lockCount()], [2, 1]);
  engine.become(false);
  await settle();
  assert.equal(lockCount(), 0);
});

test("if the browser has no wake locks, or refuses a wake lock, the page continues without an error", async () => {
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const engine = new FakeEngine();
  keepAwake(document, {}, engine);
  keepAwake(document, { wakeLock: { request: async () => Promise.reject(new Error("battery")) } }, engine);

  engine.become(true);
  engine.become(false);
  await new Promise((resolve) => setImmediate(resolve));

  assert.equal(engine.active, false);
});

test("1,000 random values have 32 hex digits each, and use no random word twice", (t) => {
  let word = 0;
  t.mock.method(crypto, "getRandomValues", (words) => words.forEach((_, index) => (words[index] = word += 1)));
  for (let value = 0; value < 100; value += 1) randomHex(); // uses up the words from before the test
  const values = Array.from({ length: 1000 }, () => randomHex());

  assert.ok(values.every((value) => /^[0-9a-f]{32}$/.test(value)));
  assert.equal(new Set(values.flatMap((value) => value.match(/.{8}/g))).size, 4000);
});
