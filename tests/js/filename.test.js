import { cleanFilename, cleanRelativePath, folded } from "../../static/js/engine/filename.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const CASES = JSON.parse(readFileSync(new URL("../cases/filenames.json", import.meta.url), "utf8"));

test("`cleanFilename` returns the stored name for each file name in tests/cases/filenames.json", () => {
  for (const { sent, stored } of CASES.names) {
    assert.equal(cleanFilename(sent).filename, stored, JSON.stringify(sent));
    assert.deepEqual(cleanFilename(stored), { filename: stored, changed: false }, JSON.stringify(stored));
  }
});

test("`cleanRelativePath` returns the stored path for each folder path in tests/cases/filenames.json", () => {
  for (const { sent, stored } of CASES.paths) {
    assert.equal(cleanRelativePath(sent).relativePath, stored, JSON.stringify(sent));
  }
});

test("`cleanFilename` removes exactly the code points that tests/cases/filenames.json lists", () => {
  const removed = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    if (code === 0x2f || code === 0x5c) continue;
    if (cleanFilename(`_${String.fromCodePoint(code)}_`).filename !== "__") continue;
    if (removed.at(-1)?.[1] === code - 1) removed.at(-1)[1] = code;
    else removed.push([code, code]);
  }
  const hex = (code) => code.toString(16).toUpperCase().padStart(4, "0");

  assert.deepEqual(removed.map(([first, last]) => `${hex(first)}-${hex(last)}`), CASES.removed);
});

test("a cleaned name or path counts as changed, unless cleaning only converted the text to NFC or removed a leading slash", () => {
  assert.deepEqual(cleanFilename("back\\slash.txt"), { filename: "back_slash.txt", changed: true });
  assert.deepEqual(cleanFilename("a\u200b.txt"), { filename: "a.txt", changed: true });
  assert.deepEqual(cleanFilename(".env"), { filename: ".env", changed: false });
  assert.deepEqual(cleanFilename("e\u0301.txt"), { filename: "\u00e9.txt", changed: false });
  assert.deepEqual(cleanRelativePath("/Ma\u0308rz/a.txt"), { relativePath: "M\u00e4rz/a.txt", changed: false });
  assert.deepEqual(cleanRelativePath("aux/a.txt"), { relativePath: "_aux/a.txt", changed: true });
});

test("a search with `folded` finds exactly the names that tests/cases/filenames.json expects", () => {
  for (const { name, search, found } of CASES.searches) {
    assert.equal(folded(name).includes(folded(search)), found, `${search} in ${name}`);
  }
});
