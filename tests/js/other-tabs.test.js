import { ProgressAnnouncer } from "../../static/js/page/progress-announcer.js";
import { OtherTabs } from "../../static/js/page/picker/other-tabs.js";
import assert from "node:assert/strict";
import { fileKey } from "../../static/js/page/picker/same-file.js";
import { test } from "node:test";

const item = (name, content, path = "") => {
  const file = new File([content], name, { lastModified: 1_700_000_000_000 });
  return { id: 1, file, name, path, storedAs: "" };
};

/** The channel of one browser. Every tab gets the messages of all other tabs. */
class Channels {
  #tabs = [];
  #later;

  /** @param {number} delayMs how long each message takes */
  constructor(delayMs) {
    this.#later = delayMs ? (act) => setTimeout(act, delayMs) : setImmediate;
  }

  open() {
    const channel = Object.assign(new EventTarget(), {
      postMessage: (data) => {
        for (const other of this.#tabs) {
          if (other !== channel) this.#later(() => other.dispatchEvent(Object.assign(new Event("message"), { data })));
        }
      },
    });
    this.#tabs.push(channel);
    return channel;
  }
}

function browser({ alive = async () => new Set(["a", "b"]), waitMs, delayMs = 0 } = {}) {
  const channels = new Channels(delayMs);
  return (id, sending = [], user = "7") =>
    new OtherTabs({
      tabs: { id, alive },
      user,
      sending: (key) => sending.filter((one) => fileKey(one) === key).map(({ file }) => file),
      channel: channels.open(),
      waitMs,
    });
}

test("a chosen file counts as the same if another tab is sending a file with equal path and content", async () => {
  const open = browser();
  open("a", [item("film.bin", "one"), item("b.txt", "b", "f/b.txt")]);
  const here = open("b");

  const { same, isWhole } = await here.sendingAlready([
    item("film.bin", "two"), item("film.bin", "one"), item("b.txt", "b"), item("b.txt", "b", "f/b.txt"),
  ]);

  assert.deepEqual([[...same], isWhole], [[1, 3], true]);
});

test("if no other tab is open, the page does not wait for answers of other tabs", async () => {
  const open = browser({ alive: async () => new Set(["b"]) });
  const started = performance.now();

  assert.deepEqual(await open("b").sendingAlready([item("a", "a")]), { same: new Set(), isWhole: true });
  assert.ok(performance.now() - started < 100);
});

test("a tab does not tell a tab of another person which files are being sent", async () => {
  const open = browser();
  open("a", [item("a", "a")], "8");

  const { same, isWhole } = await open("b").sendingAlready([item("a", "a")]);

  assert.deepEqual([same.size, isWhole], [0, true]);
});

for (const [what, options] of [
  ["another tab does not answer", {}],
  ["the browser's Web Locks never answer", { alive: () => new Promise(() => {}) }],
  ["the browser has no Web Locks", { alive: () => Promise.reject(new Error("This browser has no locks.")) }],
]) {
  test(`if ${what}, the page continues and marks the answers as incomplete`, async () => {
    const { same, isWhole } = await browser({ ...options, waitMs: 200 })("b").sendingAlready([item("a", "a")]);

    assert.deepEqual([same.size, isWhole], [0, false]);
  });
}

test("if another tab answers only after 8 seconds, the page still uses this answer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const open = browser({ delayMs: 4_000 }); // the question and the answer each take this time
  open("a", [item("film.bin", "one")]);
  let answer = null;
  void open("b").sendingAlready([item("film.bin", "one")]).then((one) => (answer = one));

  for (let second = 0; second < 9; second += 1) {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(1_000);
  }
  while (!answer) await new Promise((resolve) => setImmediate(resolve));

  assert.deepEqual(answer, { same: new Set([0]), isWhole: true });
});

test("during a long upload, the page announces 25, 50 and 75 percent once each, with pauses between announcements", () => {
  let now = 0;
  const announced = [];
  const announcer = new ProgressAnnouncer((sentence) => announced.push(sentence), () => now);
  const update = (seconds, share, active = true) => {
    now = seconds * 1000;
    announcer.update({ bytes: 100, bytesSent: share, active });
  };

  announcer.reset();
  update(5, 30);
  assert.deepEqual(announced, []);
  update(16, 30);
  update(17, 55);
  update(40, 55);
  update(80, 99, false);
  update(90, 99);
  update(200, 99);

  assert.deepEqual(announced, ["25 percent uploaded.", "50 percent uploaded.", "75 percent uploaded."]);
});
