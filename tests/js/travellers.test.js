import { Travellers } from "../../static/js/page/travellers.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/** What the page sees of one file: Uppy's part, and the engine's. */
function travellers(file, handle) {
  const whole = { id: "uppy-1", name: "a.png", size: 10, progress: { uploadStarted: 1 }, ...file };
  return new Travellers({ getFiles: () => [whole] }, { handleFor: (id) => (id === "uppy-1" ? handle : undefined) });
}

test("a refused file is still known by the server's id, though its next attempt has none yet", () => {
  const error = Object.assign(new Error("It looks like a Windows program."), { code: "rejected", uploadId: "id-1" });
  const handle = { state: "failed", error, record: null, bytesSent: 0 };

  const [refused] = travellers({ error: error.message, slipway: { uploadId: undefined, key: "key-2" } }, handle).list();

  assert.deepEqual([refused.serverId, refused.state, refused.code], ["id-1", "failed", "rejected"]);
});

test("why a file was refused is still told after the others were continued", () => {
  const handle = { state: "failed", error: new Error("It does not look like a PNG image."), record: null, bytesSent: 0 };

  // Uppy's resumeAll() takes the error of every file away.
  const [refused] = travellers({ error: null }, handle).list();

  assert.deepEqual([refused.state, refused.message], ["failed", "It does not look like a PNG image."]);
});

test("a file on its way is known by its record at once, and by what was kept after a restore", () => {
  const handle = { state: "sending", error: null, record: { id: "id-1" }, bytesSent: 3 };

  assert.equal(travellers({}, handle).list()[0].serverId, "id-1");
  assert.equal(travellers({ slipway: { uploadId: "id-2" } }, undefined).list()[0].serverId, "id-2");
});

test("a picture is found by the upload that it belongs to", () => {
  const handle = {};
  const known = travellers({ preview: "blob:1" }, handle);

  assert.equal(known.previewOf(handle), "blob:1");
  assert.equal(known.previewOf({}), "");
  assert.equal(travellers({}, handle).previewOf(handle), "");
});
