import { everyTick } from "../../static/js/page/tick.js";
import assert from "node:assert/strict";
import { test } from "node:test";

test("parts of the page that ask at different times draw together, once each", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const drawn = [];
  const first = everyTick(() => drawn.push("first"));
  const second = everyTick(() => drawn.push("second"));
  let timers = 0;
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (...parts) => ((timers += 1), setTimeout(...parts));
  t.after(() => (globalThis.setTimeout = setTimeout));

  first();
  second();
  first();
  t.mock.timers.tick(500);

  assert.deepEqual(drawn, ["first", "second"]);
  assert.equal(timers, 1);
});

test("a part that asks while the parts draw draws at the next tick", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let drawn = 0;
  const again = everyTick(() => {
    drawn += 1;
    if (drawn === 1) again();
  });

  again();
  t.mock.timers.tick(500);
  const atFirst = drawn;
  t.mock.timers.tick(500);

  assert.equal(atFirst, 1);
  assert.equal(drawn, 2);
});

test("an error in one part is reported, and the other parts still draw", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  t.after(() => delete globalThis.reportError);
  let drawn = 0;

  everyTick(() => {
    throw new Error("broken");
  })();
  everyTick(() => (drawn += 1))();
  t.mock.timers.tick(500);

  assert.deepEqual(reported, ["broken"]);
  assert.equal(drawn, 1);
});
