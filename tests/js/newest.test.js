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
  test(`if another tab added ${added} file(s), a refresh of the list reads all of them in at most 5 requests`, async () => {
    const server = serverOf(range(0, 1000 + added));
    const { results, isWhole } = await readNewest(server, { newest: Date.parse(minute(999)), open: Infinity }, NEVER);

    const read = new Set(names(results));
    assert.ok(range(999, 1000 + added).every(({ id }) => read.has(id)));
    assert.equal(isWhole, false);
    assert.ok(server.pagesRead <= 5);
  });
}

test("if there are more new files than a refresh of the list may read, the refresh returns null", async () => {
  const reach = { newest: Date.parse(minute(10)), open: Infinity };

  assert.equal(await readNewest(serverOf(range(0, 2000)), reach, NEVER), null);
});

test("the first refresh reads a list of 30 files completely, and returns no files for an empty list", async () => {
  const [short, empty] = [serverOf(range(0, 30)), serverOf([])];

  assert.equal((await readNewest(short, NOTHING_READ, NEVER)).results.length, 30);
  assert.deepEqual(await readNewest(empty, NOTHING_READ, NEVER), { results: [], isWhole: true });
});

test("a refresh of the list reads back to the oldest upload that was pending at the last refresh", async () => {
  const before = [...range(0, 10), record(10, "pending"), ...range(11, 260)];
  const reach = extended(NOTHING_READ, before);
  const server = serverOf(range(0, 260));

  const { results } = await readNewest(server, reach, NEVER);

  assert.ok(names(results).includes("id-10"));
});

test("if 150 files have the same creation time as the newest known file, a refresh reads all 150 files", async () => {
  const equals = Array.from({ length: 150 }, (_, n) => ({ ...record(500), id: `equal-${n}` }));
  const { results } = await readNewest(serverOf([...range(0, 500), ...equals]), { newest: Date.parse(minute(500)), open: Infinity }, NEVER);

  assert.equal(names(results).filter((id) => id.startsWith("equal")).length, 150);
});

test("if a refresh covers a shown file's creation time but does not return the file, the file counts as deleted", () => {
  const shown = range(0, 20);
  const results = range(10, 20).filter(({ id }) => id !== "id-15");

  assert.deepEqual(names(missingFrom(shown, { results, isWhole: false })), ["id-15"]);
  assert.deepEqual(names(missingFrom(shown, { results: [], isWhole: true })), names(shown));
});
