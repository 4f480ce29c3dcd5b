import { NOTHING_READ, extended, missingFrom, readNewest } from "../../static/js/page/newest.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const NEVER = new AbortController().signal;
const minute = (n) => new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString();
const record = (n, state = "ready") => ({ id: `id-${n}`, created_at: minute(n), state });
const names = (records) => records.map(({ id }) => id);

/** A server with these uploads. `pagesRead` counts the pages that were read. */
function serverOf(records) {
  const newestFirst = [...records].sort((one, other) => other.created_at.localeCompare(one.created_at));
  const server = {
    pagesRead: 0,
    list: async ({ limit, cursor = 0 }) => {
      server.pagesRead += 1;
      const next = cursor + limit;
      return { results: newestFirst.slice(cursor, next), next_cursor: next < newestFirst.length ? next : null };
    },
  };
  return server;
}

const range = (from, to) => Array.from({ length: to - from }, (_, index) => record(from + index));

for (const added of [0, 1, 99, 100, 120, 399]) {
  test(`${added} files added elsewhere are all read, back to the known files`, async () => {
    const server = serverOf(range(0, 1000 + added));
    const { results, isWhole } = await readNewest(server, { newest: Date.parse(minute(999)), open: Infinity }, NEVER);

    const read = new Set(names(results));
    assert.ok(range(999, 1000 + added).every(({ id }) => read.has(id)));
    assert.equal(isWhole, false);
    assert.ok(server.pagesRead <= 5);
  });
}

test("refresh reads at most a few pages", async () => {
  const reach = { newest: Date.parse(minute(10)), open: Infinity };

  assert.equal(await readNewest(serverOf(range(0, 2000)), reach, NEVER), null);
});

test("a short or empty list is read completely", async () => {
  const [short, empty] = [serverOf(range(0, 30)), serverOf([])];

  assert.equal((await readNewest(short, NOTHING_READ, NEVER)).results.length, 30);
  assert.deepEqual(await readNewest(empty, NOTHING_READ, NEVER), { results: [], isWhole: true });
});

test("refresh reads back to the oldest upload that was pending", async () => {
  const before = [...range(0, 10), record(10, "pending"), ...range(11, 260)];
  const reach = extended(NOTHING_READ, before);
  const server = serverOf(range(0, 260));

  const { results } = await readNewest(server, reach, NEVER);

  assert.ok(names(results).includes("id-10"));
});

test("files between two equal creation times are read", async () => {
  const equals = Array.from({ length: 150 }, (_, n) => ({ ...record(500), id: `equal-${n}` }));
  const { results } = await readNewest(serverOf([...range(0, 500), ...equals]), { newest: Date.parse(minute(500)), open: Infinity }, NEVER);

  assert.equal(names(results).filter((id) => id.startsWith("equal")).length, 150);
});

test("shown files that are missing in the answer's range were deleted elsewhere", () => {
  const shown = range(0, 20);
  const results = range(10, 20).filter(({ id }) => id !== "id-15");

  assert.deepEqual(names(missingFrom(shown, { results, isWhole: false })), ["id-15"]);
  assert.deepEqual(names(missingFrom(shown, { results: [], isWhole: true })), names(shown));
});
