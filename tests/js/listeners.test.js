import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/** Count the listeners of each AbortSignal from now on. Return a function that returns how many remain. */
function countListeners(t) {
  const registered = new Map();
  const key = (signal, listener) => registered.get(signal)?.get(listener);
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  t.mock.method(AbortSignal.prototype, "addEventListener", function (type, listener, options) {
    if (!registered.has(this)) registered.set(this, new Map());
    if (!key(this, listener)) registered.get(this).set(listener, true);
    addEventListener.call(this, type, listener, options);
  });
  t.mock.method(AbortSignal.prototype, "removeEventListener", function (type, listener) {
    registered.get(this)?.delete(listener);
    removeEventListener.call(this, type, listener);
  });
  return () => [...registered].filter(([signal]) => !signal.aborted).reduce((total, [, listeners]) => total + listeners.size, 0);
}

test("when all uploads have ended, no listener of the engine remains on an AbortSignal", async (t) => {
  const left = countListeners(t);
  const world = new World();
  const random = world.random;
  world.storage.fault = () => (random() < 0.2 ? [503, "SlowDown"] : undefined);
  world.server.fault = () => (random() < 0.1 ? 503 : undefined);
  const large = world.engine.add(new FakeFile("a.bin", 1600 * MIB));
  const small = Array.from({ length: 50 }, (_, n) => world.engine.add(new FakeFile(`${n}`, 1000)));
  await world.until(() => large.bytesSent > 300 * MIB);
  assert.ok(left() > 0, "many wait in mid-upload");
  world.goOffline();
  await world.pass(60_000);
  world.goOnline();
  await world.pass(2_000);
  large.pause();
  await world.pass(60_000);
  large.resume();

  await world.run(Promise.all([large, ...small].map((handle) => handle.finished)));

  assert.equal(left(), 0);
});
