import assert from "node:assert/strict";
import { fromFiles } from "../../static/js/page/picker/incoming.js";
import { inSlices } from "../../static/js/page/picker/slices.js";
import { test } from "node:test";

const PATIENCE_MS = 10_000;

/** Count the ticks of a timer while `act` runs. */
async function ticksDuring(act) {
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 1);
  await act(() => ticks);
  clearInterval(timer);
  return ticks;
}

test("if the browser has scheduler.yield, which delays timers, timers still run between two slices of work", async (t) => {
  globalThis.scheduler = { yield: async () => {} }; // like Chromium, it continues the work before any timer
  t.after(() => delete globalThis.scheduler);
  const items = Array.from({ length: 1_000_000 });
  const end = performance.now() + PATIENCE_MS;

  const ticks = await ticksDuring((count) =>
    inSlices(items, () => {}, { now: () => performance.now() * 1000, isOver: () => count() > 0 || performance.now() > end }),
  );

  assert.ok(ticks > 0);
});

test("timers still run while the page reads the paths of 50 chosen files", async () => {
  const slow = () => {
    for (const end = performance.now() + 2; performance.now() < end; );
    return "";
  };
  const files = Array.from({ length: 50 }, () => Object.defineProperty({}, "webkitRelativePath", { get: slow }));
  let found = [];

  const ticks = await ticksDuring(async () => ({ found } = await fromFiles(files, [])));

  assert.equal(found.length, 50);
  assert.ok(ticks > 0);
});
