import { formatBytes, formatBytesOf, formatTimeLeft, formatUntil, plural } from "../../static/js/page/format.js";
import { describePolicy, refusal } from "../../static/js/page/policy.js";
import { reasonInWords } from "../../static/js/page/reason.js";
import { DelayedChanges } from "../../static/js/page/delayed-changes.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const ANY = { max_file_size: 1000, allowed_content_types: ["*/*"] };

/** Cases that the Python tests use too. */
const readCases = (name) => JSON.parse(readFileSync(new URL(`../cases/${name}.json`, import.meta.url), "utf8"));

test("for each size in tests/cases/sizes.json, the page shows the expected text", () => {
  const cases = readCases("sizes");

  assert.ok(cases.length > 0);
  for (const [bytes, words] of cases) assert.equal(formatBytes(bytes), words);
});

test("the number of sent bytes is rounded down, so an incomplete upload never shows the whole size as sent", () => {
  assert.equal(formatBytesOf(412e6, 500e6), "412 of 500 MB");
  assert.equal(formatBytesOf(499_999_999, 500e6), "499 of 500 MB");
  assert.equal(formatBytesOf(0, 500e6), "0 of 500 MB");
});

test("the remaining time is shown as a rounded number of seconds, minutes, hours or days", () => {
  const cases = [[3, "a few seconds left"], [21, "about 25 seconds left"], [60, "about 1 minute left"], [7200, "about 2 hours left"]];

  for (const [seconds, words] of cases) assert.equal(formatTimeLeft(seconds), words);
  assert.equal(formatTimeLeft(3 * 24 * 3600), "about 3 days left");
});

test("a deadline today is shown as a time, a later deadline as a date, and a deadline in another year with the year", () => {
  const now = new Date(2026, 10, 21, 9, 0);

  assert.match(formatUntil(new Date(2026, 10, 21, 14, 32), now), /32.* today$/);
  assert.match(formatUntil(new Date(2026, 10, 28), now), /Saturday.*28/);
  assert.doesNotMatch(formatUntil(new Date(2026, 10, 28), now), /2026/);
  assert.match(formatUntil(new Date(2027, 0, 2), now), /2027/);
});

test("the function plural returns the singular for the count 1, and the plural for all other counts", () => {
  assert.deepEqual([plural(1, "file"), plural(0, "file"), plural(1200, "file")], ["1 file", "0 files", "1,200 files"]);
  assert.equal(plural(2, "file was", "files were"), "2 files were");
});

test("the page refuses a file over the size limit, but leaves the check of the file's type to the server", () => {
  const images = { max_file_size: 1000, allowed_content_types: ["image/*", "application/pdf"] };

  assert.equal(refusal({ size: 1000 }, ANY), "");
  assert.match(refusal({ size: 1001 }, ANY), /larger than 1 kB/);
  assert.equal(refusal({ size: 1 }, images), ""); // only the server checks types
});

test("the note below the drop area names the allowed sizes and types", () => {
  assert.equal(describePolicy({ max_file_size: 5e9, allowed_content_types: ["*/*"] }, 1e9), "Any size that fits your space");
  assert.equal(describePolicy({ max_file_size: 5e6, allowed_content_types: ["image/*"] }, 1e9), "Up to 5 MB a file, images only");
});

test("while the pointer moves over the list, changes wait; when the pointer rests or leaves, they are applied in order", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 10_000;
  t.mock.method(performance, "now", () => now);
  const area = new EventTarget();
  const applied = [];
  const changes = new DelayedChanges(area, (change) => applied.push(change));

  changes.push(1);
  area.dispatchEvent(new Event("pointermove"));
  changes.push(2);
  changes.push(3);
  assert.deepEqual(applied, [1]);
  now += 1300;
  t.mock.timers.tick(1300);
  assert.deepEqual(applied, [1, 2, 3]);
  area.dispatchEvent(new Event("pointermove"));
  changes.push(4);
  area.dispatchEvent(new Event("pointerleave"));
  assert.deepEqual(applied, [1, 2, 3, 4]);
});

test("the page removes the content types in brackets from the reason of a refusal", () => {
  const cases = readCases("reasons");

  assert.ok(cases.length > 0);
  for (const { reason, shown } of cases) assert.equal(reasonInWords(reason), shown);
});
