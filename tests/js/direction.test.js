import assert from "node:assert/strict";
import { isBidirectional, isolated } from "../../static/js/page/direction.js";
import { test } from "node:test";

const RIGHT_TO_LEFT = {
  Hebrew: "תמונה.pdf",
  Arabic: "تقرير.pdf",
  "N’Ko": "\u07d2\u07de\u07cf.pdf",
  Adlam: "\u{1e900}\u{1e901}.pdf",
  "Hanifi Rohingya": "\u{10d00}\u{10d01}.pdf",
  "an invisible mark": "invoice\u202egnp.exe",
};

for (const [script, name] of Object.entries(RIGHT_TO_LEFT)) {
  test(`a name with ${script} is bidirectional, and isolate characters enclose it in a sentence`, () => {
    assert.ok(isBidirectional(name));
    assert.equal(isolated(name), `\u2068${name}\u2069`);
  });
}

test("a name with only left-to-right characters gets no isolate characters", () => {
  for (const name of ["survey.pdf", "été 東京 🚀.txt", "\u0928\u092e\u0938\u094d\u0924\u0947.txt"]) {
    assert.equal(isBidirectional(name), false);
    assert.equal(isolated(name), name);
  }
});
