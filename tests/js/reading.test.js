import { Checksums } from "../../static/js/engine/checksum.js";
import { FakeClock, FakeFile, MIB, World } from "./world.js";
import { Emitter } from "../../static/js/engine/emitter.js";
import { PageExit } from "../../static/js/page/page-exit.js";
import assert from "node:assert/strict";
import { readAgain, readBytes } from "../../static/js/engine/reading.js";
import { test } from "node:test";
import { writeAgain } from "../../static/js/page/kept-access.js";

for (const [size, kind] of [[1000, "small"], [100 * MIB, "large"]]) {
  for (const failures of [1, 3]) {
    const times = failures === 1 ? "once" : `${failures} times`;
    test(`if reading a ${kind} file fails ${times} before the file is sent, the engine retries and the file arrives`, async () => {
      const world = new World();
      const file = Object.assign(new FakeFile("a.bin", size), { failures });

      await world.run(world.engine.add(file).finished);

      assert.equal(world.server.inState("ready").length, 1);
    });
  }

  test(`if reading a ${kind} file fails while the file is sent, the engine retries and the file arrives`, async () => {
    const world = new World();
    const file = new FakeFile("a.bin", size);
    let cuts = 3;
    world.storage.fault = () => {
      if (cuts-- <= 0) return undefined;
      file.failures = 2; // the check that the file is readable fails too
      return "unreadable";
    };

    await world.run(world.engine.add(file).finished);

    assert.equal(world.server.inState("ready").length, 1);
  });

  test(`if a ${kind} file becomes unreadable while the file is sent, the upload fails after a few seconds`, async () => {
    const world = new World();
    const file = new FakeFile("a.bin", size);
    const handle = world.engine.add(file);
    await world.until(() => world.storage.inFlight.size > 0);
    file.readable = false;
    const began = world.clock.now();

    await assert.rejects(world.run(handle.finished), { code: "unreadable" });

    assert.ok(world.clock.now() - began >= 2_600);
    assert.ok(world.clock.now() - began < 20_000, `${world.clock.now() - began} ms`);
  });
}

test("the engine does not retry a read after a SecurityError, and an abort ends the wait before a retry", async () => {
  const clock = new FakeClock();
  let reads = 0;
  const failing = (name) => async () => {
    reads += 1;
    throw new DOMException("", name);
  };
  await assert.rejects(readAgain(failing("SecurityError"), { clock }), { name: "SecurityError" });
  assert.equal(reads, 1);

  const controller = new AbortController();
  const waiting = readAgain(failing("NotFoundError"), { clock, signal: controller.signal });
  setImmediate(() => controller.abort());
  await assert.rejects(waiting, { name: "AbortError" });
  assert.equal(reads, 2);
});

test("a read of a deleted file throws NotFoundError in Firefox too, which throws AbortError", async () => {
  for (const [thrown, expected] of [["AbortError", "NotFoundError"], ["NotReadableError", "NotReadableError"]]) {
    const blob = { arrayBuffer: async () => { throw new DOMException("", thrown); } };
    await assert.rejects(readBytes(blob), { name: expected });
  }
});

/** A store whose next writes throw these errors. */
function storeThatThrows(...errors) {
  const store = { written: [], write: async (changes) => {
    const error = errors.shift();
    if (error) throw error;
    store.written.push(changes);
  } };
  return store;
}

test("if the browser fails to store the copy of a file, the page retries, unless the disk is full", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const clock = { sleep: async () => {} };
  const changes = { sources: [{ id: "a" }], notes: [], gone: [] };
  const store = storeThatThrows(new DOMException("", "UnknownError"), new DOMException("", "NotReadableError"));

  await writeAgain(store, changes, clock);
  assert.deepEqual(store.written, [changes]);
  const full = storeThatThrows(new DOMException("", "QuotaExceededError"));
  await assert.rejects(writeAgain(full, changes, clock), { name: "QuotaExceededError" });
  assert.deepEqual(full.written, []);
});

function leavingPage(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const window = new EventTarget();
  const engine = new Emitter();
  const pageExit = new PageExit(window);
  pageExit.follow(engine);
  return { engine, pageExit, dispatch: (name) => window.dispatchEvent(new Event(name)) };
}

test("while the browser asks whether to leave the page, an action waits until the person has decided to stay", (t) => {
  const { engine, pageExit, dispatch } = leavingPage(t);
  const acted = [];
  engine.emit("active", true);
  pageExit.unlessLeaving(() => acted.push("before"));
  dispatch("beforeunload");
  pageExit.unlessLeaving(() => acted.push("while"));
  assert.deepEqual(acted, ["before"]);

  t.mock.timers.tick(5_000);

  assert.deepEqual(acted, ["before", "while"]);
});

test("after the person has left the page, an action waits until the browser shows the page again", (t) => {
  const { pageExit, dispatch } = leavingPage(t);
  const acted = [];
  dispatch("pagehide");
  pageExit.unlessLeaving(() => acted.push(1));
  t.mock.timers.tick(60_000);
  assert.deepEqual(acted, []);

  dispatch("pageshow");

  assert.deepEqual(acted, [1]);
});

test("if no upload is in progress, the page ignores the event beforeunload", (t) => {
  const { engine, pageExit, dispatch } = leavingPage(t);
  engine.emit("active", true);
  engine.emit("active", false);

  dispatch("beforeunload");

  assert.equal(pageExit.isLeaving, false);
});

test("if a small file's size has changed since the file was chosen, the engine reads this file again alone", async () => {
  const messages = [];
  const worker = {
    postMessage: (message) => {
      messages.push([message].flat().map(({ name }) => name));
      const answer = ({ name }) => ({ checksum: `sum ${name}`, bytes: new ArrayBuffer(name === "changed" ? 999 : name.length) });
      setImmediate(() => worker.onmessage({ data: Array.isArray(message) ? { answers: message.map(answer) } : answer(message) }));
    },
  };
  const checksums = new Checksums({ createWorker: () => worker, size: 1 });
  const slice = () => ({ name: "slice", size: 7 });
  const read = (name) => checksums.read({ name, size: name.length, lastModified: 1, slice }, checksums, new AbortController().signal);

  await Promise.all([read("first"), read("same"), read("changed")]);

  assert.deepEqual(messages, [["first", "same", "changed"], ["slice"]]);
});
