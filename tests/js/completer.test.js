import { MIB, World } from "./world.js";
import { Completer } from "../../static/js/page/completer.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SIZE = 40 * MIB;
const PARTS = [16 * MIB, 16 * MIB, 8 * MIB];
const COMPLETE = "POST /uploads/{id}/complete";

/** Create an upload with all parts in the bucket. The tab was closed before the engine called `complete`. */
async function createUploadWithAllParts() {
  const world = new World();
  const { api } = world.engine;
  const record = await world.run(
    api.start({ filename: "a.bin", byte_size: SIZE, content_type: "text/plain", transport: "multipart" }, "key"),
  );
  const stored = PARTS.map((byteSize, index) => [index + 1, { byte_size: byteSize }]);
  world.storage.multiparts.set(`uploads/${record.id}`, new Map(stored));
  return { world, record };
}

/** Create a completer that records its reports. `waiting` has the ids in the list of the page. */
function completerIn(world, { waiting, elsewhere = new Set() }) {
  const reports = { safe: [], finished: [] };
  const completer = new Completer({
    api: world.newEngine().api,
    tabs: { elsewhere: async () => elsewhere },
    isWaiting: (id) => waiting.has(id),
    onSafe: (id, bytes) => reports.safe.push([id, bytes]),
    onCompleted: ({ id, state }) => {
      waiting.delete(id);
      reports.finished.push([id, state]);
    },
  });
  return { completer, reports };
}

test("if the bucket has all bytes of an upload, the page completes the upload without the file", async () => {
  const { world, record } = await createUploadWithAllParts();
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

  await world.run(completer.check([record]));

  assert.deepEqual(reports, { safe: [[record.id, SIZE]], finished: [[record.id, "ready"]] });
  assert.equal(world.server.uploads.get(record.id).state, "ready");
  assert.ok(completer.hasCompleted(record.id));
});

test("if the server answers `complete` with `inspecting`, the completer reports the upload in this state", async () => {
  const { world, record } = await createUploadWithAllParts();
  world.server.verdict = () => ({ state: "inspecting" });
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

  await world.run(completer.check([record]));

  assert.deepEqual(reports.finished, [[record.id, "inspecting"]]);
});

for (const [what, change] of [
  ["a part is missing", (parts) => parts.delete(2)],
  ["a part is too short", (parts) => (parts.get(2).byte_size -= 1)],
]) {
  test(`if ${what} in the bucket, the completer does not complete the upload`, async () => {
    const { world, record } = await createUploadWithAllParts();
    change(world.storage.multiparts.get(`uploads/${record.id}`));
    const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

    await world.run(completer.check([record]));

    assert.equal(reports.safe.length, 1);
    assert.deepEqual([reports.finished, world.server.count(COMPLETE)], [[], 0]);
  });
}

test("if the server answers 409 `incomplete` to `complete`, the completer does not report the upload as completed", async () => {
  const { world, record } = await createUploadWithAllParts();
  world.server.limit = (call) => (call === COMPLETE ? { status: 409, code: "incomplete", missing_parts: [1] } : undefined);
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

  await world.run(completer.check([record]));

  assert.deepEqual([reports.finished, world.server.count(COMPLETE)], [[], 1]);
  assert.ok(!completer.hasCompleted(record.id));
});

for (const call of [COMPLETE, "GET /uploads/{id}/parts"]) {
  test(`if ${call} fails with 503, the completer reports no error, and the next check completes the upload`, async () => {
    const { world, record } = await createUploadWithAllParts();
    world.server.fault = (made) => (made === call ? 503 : undefined);
    const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

    await world.run(completer.check([record]));
    assert.deepEqual([reports.finished, world.server.count(call)], [[], 2]);
    world.server.fault = () => undefined;
    await world.run(completer.check([record]));

    assert.deepEqual(reports.finished, [[record.id, "ready"]]);
  });
}

test("if another tab is sending an upload, the completer in this tab does not complete the upload", async () => {
  const { world, record } = await createUploadWithAllParts();
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]), elsewhere: new Set([record.id]) });

  await world.run(completer.check([record]));

  assert.deepEqual([reports.finished, world.server.count(COMPLETE)], [[], 0]);
});

test("if the person continues an upload while the server completes the upload, the completer does not report the upload", async () => {
  const { world, record } = await createUploadWithAllParts();
  const waiting = new Set([record.id]);
  const { completer, reports } = completerIn(world, { waiting });

  const checking = completer.check([record]);
  await world.until(() => world.server.count(COMPLETE) === 1);
  waiting.clear();
  await world.run(checking);

  assert.deepEqual(reports.finished, []);
});

test("if two checks of the same upload run at the same time, the page calls `complete` only once", async () => {
  const { world, record } = await createUploadWithAllParts();
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

  const first = completer.check([record]);
  await world.until(() => world.server.count(COMPLETE) === 1);
  await world.run(Promise.all([first, completer.check([record])]));

  assert.equal(world.server.count(COMPLETE), 1);
  assert.deepEqual(reports.finished, [[record.id, "ready"]]);
});
