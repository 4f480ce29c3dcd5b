import { Delivery } from "../../static/js/engine/delivery.js";
import { DeliveryError } from "../../static/js/engine/errors.js";
import { FakeClock, FakeFile, MIB, World } from "./world.js";
import { Lanes } from "../../static/js/engine/lanes.js";
import { Put } from "../../static/js/engine/put.js";
import { Retry } from "../../static/js/engine/retry.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const NEVER = new AbortController().signal;

class OneXhr {
  constructor(status, text, headers = "") {
    Object.assign(this, { status, responseText: text, upload: {}, sent: null, wanted: {}, getAllResponseHeaders: () => headers });
  }

  open() {}

  setRequestHeader(name, value) {
    this.wanted[name] = value;
  }

  send(body) {
    this.sent = body;
    setImmediate(() => this.onload());
  }

  abort() {}
}

test("a POST request contains the signed fields first, and the file as the last field", async () => {
  const xhr = new OneXhr(204, "");
  const put = new Put({ clock: new FakeClock(), createXhr: () => xhr });

  await put.send({ method: "POST", url: "https://storage.test/", fields: { key: "k", policy: "p" } }, new Blob(["x"]), {
    signal: NEVER,
  });

  assert.deepEqual([...xhr.sent.keys()], ["key", "policy", "file"]);
});

test("a small file is sent without progress listeners; if S3 does not answer, the request fails after 60 seconds", async () => {
  const clock = new FakeClock();
  const xhr = new OneXhr(200, "");
  xhr.send = () => {};
  const put = new Put({ clock, createXhr: () => xhr, stallMs: 30_000 });
  let outcome = "";

  const sending = put.send({ method: "PUT", url: "https://storage.test/k" }, new Blob(["x"]), { signal: NEVER, bytes: new ArrayBuffer(1) });
  sending.catch(({ code }) => (outcome = code));
  const listeners = [xhr.upload.onprogress, xhr.upload.onload];
  await clock.tick();
  await new Promise(setImmediate);

  assert.deepEqual(listeners, [undefined, undefined]);
  assert.deepEqual([outcome, clock.now()], ["stalled", 60_000]);
});

test("if the signed headers contain the file's type, the engine sends the file itself, otherwise a slice without a type", async () => {
  const whole = new Blob(["x"], { type: "image/png" });
  for (const [headers, isWhole] of [[{ "Content-Type": "image/png" }, true], [{ "x-amz-checksum-sha256": "c" }, false]]) {
    const xhr = new OneXhr(200, "");
    const put = new Put({ clock: new FakeClock(), createXhr: () => xhr });

    await put.send({ method: "PUT", url: "https://storage.test/k", headers }, whole.slice(), { signal: NEVER, whole });

    assert.equal(xhr.sent === whole, isWhole);
    assert.equal(xhr.sent.type, isWhole ? "image/png" : "");
  }
});

test("if the request with the whole file fails, the engine retries with a slice of the file", async () => {
  const world = new World();
  const file = new FakeFile("a.bin", 2 * MIB);
  const sent = [];
  const put = { send: async (request, body, { whole }) => (sent.push(whole), sent.length === 1 && fail()) };
  const fail = () => {
    throw new DeliveryError("network");
  };
  const retry = new Retry({ clock: world.clock, connectivity: world.connectivity });
  const delivery = new Delivery({ put, lanes: new Lanes({ clock: world.clock }), retry });
  const requestFor = async () => ({ method: "PUT", url: "https://storage.test/k" });

  await world.run(delivery.deliver({ owner: {}, body: file.slice(), whole: file, signal: NEVER, requestFor, onProgress() {} }));

  assert.deepEqual(sent, [file, undefined]);
});

const ANSWERS = [
  [429, "", "pushback", true],
  [503, "<Code>SlowDown</Code>", "pushback", true],
  [500, "<Code>InternalError</Code>", "network", true],
  [408, "", "network", true],
  [409, "<Code>ConditionalRequestConflict</Code>", "network", true],
  [400, "<Code>RequestTimeout</Code>", "network", true],
  [400, "<Code>ExpiredToken</Code>", "expired", false],
  [400, "<Code>BadDigest</Code>", "corrupt", false],
  [400, "<Code>InvalidArgument</Code>", "refused", false],
  [403, "<Code>AccessDenied</Code>", "expired", false],
  [404, "<Code>NoSuchUpload</Code>", "gone", false],
  [412, "<Code>PreconditionFailed</Code>", "exists", false],
  [413, "", "refused", false],
];

for (const [status, text, code, retryable] of ANSWERS) {
  const kind = retryable ? "retryable" : "not retryable";
  test(`the engine turns S3's answer ${status} ${text} into the error "${code}" (${kind})`, async () => {
    const put = new Put({ clock: new FakeClock(), createXhr: () => new OneXhr(status, text, "retry-after: 7") });

    const sending = put.send({ method: "PUT", url: "https://storage.test/k", headers: { a: "b" } }, new Blob(["x"]), {
      signal: NEVER,
    });

    await assert.rejects(sending, { name: "DeliveryError", code, status, retryable, retryAfter: 7 });
  });
}
