import { updateQuestion, askToCancel, question } from "../../static/js/page/cancel-question.js";
import assert from "node:assert/strict";
import { fakePage } from "./fake-dialog.js";
import { test } from "node:test";

const transfer = (facts) => ({ name: "film.bin", state: "sending", code: "", byteSize: 4_800_000_000, bytesSent: 0, ...facts });

test("before the page cancels an upload with sent bytes, a question says how many bytes will be deleted", () => {
  assert.deepEqual(question([transfer({ bytesSent: 1_200_000_000 })]), {
    title: "Cancel this upload?",
    name: "film.bin",
    text: "The bytes sent so far (1.2 of 4.8 GB) will be deleted.",
    yes: "Cancel upload",
  });
});

for (const state of ["paused", "checking"]) {
  test(`the page asks before it cancels an upload with sent bytes in state "${state}"`, () => {
    assert.match(question([transfer({ state, bytesSent: 1 })]).title, /Cancel this upload/);
  });
}

test("if some files have arrived, the question before a cancellation says that these files are kept", () => {
  const waiting = transfer({ state: "queued" });
  const moving = transfer({ bytesSent: 2_400_000_000 });
  const arrived = transfer({ state: "done", bytesSent: 4_800_000_000 });

  assert.equal(question([waiting, moving]).text, "The bytes sent so far (2.4 of 9.6 GB) will be deleted.");
  assert.equal(question([waiting, moving]).name, "2 files");
  assert.match(question([waiting, moving, arrived, arrived]).text, /\(2.4 of 9.6 GB\) will be deleted. Files that have arrived are kept.$/);
});

test("before a cancellation, the page asks about a file with a network error, but not about a rejected file", () => {
  assert.ok(question([transfer({ state: "failed", code: "network", bytesSent: 5 })]));
  assert.equal(question([transfer({ state: "failed", code: "rejected", bytesSent: 5 })]), null);
});

test("if a cancellation would delete no sent bytes, the page cancels without a question", async () => {
  for (const facts of [{}, { state: "queued" }, { state: "done", bytesSent: 9 }, { state: "cancelled", bytesSent: 9 }]) {
    let acts = 0;
    assert.equal(await askToCancel(() => [transfer(facts)], () => (acts += 1)), true);
    assert.equal(acts, 1);
  }
});

test("the page updates the bytes in the open question, and closes the question when all files have arrived", async () => {
  const { dialog, text } = fakePage();
  const film = transfer({ bytesSent: 1_200_000_000 });
  const song = transfer({ name: "song.mp3", byteSize: 1_000_000_000, bytesSent: 500_000_000 });
  let acts = 0;

  const answer = askToCancel(() => [film, song], () => (acts += 1));
  assert.match(text("confirm-text"), /\(1.7 of 5.8 GB\)/);
  song.state = "done";
  film.bytesSent = 2_400_000_000;
  updateQuestion();
  assert.deepEqual([text("confirm-title"), text("confirm-name")], ["Cancel this upload?", "film.bin"]);
  assert.match(text("confirm-text"), /\(2.4 of 4.8 GB\) will be deleted. Files that have arrived are kept/);
  assert.ok(dialog.open);
  film.state = "done";
  updateQuestion();

  assert.equal(dialog.open, false);
  assert.equal(await answer, false);
  assert.equal(acts, 0);
  dialog.open = true; // another question has opened the dialog
  updateQuestion();
  assert.ok(dialog.open);
});

test("if the person confirms the question, the page cancels the uploads and closes the question", async () => {
  const { dialog, form } = fakePage();
  let acts = 0;

  const answer = askToCancel(() => [transfer({ bytesSent: 1 })], () => (acts += 1));
  form.dispatchEvent(new Event("submit", { cancelable: true }));

  assert.equal(await answer, true);
  assert.deepEqual([acts, dialog.open], [1, false]);
});
