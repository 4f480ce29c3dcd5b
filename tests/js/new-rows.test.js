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

function setUp(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.document = { createElement: () => new FakeElement() };
  t.after(() => delete globalThis.document);
  const frames = [];
  const inserted = [];
  const countsAtClick = [];
  const newRows = new NewRows({
    insert: (record, isAnimated) => inserted.push({ id: record.id, isAnimated }),
    showAll: () => countsAtClick.push(newRows.counted),
    nextFrame: (act) => () => void (frames.includes(act) || frames.push(act)),
  });
  const draw = () => {
    while (frames.length > 0) frames.shift()();
  };
  const arrive = (count) => {
    for (let id = 0; id < count; id += 1) newRows.add({ id });
  };
  return { newRows, arrive, countsAtClick, draw, frames, inserted };
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

test("if files are added in small groups, the first ten rows are animated; if 40 files are added at once, no row is animated", (t) => {
  const few = setUp(t);
  for (let group = 0; group < 5; group += 1) {
    few.arrive(4);
    few.draw();
  }
  t.mock.timers.reset();
  const many = setUp(t);
  many.arrive(40);
  many.draw();

  const animated = ({ inserted }) => inserted.map(({ isAnimated }, index) => (isAnimated ? index : -1)).filter((index) => index >= 0);
  assert.deepEqual(animated(few), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(animated(many), []);
});

test("if 10,000 files are added, the page draws 10 rows and one line with the number of the other files", (t) => {
  const { newRows, arrive, draw, inserted } = setUp(t);

  arrive(10_000);
  draw();
  t.mock.timers.tick(1000);

  assert.equal(inserted.length, 10);
  assert.equal(newRows.node.hidden, false);
  assert.match(newRows.node.children[0].textContent, /9,990 more new files/);
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
  const { newRows, arrive, countsAtClick, draw } = setUp(t);
  arrive(60);
  draw();
  newRows.node.children[0].click();

  arrive(3);
  newRows.shown(countsAtClick[0]);

  assert.equal(countsAtClick[0], 50);
  assert.equal(newRows.counted, 3);
  assert.equal(newRows.node.hidden, false);
});

test("after a batch of 70 files has ended, the first file of the next batch gets a row again", (t) => {
  const { newRows, arrive, draw, inserted } = setUp(t);
  arrive(70);
  draw();

  newRows.end();
  newRows.shown(60);
  arrive(1);
  draw();

  assert.equal(inserted.length, 11);
  assert.equal(newRows.node.hidden, true);
});
