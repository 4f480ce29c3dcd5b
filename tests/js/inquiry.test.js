import { FakeClock, FakeFile, World } from "./world.js";
import { Inquiry } from "../../static/js/engine/inquiry.js";
import assert from "node:assert/strict";
import { reasonOf } from "../../static/js/engine/fault-words.js";
import { test } from "node:test";

const FAULTY = { faults: ["cors_origin_missing"], examining: false };

/** Create a world whose engine asks the server for causes. `answer` is the server's answer, or an error if it does not answer. */
function world({ answer = () => FAULTY, probe = async () => true, forbids = () => false, origin = "https://site.test" } = {}) {
  const clock = new FakeClock();
  const reports = [];
  const inquiry = new Inquiry({
    clock,
    probe,
    page: { origin, forbids },
    report: async (report) => (reports.push(report), answer(report, reports.length)),
  });
  const made = new World({ inquiry });
  // The inquiry was created before the world, so give it the clock of the world.
  for (const name of ["now", "after"]) clock[name] = (...given) => made.clock[name](...given);
  return Object.assign(made, { inquiry, reports });
}

const file = () => new FakeFile("a.txt", 1000);

test("if a missing CORS rule blocks an upload, the engine names this cause, and continues when requests succeed", async () => {
  const made = world();
  made.storage.fault = () => "network";
  const handle = made.engine.add(file());
  await made.until(() => made.inquiry.reason);

  assert.match(made.inquiry.reason, /^The storage refuses requests from this site\. .*no CORS rule of the bucket allows the origin https:\/\/site\.test\./);
  assert.deepEqual(made.reports[0], { seen: ["blocked"], byte_size: 1000 });
  assert.ok(made.clock.now() < 15_000, `${made.clock.now()} ms`);

  made.storage.fault = () => undefined;
  await made.run(handle.finished);
  assert.equal(made.inquiry.reason, "");
});

test("if the engine has already read a body, `inquiry.js` passes these bytes to the sender", async () => {
  const made = world();
  const sent = [];
  const sender = made.inquiry.watch({ send: async (request, body, options) => void sent.push(options) });
  const bytes = new ArrayBuffer(3);

  await sender.send({ method: "PUT", url: "https://s3.test/key" }, new Blob(["abc"]), { bytes, signal: new AbortController().signal });

  assert.equal(sent[0].bytes, bytes);
});

test("while a proved cause lasts for hours, the upload waits, and the engine sends a test request every half minute", async () => {
  const made = world();
  let sent = 0;
  made.storage.fault = () => ((sent += 1), "network");
  const handle = made.engine.add(file());
  await made.until(() => made.inquiry.reason);
  sent = 0;

  await made.pass(6 * 3_600_000);

  assert.equal(handle.state, "sending");
  assert.ok(sent > 100 && sent <= 6 * 121, `${sent} requests`);
  made.storage.fault = () => undefined;
  const fixedAt = made.clock.now();
  await made.run(handle.finished);
  assert.ok(made.clock.now() - fixedAt < 35_000);
});

test("while a proved cause blocks many files, the engine sends only one request at a time as a test", async () => {
  const made = world();
  made.storage.fault = () => "network";
  const handles = [...Array(40)].map((_, n) => made.engine.add(new FakeFile(`${n}`, 1000)));
  await made.until(() => made.inquiry.reason);
  await made.pass(60_000);
  made.storage.maxInFlight = 0;
  await made.pass(120_000);
  assert.ok(made.storage.maxInFlight <= 1, `${made.storage.maxInFlight} at once`);

  made.storage.fault = () => undefined;
  await made.run(Promise.all(handles.map(({ finished }) => finished)));
});

test("if requests fail after the browser has sent all bytes, the engine also asks the server for the cause", async () => {
  const made = world({ answer: () => ({ faults: ["body_limit"], examining: false }) });
  made.storage.fault = () => "lost";
  const handle = made.engine.add(file());
  await made.until(() => made.inquiry.reason);
  await made.pass(60_000);

  assert.match(made.inquiry.reason, /limits the size of a request/);
  handle.pause();
});

test("if only one request loses the connection, the engine does not ask the server for a cause", async () => {
  const made = world();
  let lost = 1;
  made.storage.fault = () => (lost-- > 0 ? "network" : undefined);

  await made.run(made.engine.add(file()).finished);

  assert.deepEqual(made.reports, []);
});

test("if the browser has no network, the engine names no cause", async () => {
  const made = world({
    probe: async () => false,
    answer: () => {
      throw new TypeError("Failed to fetch");
    },
  });
  made.storage.fault = () => "network";
  made.engine.add(file());

  await made.pass(60_000);

  assert.ok(made.reports.length > 0);
  assert.equal(made.inquiry.reason, "");
});

