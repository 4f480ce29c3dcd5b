import { declaredType } from "../../static/js/engine/content-type.js";
import { Checksums } from "../../static/js/engine/checksum.js";
import { Clock } from "../../static/js/engine/clock.js";
import { Emitter } from "../../static/js/engine/emitter.js";
import { FairQueue } from "../../static/js/engine/fair-queue.js";
import { FakeClock } from "./world.js";
import { Progress } from "../../static/js/engine/progress.js";
import { SpeedMeter } from "../../static/js/engine/speed.js";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { guardLeaving } from "../../static/js/engine/leaving-guard.js";
import { keepAwake } from "../../static/js/engine/wake-lock.js";
import { sha256Base64 } from "../../static/js/engine/sha256.js";
import { test } from "node:test";

const NEVER = new AbortController().signal;
const LARGE = 1024 * 1024; // a file of this size gets its own worker

function expected(bytes) {
  return createHash("sha256").update(bytes).digest("base64");
}

for (const size of [0, 1, 1000, 9 * 1024 * 1024]) {
  test(`the checksum of ${size} bytes is base64 of the raw SHA-256, natively and streamed`, async () => {
    const bytes = Buffer.alloc(size, "slipway");

    assert.equal(await sha256Base64(new Blob([bytes])), expected(bytes));
    assert.equal(await sha256Base64(new Blob([bytes]), null), expected(bytes));
  });
}

test("checksums are computed in this thread if workers are blocked", async () => {
  const blocked = () => {
    throw new Error("Refused by the Content Security Policy");
  };

  const checksum = await new Checksums({ createWorker: blocked }).checksum(new Blob(["x"]), {}, NEVER);

  assert.equal(checksum, expected("x"));
});

test("a worker whose script fails is replaced by this thread", async () => {
  let terminated = 0;
  const worker = { postMessage: () => setImmediate(() => worker.onerror({})), terminate: () => (terminated += 1) };

  const checksum = await new Checksums({ createWorker: () => worker }).checksum(new Blob(["x"]), {}, NEVER);

  assert.deepEqual([checksum, terminated], [expected("x"), 1]);
});

test("the number of workers is limited, they are reused, and owners take turns", async () => {
  const served = [];
  let made = 0;
  const createWorker = () => {
    made += 1;
    const worker = {
      postMessage: (blob) => {
        served.push(blob.name);
        setImmediate(() => worker.onmessage({ data: { checksum: "c" } }));
      },
    };
    return worker;
  };
  const checksums = new Checksums({ createWorker, size: 1 });
  const [one, two] = [{}, {}];
  const jobs = [["a1", one], ["a2", one], ["a3", one], ["b1", two], ["b2", two]];

  await Promise.all(jobs.map(([name, owner]) => checksums.checksum({ name, size: LARGE }, owner, NEVER)));

  assert.deepEqual(served, ["a1", "a2", "b1", "a3", "b2"]);
  assert.equal(made, 1);
});

test("many small files go to a worker in one message, and come back with their bytes", async () => {
  const messages = [];
  const worker = {
    postMessage: (message) => {
      messages.push([message].flat().map(({ name }) => name));
      const answers = [message].flat().map(({ name }) => ({ checksum: `sum ${name}`, bytes: new ArrayBuffer(name.length) }));
      setImmediate(() => worker.onmessage({ data: Array.isArray(message) ? { answers } : answers[0] }));
    },
  };
  const checksums = new Checksums({ createWorker: () => worker, size: 1 });
  const read = (name, size = name.length) => checksums.read({ name, size }, checksums, NEVER);

  const found = await Promise.all([read("first"), read("second"), read("film", LARGE), read("third")]);

  assert.deepEqual(messages, [["first"], ["second", "third"], ["film"]]);
  assert.deepEqual(found.map(({ checksum }) => checksum), ["sum first", "sum second", "sum film", "sum third"]);
  assert.equal(found[1].bytes.byteLength, "second".length);
});

