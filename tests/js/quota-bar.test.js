import { drawQuotaBar } from "../../static/js/page/quota-bar.js";
import test from "node:test";
import assert from "node:assert/strict";

/** Draw a bar and return its two widths, and whether the quota is full. */
function drawn(bytes) {
  const bars = { ".quota__used": { style: {} }, ".quota__pending": { style: {} } };
  let isFull;
  drawQuotaBar(
    { classList: { toggle: (name, on) => (isFull = on) }, querySelector: (selector) => bars[selector] },
    bytes,
  );
  return [bars[".quota__used"].style.transform, bars[".quota__pending"].style.transform, isFull];
}

const CASES = [
  [{ limit: 100, used: 0, promised: 0 }, "scaleX(0)", "scaleX(0)", false],
  [{ limit: 100, used: 20, promised: 50 }, "scaleX(0.2)", "scaleX(0.5)", false],
  [{ limit: 1e12, used: 1, promised: 1 }, "scaleX(0.015)", "scaleX(0.015)", false],
  [{ limit: 100, used: 100, promised: 100 }, "scaleX(1)", "scaleX(1)", true],
  [{ limit: 100, used: 20, promised: 130 }, "scaleX(0.2)", "scaleX(1)", true],
  [{ limit: 0, used: 0, promised: 0 }, "scaleX(0)", "scaleX(0)", true],
];
for (const [bytes, ...expected] of CASES) {
  const title = `for ${JSON.stringify(bytes)}, the quota bar has the correct widths and is ${expected[2] ? "" : "not "}marked as full`;
  test(title, () => assert.deepEqual(drawn(bytes), expected));
}
