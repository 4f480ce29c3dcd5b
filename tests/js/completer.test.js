import { MIB, World } from "./world.js";
import { Completer } from "../../static/js/page/completer.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const SIZE = 40 * MIB;
const PARTS = [16 * MIB, 16 * MIB, 8 * MIB];
const COMPLETE = "POST /uploads/{id}/complete";

/** Create an upload with all parts in the bucket. Its tab was closed before it called `complete`. */
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

test("an upload whose bytes are all in the bucket is completed without its file", async () => {
  const { world, record } = await createUploadWithAllParts();
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

  await world.run(completer.check([record]));

  assert.deepEqual(reports, { safe: [[record.id, SIZE]], finished: [[record.id, "ready"]] });
  assert.equal(world.server.uploads.get(record.id).state, "ready");
  assert.ok(completer.hasCompleted(record.id));
});

test("an upload in inspection is reported as inspecting", async () => {
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
  test(`if ${what}, nothing is completed and the upload waits for its file`, async () => {
    const { world, record } = await createUploadWithAllParts();
    change(world.storage.multiparts.get(`uploads/${record.id}`));
    const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

    await world.run(completer.check([record]));

    assert.equal(reports.safe.length, 1);
    assert.deepEqual([reports.finished, world.server.count(COMPLETE)], [[], 0]);
  });
}

test("an upload that the server finds incomplete is left unchanged", async () => {
  const { world, record } = await createUploadWithAllParts();
  world.server.limit = (call) => (call === COMPLETE ? { status: 409, code: "incomplete", missing_parts: [1] } : undefined);
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

  await world.run(completer.check([record]));

  assert.deepEqual([reports.finished, world.server.count(COMPLETE)], [[], 1]);
  assert.ok(!completer.hasCompleted(record.id));
});

for (const call of [COMPLETE, "GET /uploads/{id}/parts"]) {
  test(`a failing ${call} is not shown, and the next check retries`, async () => {
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

test("an upload that another tab has continued meanwhile is left to that tab", async () => {
  const { world, record } = await createUploadWithAllParts();
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]), elsewhere: new Set([record.id]) });

  await world.run(completer.check([record]));

  assert.deepEqual([reports.finished, world.server.count(COMPLETE)], [[], 0]);
});

test("an upload that the person continues during the check is reported once", async () => {
  const { world, record } = await createUploadWithAllParts();
  const waiting = new Set([record.id]);
  const { completer, reports } = completerIn(world, { waiting });

  const checking = completer.check([record]);
  await world.until(() => world.server.count(COMPLETE) === 1);
  waiting.clear();
  await world.run(checking);

  assert.deepEqual(reports.finished, []);
});

test("two concurrent checks complete an upload once", async () => {
  const { world, record } = await createUploadWithAllParts();
  const { completer, reports } = completerIn(world, { waiting: new Set([record.id]) });

  const first = completer.check([record]);
  await world.until(() => world.server.count(COMPLETE) === 1);
  await world.run(Promise.all([first, completer.check([record])]));

  assert.equal(world.server.count(COMPLETE), 1);
  assert.deepEqual(reports.finished, [[record.id, "ready"]]);
});