test("a small file that cannot be read does not fail the remaining files of its message", async () => {
  const failing = () => Promise.reject(new DOMException("gone", "NotFoundError"));
  const worker = {
    postMessage: (message) => {
      const answer = ({ name }) => (name === "bad" ? { error: { name: "NotFoundError", message: "gone" } } : { checksum: name });
      setImmediate(() => worker.onmessage({ data: Array.isArray(message) ? { answers: message.map(answer) } : answer(message) }));
    },
  };
  const checksums = new Checksums({ createWorker: () => worker, size: 1 });
  const waiting = new AbortController();
  checksums.read({ name: "first", size: 1 }, checksums, NEVER);
  const bad = checksums.read({ name: "bad", size: 1, slice: () => ({ name: "bad", size: 1 }), arrayBuffer: failing }, checksums, waiting.signal);
  const good = checksums.read({ name: "good", size: 1 }, checksums, NEVER);

  assert.equal((await good).checksum, "good");
  waiting.abort(); // otherwise the read would be retried some more times
  await assert.rejects(bad, { name: "AbortError" });
});

test("a checksum that was aborted before its start is not computed", async () => {
  const served = [];
  const worker = {
    postMessage: (blob) => {
      served.push(blob.name);
      setImmediate(() => worker.onmessage({ data: { checksum: "c" } }));
    },
  };
  const checksums = new Checksums({ createWorker: () => worker, size: 1 });
  const controller = new AbortController();
  const first = checksums.checksum({ name: "first", size: 1 }, {}, NEVER);
  const second = checksums.checksum({ name: "second", size: 1 }, {}, controller.signal);

  controller.abort();
  await assert.rejects(second, { name: "AbortError" });
  await first;

  assert.deepEqual(served, ["first"]);
});

test("the queue serves owners in turn and entries in order, without removed entries", () => {
  const queue = new FairQueue();
  const [one, two] = [{}, {}];
  for (const entry of [1, 2, 3]) queue.add(one, entry);
  for (const entry of [10, 20]) queue.add(two, entry);
  queue.remove(one, 2);

  const taken = [queue.take(), queue.take(), queue.take(), queue.take(), queue.take()];

  assert.deepEqual(taken, [1, 10, 3, 20, undefined]);
});

test("progress counts the most bytes that any attempt of a part has reached", () => {
  const progress = new Progress(200, () => {});
  const shown = [50, 80, 10, 60, 90, 100].map((bytes) => (progress.reached(1, bytes), progress.bytesSent));

  progress.finished(1, 100);
  progress.reached(1, 3);

  assert.deepEqual(shown, [50, 80, 80, 80, 90, 100]);
  assert.equal(progress.bytesSent, 100);
});

test("progress never exceeds the file, however much is reported", () => {
  const progress = new Progress(100, () => {});

  progress.reached(1, 90);
  progress.reached(2, 90);

  assert.equal(progress.bytesSent, 99);
  progress.ready();
  assert.equal(progress.bytesSent, 100);
});

test("parts found in the bucket are shown at once, do not count in the speed, and never reduce the progress", () => {
  let moved = 0;
  const progress = new Progress(100, (bytes) => (moved += bytes));

  progress.found([[1, 60]]);
  progress.reached(2, 20);
  progress.found([]);

  assert.deepEqual([progress.bytesSent, moved], [80, 20]);
});

test("the speed covers the last seconds, and a stall is detected", () => {
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

test("the clock never goes back when the system clock does, and includes the time of sleep", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const clock = new Clock();
  const start = clock.now();

  t.mock.timers.setTime(400_000);
  assert.ok(clock.now() >= start && clock.now() < start + 1_000);
  t.mock.timers.setTime(400_000 + 3_600_000);

  assert.ok(clock.now() >= start + 3_600_000);
});

test("types are declared as the browser reports them, without parameters", () => {
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

test("the browser asks before the page is left only during uploads", () => {
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

test("the screen is kept awake during uploads, also after the page was hidden", async () => {
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

test("uploads work in browsers that have no wake locks or refuse them", async () => {
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const engine = new FakeEngine();
  keepAwake(document, {}, engine);
  keepAwake(document, { wakeLock: { request: async () => Promise.reject(new Error("battery")) } }, engine);

  engine.become(true);
  engine.become(false);
  await new Promise((resolve) => setImmediate(resolve));

  assert.equal(engine.active, false);
});
