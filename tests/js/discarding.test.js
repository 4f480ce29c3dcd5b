import { MIB, World } from "./world.js";
import { Discarding } from "../../static/js/page/discarding.js";
import { UnfinishedUpload } from "../../static/js/page/unfinished-upload.js";
import assert from "node:assert/strict";
import { fakePage } from "./fake-dialog.js";
import { test } from "node:test";

const GET = "GET /uploads/{id}";
const DELETE = "DELETE /uploads/{id}";

/** Start uploads on the fake server, and return a list with a row for each of them. */
async function setUp({ small = 0, large = 0, elsewhere = [] } = {}) {
  const world = new World();
  const { api } = world.engine;
  const rows = [];
  for (let number = 0; number < small + large; number += 1) {
    const isSmall = number < small;
    const facts = { filename: `${number}.bin`, byte_size: isSmall ? 1000 : 40 * MIB, content_type: "text/plain", transport: isSmall ? "put" : "multipart" };
    const checksum = isSmall ? { checksum_sha256: "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" } : {};
    const record = await world.run(api.start({ ...facts, ...checksum }, `key-${number}`));
    rows.push(new UnfinishedUpload({ record, kept: null, isElsewhere: elsewhere.includes(number) }));
  }
  const log = { problems: [], sentences: [], forgotten: [], allowed: [], focused: 0 };
  const sentBy = new Set(rows.filter(({ entry }) => entry.isElsewhere).map(({ key }) => key));
  const discarding = new Discarding({
    api,
    tabs: { elsewhere: async () => sentBy },
    keptFiles: { forget: (kept) => log.forgotten.push(...kept.map(({ id }) => id)) },
    list: {
      get rows() {
        return [...rows];
      },
      rowOf: (key) => rows.find((row) => row.key === key),
      remove: (row) => void rows.splice(rows.indexOf(row), 1),
      focus: () => (log.focused += 1),
      allowDiscardAll: (isAllowed) => log.allowed.push(isAllowed),
    },
    onProblem: (message) => log.problems.push(message),
    onDiscarded: (sentence) => log.sentences.push(sentence),
  });
  const page = fakePage();
  const confirm = () => page.form.dispatchEvent(new Event("submit", { cancelable: true }));
  return { world, rows, log, discarding, page, confirm, sentBy };
}

const pending = ({ server }) => server.inState("pending").length;

test("`Discard all` cancels 60 uploads, at most six at a time, and leaves no pending upload", async () => {
  const { world, rows, log, discarding, page, confirm } = await setUp({ small: 58, large: 2 });
  const { api } = world.engine;
  let running = 0;
  let most = 0;
  const cancel = api.cancel.bind(api);
  api.cancel = async (...given) => {
    most = Math.max(most, (running += 1));
    await cancel(...given);
    running -= 1;
  };

  const done = discarding.all();
  assert.deepEqual([page.text("confirm-title"), page.text("confirm-name")], ["Discard all unfinished uploads?", "60 uploads"]);
  assert.match(page.text("confirm-text"), /parts that have arrived will be deleted. The files on your device are not deleted.$/);
  assert.equal(world.server.count(DELETE), 0);
  confirm();
  await world.run(done);

  assert.deepEqual([pending(world), rows.length, most], [0, 0, 6]);
  assert.deepEqual(log, { problems: [], sentences: ["60 uploads discarded."], forgotten: [], allowed: [false, true], focused: 1 });
});

test("if the person closes the question, no upload is discarded", async () => {
  const { world, rows, log, discarding, page } = await setUp({ small: 3 });

  const done = discarding.all();
  page.dialog.close();
  await world.run(done);

  assert.deepEqual([pending(world), rows.length, log.sentences, log.focused], [3, 3, [], 0]);
});

