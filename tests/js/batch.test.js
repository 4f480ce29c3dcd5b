import { FakeFile, World, watchProgress } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

function add(world, count, { size = 20_000 } = {}) {
  return Array.from({ length: count }, (_, n) => world.engine.add(new FakeFile(`file-${n}`, size)));
}

test("the engine starts a single small file at once, and does not wait for more files", async () => {
  const world = new World();

  await world.run(add(world, 1)[0].finished);

  assert.deepEqual(world.server.calls, ["POST /uploads", "POST /uploads/{id}/complete"]);
  assert.ok(world.clock.now() < 150, `${world.clock.now()} ms`);
});

test("if the server refuses one file of a batch, only this file fails, with the server's message", async () => {
  const world = new World();
  world.server.refuse = ({ filename }) =>
    filename === "file-7" ? { status: 415, code: "content_type_not_allowed", detail: "Not this type." } : undefined;
  const handles = add(world, 120);

  const results = await world.run(Promise.allSettled(handles.map((handle) => handle.finished)));

  const failed = results.flatMap(({ reason }, index) => (reason ? [[index, reason.code, reason.message]] : []));
  assert.deepEqual(failed, [[7, "content_type_not_allowed", "Not this type."]]);
  assert.equal(world.server.inState("ready").length, 119);
});

test("if the server answers 503 to two files of a batch, the engine retries these files, and all files arrive", async () => {
  const world = new World();
  let refusals = 2;
  world.server.refuse = () => (refusals-- > 0 ? { status: 503, code: "storage_unavailable" } : undefined);
  const handles = add(world, 30);

  await world.run(Promise.all(handles.map((handle) => handle.finished)));

  assert.equal(world.server.uploads.size, 30);
});

test("if the server refuses a whole batch because one file is invalid, only this file fails", async () => {
  const world = new World();
  world.server.fault = (call) => (call === "POST /uploads/batch" ? 422 : undefined);
  world.server.refuse = ({ filename }) => (filename === "file-3" ? { status: 422, code: "invalid_request" } : undefined);

  const results = await world.run(Promise.allSettled(add(world, 10).map((handle) => handle.finished)));

  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 9);
  assert.equal(results[3].reason.code, "invalid_request");
});

test("if the answer to a batch of starts is lost, the engine's retry creates no second uploads", async () => {
  const world = new World();
  let losses = 1;
  world.server.fault = (call) => (call === "POST /uploads/batch" && losses-- > 0 ? "lost" : undefined);

  await world.run(Promise.all(add(world, 80).map((handle) => handle.finished)));

  assert.equal(world.server.uploads.size, 80);
});

test("if the server rejects one file of a batch after the upload, all other files arrive", async () => {
  const world = new World();
  world.server.verdict = ({ filename }) =>
    filename === "file-5" ? { state: "rejected", rejected_reason: "No." } : { state: "ready" };
  const handles = add(world, 60);
  const seen = handles.map(watchProgress);

  const results = await world.run(Promise.allSettled(handles.map((handle) => handle.finished)));

  assert.deepEqual(results.flatMap(({ reason }, index) => (reason ? [index] : [])), [5]);
  assert.deepEqual(seen.flatMap(({ violations }) => violations), []);
});

test("the engine declares a file name and a folder path with umlauts and emoji unchanged", async () => {
  const world = new World();
  const handle = world.engine.add(new FakeFile("Ünï 🎉.txt", 3), { relativePath: "a/b/Ünï 🎉.txt" });

  await world.run(handle.finished);

  const [{ filename, relative_path }] = world.server.uploads.values();
  assert.deepEqual([filename, relative_path], ["Ünï 🎉.txt", "a/b/Ünï 🎉.txt"]);
});

/** @returns {Promise<(string | undefined)[]>} the first bytes that the server got, in the order of the files */
async function headsOf(files, options) {
  const world = new World(options);
  const heads = new Map();
  world.server.refuse = ({ filename, head }) => void heads.set(filename, head);
  await world.run(Promise.all(files.map((file) => world.engine.add(file).finished)));
  return files.map(({ name }) => heads.get(name));
}

test("a start request contains the file's first 4 KiB if the file is over 1 MiB or the site restricts types", async () => {
  const small = new FakeFile("small", 20_000);
  const large = new FakeFile("large", 1024 ** 2 + 1);
  const parts = new FakeFile("parts", 40 * 1024 ** 2);
  const empty = new FakeFile("empty", 0);

  const open = await headsOf([small, large, parts, empty], {});
  const restricted = await headsOf([small, large, parts, empty], { restrictsTypes: () => true });

  assert.deepEqual(open.map((head) => typeof head), ["undefined", "string", "string", "undefined"]);
  assert.deepEqual(restricted.map((head) => typeof head), ["string", "string", "string", "undefined"]);
  for (const head of [...open, ...restricted].filter(Boolean)) assert.equal(atob(head).length, 4096);
});

test("if the server refuses the content type of a file at the start, the upload fails with the server's message", async () => {
  const world = new World({ restrictsTypes: () => true });
  world.server.refuse = () => ({ status: 415, code: "content_type_not_allowed", detail: "Not this type." });
  const handles = [new FakeFile("small", 20_000), new FakeFile("parts", 40 * 1024 ** 2)].map((file) => world.engine.add(file));

  const results = await world.run(Promise.allSettled(handles.map((handle) => handle.finished)));

  assert.deepEqual(results.map(({ reason }) => reason.message), ["Not this type.", "Not this type."]);
  assert.equal(world.server.uploads.size, 0);
});

for (const arrived of [false, true]) {
  test(`if the page closes before a start is answered, the next visit finds the ${arrived ? "ready" : "pending"} upload`, async () => {
    const world = new World();
    const files = Array.from({ length: 30 }, (_, n) => new FakeFile(`file-${n}`, 20_000));
    const handles = files.map((file) => world.engine.add(file));
    const keys = handles.map(({ key }) => key);
    await world.until(() => world.server.uploads.size === 30);
    // The page is closed before it has stored the server's ids of the uploads.
    assert.deepEqual(handles.map(({ record }) => record), Array(30).fill(null));
    for (const handle of handles) handle.pause();
    if (arrived) for (const upload of world.server.uploads.values()) upload.state = "ready";

    world.engine = world.newEngine();
    const again = files.map((file, n) => world.engine.add(file, { key: keys[n] }));
    await world.run(Promise.all(again.map((handle) => handle.finished)));

    assert.equal(world.server.uploads.size, 30);
    assert.equal(world.server.inState("ready").length, 30);
    assert.equal(world.server.count("POST /uploads"), 0, "continued files are started in batches too");
  });
}
