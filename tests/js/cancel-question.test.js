import { updateQuestion, askToCancel, question } from "../../static/js/page/cancel-question.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const transfer = (facts) => ({ name: "film.bin", state: "sending", code: "", byteSize: 4_800_000_000, bytesSent: 0, ...facts });

test("an upload in progress is cancelled only after a question that names the bytes to be deleted", () => {
  assert.deepEqual(question([transfer({ bytesSent: 1_200_000_000 })]), {
    title: "Cancel this upload?",
    name: "film.bin",
    text: "The bytes sent so far (1.2 of 4.8 GB) will be deleted.",
    yes: "Cancel upload",
  });
});

for (const state of ["paused", "checking"]) {
  test(`the same question is asked for an upload in state ${state}`, () => {
    assert.match(question([transfer({ state, bytesSent: 1 })]).title, /Cancel this upload/);
  });
}

test("the question says that files which have arrived are kept", () => {
  const waiting = transfer({ state: "queued" });
  const moving = transfer({ bytesSent: 2_400_000_000 });
  const arrived = transfer({ state: "done", bytesSent: 4_800_000_000 });

  assert.equal(question([waiting, moving]).text, "The bytes sent so far (2.4 of 9.6 GB) will be deleted.");
  assert.equal(question([waiting, moving]).name, "2 files");
  assert.match(question([waiting, moving, arrived, arrived]).text, /\(2.4 of 9.6 GB\) will be deleted. Files that have arrived are kept.$/);
});

test("a question is asked for a failed file with sent bytes, but not for a refused file", () => {
  assert.ok(question([transfer({ state: "failed", code: "network", bytesSent: 5 })]));
  assert.equal(question([transfer({ state: "failed", code: "rejected", bytesSent: 5 })]), null);
});

test("no question is asked if no bytes were sent or all files have arrived", async () => {
  for (const facts of [{}, { state: "queued" }, { state: "done", bytesSent: 9 }, { state: "cancelled", bytesSent: 9 }]) {
    let acts = 0;
    assert.equal(await askToCancel(() => [transfer(facts)], () => (acts += 1)), true);
    assert.equal(acts, 1);
  }
});

/** A stub of the page's dialog for questions. */
function fakePage() {
  const form = new EventTarget();
  form.querySelector = () => ({ disabled: false });
  const dialog = Object.assign(new EventTarget(), {
    open: false,
    querySelector: () => form,
    showModal: () => (dialog.open = true),
    close() {
      dialog.open = false;
      setImmediate(() => dialog.dispatchEvent(new Event("close")));
    },
  });
  const parts = new Map([["confirm-dialog", dialog]]);
  globalThis.document = { getElementById: (id) => parts.get(id) ?? parts.set(id, {}).get(id) };
  return { dialog, form, text: (id) => parts.get(id).textContent };
}

test("the open question is updated, and closes when no bytes would be deleted", async () => {
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

test("confirming cancels only the files that have not arrived meanwhile", async () => {
  const { dialog, form } = fakePage();
  let acts = 0;

  const answer = askToCancel(() => [transfer({ bytesSent: 1 })], () => (acts += 1));
  form.dispatchEvent(new Event("submit", { cancelable: true }));

  assert.equal(await answer, true);
  assert.deepEqual([acts, dialog.open], [1, false]);
});
