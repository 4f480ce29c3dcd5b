import { FakeClock, FakeFile, World, seeded, watchProgress } from "./world.js";
import { Put } from "../../static/js/engine/put.js";
import assert from "node:assert/strict";
import { formBody } from "../../static/js/engine/form-body.js";
import { test } from "node:test";

const COUNT = 30;
const SIZE = 10_000;

/** Add small files to the engine of `world`, and return their handles. */
function addFiles(world, count = COUNT, engine = world.engine) {
  return Array.from({ length: count }, (_, index) => engine.add(new FakeFile(`${index}.bin`, SIZE + index)));
}

function newWorld(options = {}) {
  return new World({ returnsBytes: true, usesForms: true, ...options });
}

async function finish(world, handles) {
  await world.run(Promise.all(handles.map((handle) => handle.finished)));
}

/** Assert that each file is ready with its own bytes, and that no other upload is unfinished. */
function assertReady(world, handles) {
  assert.equal(world.server.inState("pending").length, 0);
  for (const { record, file } of handles) {
    assert.equal(record.state, "ready");
    const { key } = world.server.uploads.get(record.id);
    assert.equal(world.storage.objects.get(key).checksum, file.checksum);
  }
}

const methodsOf = (world) => world.storage.requests.map(({ method }) => method);
const count = (values, wanted) => values.filter((value) => value === wanted).length;

test("a form contains the exact bytes of the file as its last field, as browsers write a form", async () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => [13, 10, 45, 45, 0, 255, 195, 40][index % 8] ^ (index >> 9));
  const { body, type } = formBody({ key: "uploads/k", "Content-Type": "text/plain", note: "näme" }, bytes.buffer);

  const read = await new Response(body, { headers: { "Content-Type": type } }).formData();

  assert.deepEqual([...read.keys()], ["key", "Content-Type", "note", "file"]);
  assert.deepEqual([read.get("key"), read.get("Content-Type"), read.get("note")], ["uploads/k", "text/plain", "näme"]);
  assert.deepEqual(new Uint8Array(await read.get("file").arrayBuffer()), bytes);
});

test("a form with an empty file is complete", async () => {
  const { body, type } = formBody({ key: "k" }, new ArrayBuffer(0));

  const read = await new Response(body, { headers: { "Content-Type": type } }).formData();

  assert.equal(read.get("file").size, 0);
});

test("each form has a new boundary, which the browser accepts without a CORS preflight", () => {
  const types = Array.from({ length: 100 }, () => formBody({ key: "k" }, new ArrayBuffer(1)).type);

  assert.equal(new Set(types).size, 100);
  for (const type of types) assert.match(type, /^multipart\/form-data; boundary=slipway-[0-9a-f]{32}$/);
});

test("the name of a field cannot end its header", () => {
  const { body } = formBody({ 'a"\r\nX: y': "v" }, new ArrayBuffer(0));

  assert.match(new TextDecoder().decode(body), /form-data; name="a%22%0D%0AX: y"\r\n\r\nv\r\n/);
});

test("a form with the bytes of a small file is sent as one buffer, without upload listeners and further headers", async () => {
  const sent = { upload: {}, headers: {}, status: 201, responseText: "", getAllResponseHeaders: () => "", open() {}, abort() {} };
  sent.setRequestHeader = (name, value) => (sent.headers[name] = value);
  sent.send = (body) => ((sent.body = body), setImmediate(() => sent.onload()));
  const put = new Put({ clock: new FakeClock(), createXhr: () => sent });
  const bytes = new TextEncoder().encode("content").buffer;

  await put.send({ method: "POST", url: "https://storage.test/", fields: { key: "k" } }, new Blob(["content"]), {
    signal: new AbortController().signal,
    bytes,
  });

  const read = await new Response(sent.body, { headers: sent.headers }).formData();
  assert.deepEqual([read.get("key"), await read.get("file").text()], ["k", "content"]);
  assert.deepEqual([Object.keys(sent.headers), Object.keys(sent.upload)], [["Content-Type"], []]);
});

for (const usesForms of [true, false]) {
  test(`the engine sends small files by ${usesForms ? "forms, without upload listeners" : "PUT without the option usesForms"}`, async () => {
    const world = newWorld({ usesForms });
    const handles = addFiles(world);

    await finish(world, handles);

    assertReady(world, handles);
    assert.deepEqual(methodsOf(world), Array(COUNT).fill(usesForms ? "POST" : "PUT"));
    assert.ok(world.storage.requests.every(({ hasListeners }) => !hasListeners));
  });
}

test("a file of up to 64 KiB leaves by form, also alone, and a larger file by PUT", async () => {
  for (const [size, transport] of [[100, "post"], [65_536, "post"], [65_537, "put"]]) {
    const world = newWorld();
    const handle = world.engine.add(new FakeFile("alone.bin", size));

    await finish(world, [handle]);

    assert.equal(handle.record.transport, transport);
  }
});

test("a small file whose bytes the page does not have leaves by PUT", async () => {
  const world = newWorld({ returnsBytes: false });
  const handles = addFiles(world);

  await finish(world, handles);

  assert.ok(handles.every(({ record }) => record.transport === "put"));
});

for (let seed = 1; seed <= 8; seed += 1) {
  test(`if requests fail at random, all files of forms arrive, and none is sent twice to another key (seed ${seed})`, async () => {
    const world = newWorld({ seed });
    const random = seeded(seed * 6007);
    const pick = (faults) => (random() < 0.25 ? faults[Math.floor(random() * faults.length)] : undefined);
    world.storage.fault = () => pick(["network", "lost", "stall", 503, 500, 403, [400, "RequestTimeout"]]);
    world.server.fault = () => pick(["network", "lost", 502, 503, 429]);
    const handles = addFiles(world);
    const seen = handles.map(watchProgress);

    await finish(world, handles);

    assertReady(world, handles);
    assert.deepEqual(seen.flatMap(({ violations }) => violations), []);
    assert.equal(world.server.inState("ready").length, COUNT);
  });
}