test("if the network returns before the server answers `unreachable`, the engine names no cause", async () => {
  let probes = 0;
  const made = world({ probe: async () => (probes += 1) > 1, answer: () => ({ faults: ["unreachable"], examining: false }) });
  made.storage.fault = () => "network";
  made.engine.add(file());

  await made.until(() => probes === 2);
  assert.equal(made.inquiry.reason, "");
});

test("the engine names a violation of the Content-Security-Policy even if the server does not answer", async () => {
  const made = world({
    forbids: (origin) => origin === "https://storage.test",
    answer: () => {
      throw new TypeError("Failed to fetch");
    },
  });
  made.storage.fault = () => "network";
  made.engine.add(file());
  await made.until(() => made.inquiry.reason);

  assert.match(made.inquiry.reason, /Content-Security-Policy.*reload this page/);
});

test("if two causes block an upload at the same time, the engine names both causes", async () => {
  const made = world({ forbids: () => true, answer: ({ seen }) => ({ faults: [...seen, "cors_headers"], examining: false }) });
  made.storage.fault = () => "network";
  made.engine.add(file());
  await made.until(() => made.inquiry.reason);

  assert.match(made.inquiry.reason, /Content-Security-Policy.* and the bucket's CORS rule does not allow a header/);
});

test("while the server is still looking for the cause, the engine sends the report again", async () => {
  const made = world({ answer: (_, count) => (count < 3 ? { faults: [], examining: true } : FAULTY) });
  made.storage.fault = () => "network";
  made.engine.add(file());
  await made.until(() => made.inquiry.reason);

  assert.ok(made.clock.now() < 15_000, `${made.clock.now()} ms`);
});

test("if S3 refuses an upload, the error message contains the cause from the server and the code from S3", async () => {
  const made = world({ answer: () => ({ faults: ["clock"], examining: false }) });
  made.storage.fault = () => [403, "RequestTimeTooSkewed"];

  await assert.rejects(made.run(made.engine.add(file()).finished), {
    code: "expired",
    message: "The storage refuses requests from this site. Tell your administrator: the clocks of this site's server and of the storage differ too much. S3 answered 403 RequestTimeTooSkewed.",
  });
  assert.deepEqual(made.reports[0], { seen: ["refused"], status: 403, storage_code: "RequestTimeTooSkewed" });
});

test("if S3 answers 403 once, the engine gets a new URL, and reports nothing to the server", async () => {
  const made = world();
  let refusals = 1;
  made.storage.fault = () => (refusals-- > 0 ? [403, "AccessDenied"] : undefined);

  await made.run(made.engine.add(file()).finished);

  assert.deepEqual(made.reports, []);
});

test("if S3 answers 413 and the server finds no cause, the upload fails within ten seconds", async () => {
  const made = world({ answer: () => ({ faults: [], examining: true }) });
  made.storage.fault = () => [413, ""];

  await assert.rejects(made.run(made.engine.add(file()).finished), { code: "refused", message: /413/ });
  assert.ok(made.clock.now() < 10_000, `${made.clock.now()} ms`);
});

test("while a proved cause blocks uploads, the person can pause, resume and cancel the uploads", async () => {
  const made = world();
  made.storage.fault = () => "network";
  const [first, second] = [made.engine.add(file()), made.engine.add(new FakeFile("b.txt", 1000))];
  await made.until(() => made.inquiry.reason);
  await made.pass(30_000);

  first.pause();
  await made.run(second.cancel());
  assert.equal(first.state, "paused");
  made.storage.fault = () => undefined;
  first.resume();
  await made.run(first.finished);
});

for (const [address, page, isNamed] of [
  ["http://s3.example.test", "https://site.test", true],
  ["http://127.0.0.1:8333", "https://site.test", false],
  ["http://localhost:8333", "https://site.test", false],
  ["https://s3.example.test", "https://site.test", false],
  ["http://s3.example.test", "http://site.test", false],
]) {
  test(`a page on ${page} ${isNamed ? "reports" : "does not report"} mixed content for requests to ${address}`, async () => {
    const made = world({ origin: page });
    const put = made.inquiry.watch({
      send: async () => {
        const { DeliveryError } = await import("../../static/js/engine/errors.js");
        throw new DeliveryError("network");
      },
    });
    const send = async () => {
      for (;;) {
        await put.send({ method: "PUT", url: `${address}/a` }, new Blob([]), { signal: new AbortController().signal }).catch(() => {});
        await made.clock.sleep(100);
      }
    };
    void send();
    await made.until(() => made.reports.length > 0);

    assert.equal(made.reports[0].seen[0] === "mixed_content", isNamed);
  });
}

test("if the server returns a cause that the page does not know, the message contains the code of the cause", () => {
  assert.equal(reasonOf(["invented"], "https://site.test"), "The storage refuses requests from this site. Tell your administrator: invented.");
});