test("`Discard all` leaves an upload of another tab and a stored file alone", async () => {
  const { world, rows, log, discarding, page, confirm, sentBy } = await setUp({ small: 5, elsewhere: [0] });
  world.server.uploads.get(rows[1].key).state = "ready";
  world.server.uploads.get(rows[2].key).state = "expired";

  const done = discarding.all();
  assert.match(page.text("confirm-text"), /Uploads in other tabs continue.$/);
  assert.equal(page.text("confirm-name"), "4 uploads");
  sentBy.add(rows[3].key); // another tab continues this upload while the question is open
  confirm();
  await world.run(done);

  const states = [...world.server.uploads.values()].map(({ state }) => state);
  assert.deepEqual(states, ["pending", "ready", "expired", "pending", "cancelled"]);
  assert.deepEqual([rows.map(({ name }) => name), log.problems], [["0.bin", "3.bin"], []]);
  assert.deepEqual(log.sentences, ["1 upload discarded."]);
});

test("if the server refuses to cancel two of ten uploads, their rows stay, and one notice names their number", async () => {
  const { world, rows, log, discarding, confirm } = await setUp({ small: 10 });
  const { api } = world.engine;
  const cancel = api.cancel.bind(api);
  const refused = new Set([rows[3].key, rows[7].key]);
  api.cancel = async (id, options) => {
    if (refused.has(id)) throw Object.assign(new Error("The server refuses this."), { status: 500 });
    return cancel(id, options);
  };

  const done = discarding.all();
  confirm();
  await world.run(done);

  assert.deepEqual([pending(world), rows.map(({ name }) => name)], [2, ["3.bin", "7.bin"]]);
  assert.deepEqual(log.problems, ["2 uploads could not be discarded. The server refuses this."]);
  assert.deepEqual([log.sentences, log.allowed], [["8 uploads discarded."], [false, true]]);
});

test("if the server does not answer, `Discard all` sends no requests for the remaining uploads", async () => {
  const { world, rows, log, discarding, confirm } = await setUp({ small: 60 });
  world.server.fault = () => "network";

  const done = discarding.all();
  confirm();
  await world.run(done);

  assert.equal(rows.length, 60);
  assert.match(log.problems[0], /^60 uploads could not be discarded\./);
  assert.deepEqual([log.problems.length, log.sentences], [1, [""]]);
  assert.ok(world.server.count(GET) <= 12);
});

test("the question before a discard mentions parts only if parts of the file may have arrived", async () => {
  const { discarding, rows, page } = await setUp({ small: 1, large: 2 });
  const [small, unknown, empty] = rows;
  empty.showSafe(0);

  for (const [row, words] of [
    [small, "The file on your device is not deleted."],
    [empty, "The file on your device is not deleted."],
    [unknown, "The parts that have arrived will be deleted. The file on your device is not deleted."],
  ]) {
    const done = discarding.one(row);
    assert.equal(page.text("confirm-text"), words);
    page.dialog.close();
    await done;
  }
  assert.deepEqual([small.hasParts, unknown.hasParts, empty.hasParts], [false, false, false]);
  unknown.showSafe(16 * MIB);
  assert.ok(unknown.hasParts);
});

test("if an upload becomes ready before the person confirms its discard, the stored file is kept", async () => {
  const { world, rows, log, discarding, confirm } = await setUp({ small: 1 });
  const [row] = rows;

  const done = discarding.one(row);
  world.server.uploads.get(row.key).state = "ready";
  confirm();
  await world.run(done);

  assert.equal(world.server.uploads.get(row.key).state, "ready");
  assert.deepEqual([rows.length, log.problems], [0, ["0.bin was not discarded, because its upload has already ended."]]);
});

test("a row of a file whose upload has not started is removed without a request, and its copy is deleted", async () => {
  const { world, rows, log, discarding } = await setUp();
  const row = new UnfinishedUpload({ record: null, kept: { id: "kept-1", filename: "a.bin" }, isElsewhere: false });
  rows.push(row);

  await discarding.one(row);

  assert.deepEqual([rows.length, log.forgotten, world.server.count(DELETE)], [0, ["kept-1"], 0]);
});
