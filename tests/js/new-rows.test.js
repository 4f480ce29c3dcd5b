import { NewRows } from "../../static/js/page/new-rows.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/** The members of an element that `NewRows` needs. */
class FakeElement {
  constructor() {
    Object.assign(this, { children: [], textContent: "", hidden: false, click: () => {} });
  }

  setAttribute(name) {
    if (name === "hidden") this.hidden = true;
  }

  addEventListener(_, listener) {
    this.click = listener;
  }

  append(...children) {
    this.children.push(...children);
  }
}

function setUp(t, { batchSize = () => 0 } = {}) {
  globalThis.document = { createElement: () => new FakeElement() };
  t.after(() => delete globalThis.document);
  const frames = [];
  const ticks = [];
  const schedule = (due) => (act) => () => void (due.includes(act) || due.push(act));
  const inserted = [];
  const idsAtClick = [];
  const newRows = new NewRows({
    insert: (record, isAnimated, above) => inserted.push({ id: record.id, isAnimated, above }),
    showAll: () => idsAtClick.push(newRows.ids),
    batchSize,
    nextFrame: schedule(frames),
    nextTick: schedule(ticks),
  });
  const tick = () => {
    while (ticks.length > 0) ticks.shift()();
  };
  const draw = () => {
    while (frames.length > 0) frames.shift()();
  };
  let added = 0;
  const arrive = (count) => {
    for (let file = 0; file < count; file += 1) newRows.add({ id: added++ });
  };
  return { newRows, arrive, added: () => added, idsAtClick, draw, tick, frames, inserted };
}

test("if 40 files are added at once, the page draws 5 rows in the first frame and the other rows in later frames", (t) => {
  const { arrive, draw, frames, inserted } = setUp(t);

  arrive(40);
  frames.shift()();
  const first = inserted.length;
  draw();

  assert.equal(first, 5);
  assert.deepEqual(inserted.map(({ id }) => id), Array.from({ length: 40 }, (_, id) => id));
});

test("if files arrive in another order than they were chosen, each row is inserted below the next newer file", (t) => {
  const { newRows, draw, inserted } = setUp(t);

  for (const place of [3, 1, 4]) newRows.add({ id: `file ${place}` }, place);
  draw();
  newRows.end(); // the page reports the end of a batch before the last file
  newRows.add({ id: "file 2" }, 2);
  draw();

  assert.deepEqual(
    inserted.map(({ id, above }) => [id, above]),
    [["file 3", null], ["file 1", "file 3"], ["file 4", null], ["file 2", "file 3"]],
  );
});

test("if files are added in small groups, the first ten rows are animated; if 40 files are added at once, no row is animated", (t) => {
  const few = setUp(t);
  for (let group = 0; group < 5; group += 1) {
    few.arrive(4);
    few.draw();
  }
  const many = setUp(t);
  many.arrive(40);
  many.draw();

  const animated = ({ inserted }) => inserted.map(({ isAnimated }, index) => (isAnimated ? index : -1)).filter((index) => index >= 0);
  assert.deepEqual(animated(few), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(animated(many), []);
});

test("if 10,000 files are added, the page draws 10 rows and one line with the number of the other files", (t) => {
  const { newRows, arrive, draw, inserted, tick } = setUp(t);

  arrive(10_000);
  draw();
  tick();

  assert.equal(inserted.length, 10);
  assert.equal(newRows.node.hidden, false);
  assert.match(newRows.node.children[0].textContent, /9,990 more new files/);
});

test("in a batch that is known to be large, the page draws 10 rows without animation, however slowly the files arrive", (t) => {
  const { newRows, arrive, draw, tick, inserted } = setUp(t, { batchSize: () => 51 });

  for (let file = 0; file < 30; file += 1) {
    arrive(1);
    draw();
  }
  tick();

  assert.equal(inserted.length, 10);
  assert.ok(inserted.every(({ isAnimated }) => !isAnimated));
  assert.match(newRows.node.children[0].textContent, /20 more new files/);
});

test("if files are added in groups of 20, the page draws 50 rows at most", (t) => {
  const { newRows, arrive, draw, inserted } = setUp(t);

  for (let group = 0; group < 5; group += 1) {
    arrive(20);
    draw();
  }

  assert.equal(inserted.length, 50);
  assert.equal(newRows.counted, 50);
});

test("if files are added while the page loads the whole list, the page still counts these files as not shown", (t) => {
  const { newRows, arrive, draw, idsAtClick, tick } = setUp(t);
  arrive(60);
  draw();
  newRows.node.children[1].click();

  arrive(3);
  newRows.forget(idsAtClick[0]);
  tick();

  assert.equal(idsAtClick[0].size, 50);
  assert.equal(newRows.counted, 3);
  assert.equal(newRows.node.hidden, false);
});

test("files that wait for a row when the page reads the list are neither drawn nor counted after the answer", (t) => {
  const { newRows, arrive, draw, inserted } = setUp(t);
  arrive(40);
  const { ids } = newRows;

  arrive(20);
  newRows.forget(ids);
  draw();

  assert.equal(inserted.length, 0);
  assert.equal(newRows.counted, 20);
});

test("a counted file that gets a row by another way is no longer counted", (t) => {
  const { newRows, arrive, draw, tick } = setUp(t);
  arrive(60);
  draw();

  newRows.forget([59]);
  tick();

  assert.match(newRows.node.children[0].textContent, /49 more new files/);
});

test("after a batch of 70 files has ended, the first file of the next batch gets a row again", (t) => {
  const { newRows, arrive, draw, inserted, tick } = setUp(t);
  arrive(70);
  draw();

  newRows.end();
  newRows.forget(newRows.ids);
  arrive(1);
  draw();
  tick();

  assert.equal(inserted.length, 11);
  assert.equal(newRows.node.hidden, true);
});

test("a batch that ends before its rows are drawn takes no rows of the next batch", (t) => {
  const { newRows, arrive, draw, inserted } = setUp(t);

  arrive(50);
  newRows.end();
  arrive(1);
  draw();

  assert.equal(inserted.length, 51);
});

test("the button that reads the list again appears only after the batch", (t) => {
  const { newRows, arrive, draw, tick } = setUp(t);
  const [, button] = newRows.node.children;

  arrive(60);
  draw();
  tick();
  const isHiddenDuringBatch = button.hidden;
  newRows.end();

  assert.equal(isHiddenDuringBatch, true);
  assert.equal(button.hidden, false);
  assert.equal(newRows.node.hidden, false);
});

test("each of 500 random sequences of arrivals, frames and reads of the list draws or counts each file once", (t) => {
  for (let seed = 1; seed <= 500; seed += 1) {
    const { newRows, arrive, draw, frames, inserted, added } = setUp(t);
    const random = randomNumbers(seed);
    let read = null;
    const shown = new Set();
    for (let step = 0; step < 40; step += 1) {
      const choice = random();
      if (choice < 0.4) arrive([1, 5, 20, 49, 50, 51, 100][Math.floor(random() * 7)]);
      else if (choice < 0.7) frames.shift()?.();
      else if (choice < 0.8) newRows.end();
      else if (choice < 0.9) read = { ids: newRows.ids, files: added() };
      else if (read) {
        newRows.forget(read.ids);
        for (let id = 0; id < read.files; id += 1) shown.add(id);
        read = null;
      }
    }
    draw();

    for (const { id } of inserted) shown.add(id);
    assert.equal(shown.size + newRows.counted, added(), `seed ${seed}`);
    assert.equal(new Set(inserted.map(({ id }) => id)).size, inserted.length, `seed ${seed}`);
  }
});

/** @param {number} seed */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
