import { Checksums } from "../../static/js/engine/checksum.js";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256Base64 } from "../../static/js/engine/sha256.js";
import { test } from "node:test";

const NEVER = new AbortController().signal;
const LARGE = 1024 * 1024; // a file of this size gets its own worker

/** Return a worker that answers each message for one file or for several files. */
function workerThat(answer, onMessage = () => {}) {
  const worker = {
    postMessage: (message) => {
      onMessage(message);
      setImmediate(() => worker.onmessage({ data: Array.isArray(message) ? { answers: message.map(answer) } : answer(message) }));
    },
  };
  return worker;
}

function answerUnlessBad({ name }) {
  return name === "bad" ? { error: { name: "NotFoundError", message: "gone" } } : { checksum: name };
}

function expected(bytes) {
  return createHash("sha256").update(bytes).digest("base64");
}

for (const size of [0, 1, 1000, 9 * 1024 * 1024]) {
  test(`for ${size} bytes, both crypto.subtle and our own code return the correct SHA-256 in base64`, async () => {
    const bytes = Buffer.alloc(size, "slipway");

    assert.equal(await sha256Base64(new Blob([bytes])), expected(bytes));
    assert.equal(await sha256Base64(new Blob([bytes]), null), expected(bytes));
  });
}

test("if the CSP blocks workers, the engine computes checksums in the main thread", async () => {
  const blocked = () => {
    throw new Error("Refused by the Content Security Policy");
  };

  const checksum = await new Checksums({ createWorker: blocked }).checksum(new Blob(["x"]), {}, NEVER);

  assert.equal(checksum, expected("x"));
});

test("if the script of a worker fails, the engine terminates the worker and computes the checksum in the main thread", async () => {
  let terminated = 0;
  const worker = { postMessage: () => setImmediate(() => worker.onerror({})), terminate: () => (terminated += 1) };

  const checksum = await new Checksums({ createWorker: () => worker }).checksum(new Blob(["x"]), {}, NEVER);

  assert.deepEqual([checksum, terminated], [expected("x"), 1]);
});

test("if only one worker is allowed, the engine reuses this worker for all checksums, and two uploads take turns", async () => {
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

  assert.deepEqual(served, ["a1", "b1", "a2", "b2", "a3"]);
  assert.equal(made, 1);
});

test("small files that are read at once share one message, and the worker returns checksum and bytes of each file", async () => {
  const messages = [];
  const answer = ({ name }) => ({ checksum: `sum ${name}`, bytes: new ArrayBuffer(name.length) });
  const worker = workerThat(answer, (message) => messages.push([message].flat().map(({ name }) => name)));
  const checksums = new Checksums({ createWorker: () => worker, size: 1 });
  const read = (name, size = name.length) => checksums.read({ name, size }, checksums, NEVER);

  const found = await Promise.all([read("first"), read("second"), read("film", LARGE), read("third")]);

  assert.deepEqual(messages, [["first", "second", "third"], ["film"]]);
  assert.deepEqual(found.map(({ checksum }) => checksum), ["sum first", "sum second", "sum film", "sum third"]);
  assert.equal(found[1].bytes.byteLength, "second".length);
});

test("one worker at a time reads small files, up to 100 with a message, and other workers read large files", async () => {
  const open = [];
  const createWorker = () => {
    const worker = { postMessage: (message) => open.push({ worker, names: [message].flat().map(({ name }) => name) }) };
    return worker;
  };
  const checksums = new Checksums({ createWorker, size: 3 });
  const read = (name, size = 1) => checksums.read({ name, size }, checksums, NEVER);
  const small = Array.from({ length: 150 }, (_, index) => read(`small ${index}`));
  const large = [read("film 1", LARGE), read("film 2", LARGE), read("film 3", LARGE)];

  const rounds = [];
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    const served = open.splice(0);
    rounds.push(served.map(({ names }) => (names.length > 1 ? names.length : names[0])));
    for (const { worker, names } of served) {
      const answers = names.map((name) => ({ checksum: name }));
      worker.onmessage({ data: names[0].startsWith("small") ? { answers } : answers[0] });
    }
  }
  await Promise.all([...small, ...large]);

  assert.deepEqual(rounds.filter((round) => round.length > 0), [[100, "film 1", "film 2"], [50, "film 3"]]);
});

test("while the engine waits to read an unreadable file again, the worker serves other files", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const checksums = new Checksums({ createWorker: () => workerThat(answerUnlessBad), size: 1 });
  const waiting = new AbortController();
  const blob = { name: "bad", size: 1, slice: () => blob };
  const bad = checksums.read(blob, checksums, waiting.signal);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));

  const good = await checksums.read({ name: "good", size: LARGE }, checksums, NEVER); // no time passes in this test

  assert.equal(good.checksum, "good");
  waiting.abort();
  await assert.rejects(bad, { name: "AbortError" });
});

test("if a worker cannot read one small file, the other files of the same message still get checksums", async () => {
  const failing = () => Promise.reject(new DOMException("gone", "NotFoundError"));
  const checksums = new Checksums({ createWorker: () => workerThat(answerUnlessBad), size: 1 });
  const waiting = new AbortController();
  checksums.read({ name: "first", size: 1 }, checksums, NEVER);
  const bad = checksums.read({ name: "bad", size: 1, slice: () => ({ name: "bad", size: 1 }), arrayBuffer: failing }, checksums, waiting.signal);
  const good = checksums.read({ name: "good", size: 1 }, checksums, NEVER);

  assert.equal((await good).checksum, "good");
  waiting.abort(); // otherwise the read would be retried some more times
  await assert.rejects(bad, { name: "AbortError" });
});

test("if a waiting request for a checksum is aborted, no worker computes this checksum", async () => {
  const served = [];
  const worker = workerThat(() => ({ checksum: "c" }), (blobs) => served.push(...blobs.map(({ name }) => name)));
  const checksums = new Checksums({ createWorker: () => worker, size: 1 });
  const controller = new AbortController();
  const first = checksums.checksum({ name: "first", size: 1 }, {}, NEVER);
  const second = checksums.checksum({ name: "second", size: 1 }, {}, controller.signal);

  controller.abort();
  await assert.rejects(second, { name: "AbortError" });
  await first;

  assert.deepEqual(served, ["first"]);
});
