import assert from "node:assert/strict";
import { characterBorders, longest } from "../../static/js/page/name-cut.js";
import { test } from "node:test";

test("an accent, a joined emoji and a flag are each one character", () => {
  assert.deepEqual(characterBorders("e\u0301a"), [0, 2, 3]);
  assert.deepEqual(characterBorders("👩\u200d👧b"), [0, 5, 6]);
  assert.deepEqual(characterBorders("🇩🇪c"), [0, 4, 5]);
});

test("a browser without Intl.Segmenter finds no border inside a text", (context) => {
  const { Segmenter } = Intl;
  context.after(() => (Intl.Segmenter = Segmenter));
  delete Intl.Segmenter;
  assert.deepEqual(characterBorders("name"), [0, 4]);
});

test("the last border that fits is found for each width", () => {
  const borders = [0, 2, 3, 7, 8];
  for (let width = 0; width < 12; width += 1) {
    const expected = borders.filter((border) => border <= width).at(-1);
    assert.equal(longest(borders, (border) => border <= width), expected);
  }
});