test("if the storage refuses a form as expired, the engine sends a new form", async () => {
  const world = newWorld({ lifetimeMs: 1_000 });
  world.storage.fault = () => (world.clock.now() < 3_000 ? 503 : undefined);
  const handles = addFiles(world, 3);

  await finish(world, handles);

  assertReady(world, handles);
  assert.ok(count(world.storage.requests.map(({ status }) => status), 403) > 0);
  assert.deepEqual(new Set(methodsOf(world)), new Set(["POST"]));
});

test("if the storage asks for fewer requests, the engine uses fewer lanes and sends the forms again", async () => {
  const world = newWorld();
  let refusals = 3;
  world.storage.fault = () => (refusals-- > 0 ? [503, "SlowDown"] : undefined);
  const handles = addFiles(world);

  await world.until(() => world.engine.lanes.limit < 6);
  await finish(world, handles);

  assertReady(world, handles);
  assert.deepEqual(new Set(methodsOf(world)), new Set(["POST"]));
});

test("files that are paused while their forms are in flight arrive after the pause", async () => {
  const world = newWorld({ bytesPerMs: 10 });
  const handles = addFiles(world);
  await world.until(() => world.storage.inFlight.size === 6);

  world.engine.pauseAll();
  assert.equal(world.storage.inFlight.size, 0);
  await world.pass(60_000);
  world.engine.resumeAll();
  await finish(world, handles);

  assertReady(world, handles);
});

test("a file that is cancelled while its form is in flight leaves no object", async () => {
  const world = newWorld({ bytesPerMs: 10 });
  const handles = addFiles(world, 6);
  await world.until(() => world.storage.inFlight.size === 6);

  await world.run(world.engine.cancelAll());

  assert.deepEqual(handles.map(({ state }) => state), Array(6).fill("cancelled"));
  assert.equal(world.server.inState("cancelled").length, 6);
  assert.equal(world.storage.objects.size, 0);
});

test("a page without forms continues the uploads that an earlier page has started by form", async () => {
  const world = newWorld({ bytesPerMs: 10 });
  const before = addFiles(world, 3);
  await world.until(() => world.storage.inFlight.size === 3);
  const keys = before.map(({ key }) => key);
  world.engine.pauseAll();
  world.options.usesForms = false;
  const engine = world.newEngine();

  const handles = before.map(({ file }, index) => engine.add(file, { key: keys[index] }));
  await finish(world, handles);

  assertReady(world, handles);
  assert.deepEqual(handles.map(({ record }) => record.id), before.map(({ record }) => record.id));
  assert.equal(world.server.uploads.size, 3);
});

for (const fault of [405, 501, 412, 413, 404, [400, "InvalidArgument"], [403, "AccessDenied"]]) {
  test(`if the storage answers forms with ${fault}, the engine cancels these uploads and sends the files by PUT`, async () => {
    const world = newWorld();
    world.storage.fault = ({ method }) => (method === "POST" ? fault : undefined);
    const handles = addFiles(world);
    await finish(world, handles);
    const forms = world.server.inState("cancelled");
    assertReady(world, handles);
    assert.ok(handles.every(({ record }) => record.transport === "put"));
    assert.ok(forms.every(({ transport }) => transport === "post"));
    assert.equal(world.server.uploads.size, COUNT + forms.length);
    const before = count(methodsOf(world), "POST");

    const later = addFiles(world, 5);
    await finish(world, later);

    assertReady(world, later);
    assert.equal(count(methodsOf(world), "POST"), before);
  });
}

test("if the storage also refuses the PUT, the file fails with the error of the PUT", async () => {
  const world = newWorld();
  world.storage.fault = ({ method }) => (method === "POST" ? 405 : [400, "InvalidRequest"]);
  const handles = addFiles(world, 3);

  await assert.rejects(finish(world, handles), { code: "refused", message: /400 InvalidRequest/ });
});

test("if the page cannot read the answers to forms, the files are ready, and the next files leave by PUT", async () => {
  const world = newWorld();
  world.storage.fault = ({ method }) => (method === "POST" ? "lost" : undefined);
  const handles = addFiles(world);

  await finish(world, handles);

  assertReady(world, handles);
  assert.deepEqual(methodsOf(world), Array(COUNT).fill("POST")); // no form is sent twice
  assert.ok(world.clock.now() < 30_000, String(world.clock.now()));
  const later = addFiles(world, 5);
  await finish(world, later);
  assert.ok(later.every(({ record }) => record.transport === "put"));
});

test("if no form reaches the storage, the engine cancels these uploads and sends the files by PUT", async () => {
  const world = newWorld();
  world.storage.fault = ({ method }) => (method === "POST" ? "network" : undefined);
  const handles = addFiles(world);

  await finish(world, handles);

  assertReady(world, handles);
  assert.ok(handles.every(({ record }) => record.transport === "put"));
  assert.ok(world.clock.now() < 60_000, String(world.clock.now()));
});

test("if a form was lost before it reached the storage, the engine sends the form again", async () => {
  const world = newWorld();
  let failures = 4;
  world.storage.fault = () => (failures-- > 0 ? "network" : undefined);
  const handles = addFiles(world);

  await finish(world, handles);

  assertReady(world, handles);
  assert.deepEqual(methodsOf(world), Array(COUNT).fill("POST"));
});
