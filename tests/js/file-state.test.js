import assert from "node:assert/strict";
import { reloadWhenInspected } from "../../static/js/page/file-state.js";
import { test } from "node:test";

/** Answer one poll after another, and return the number of polls before the page was reloaded. */
async function countPolls(answers, isBusy = () => false) {
  let count = 0;
  await new Promise((resolve) => {
    void reloadWhenInspected("/file", {
      pace: { pause: async () => {} },
      fetch: async () => {
        const answer = answers[Math.min(count, answers.length - 1)];
        count += 1;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      isBusy: () => isBusy(count),
      reload: resolve,
    });
  });
  return count;
}

const state = (word) => ({ ok: true, json: async () => ({ state: word }) });

for (const [end, answer] of Object.entries({
  ready: state("ready"),
  rejected: state("rejected"),
  "404 (the file was deleted)": { ok: false },
})) {
  test(`the page of a file in inspection reloads when the server answers: ${end}`, async () => {
    assert.equal(await countPolls([state("inspecting"), state("inspecting"), answer]), 3);
  });
}

test("if a request for the state of a file fails, the page repeats the request", async () => {
  assert.equal(await countPolls([new TypeError("Failed to fetch"), state("inspecting"), state("ready")]), 3);
});

test("if a dialog is open when the inspection ends, the page reloads after the dialog has closed", async () => {
  assert.equal(await countPolls([state("ready")], (count) => count < 4), 4);
});
