import { LocalChanges } from "../../static/js/page/local-changes.js";
import { QuotaMeter } from "../../static/js/page/quota-meter.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const file = (id, filename = id) => ({ id, filename });

test("if files change while the page requests the file list, the page applies these changes to the answer", () => {
  const changes = new LocalChanges();
  changes.begin();
  changes.note("renamed", file("renamed", "new name"));
  changes.note("deleted", null);
  changes.note("first", file("first"), { isNew: true });
  changes.note("second", file("second"), { isNew: true });
  const answer = [file("renamed", "old name"), file("deleted"), file("second"), file("other")];

  assert.deepEqual(changes.applyTo(answer), [file("renamed", "new name"), file("second"), file("other")]);
  assert.deepEqual(changes.missingIn(answer), [file("first")]);
});

test("if new files change during a list request, a renamed file stays in the list, and a deleted file disappears", () => {
  const changes = new LocalChanges();
  changes.begin();
  for (const id of ["one", "two"]) changes.note(id, file(id), { isNew: true });
  changes.note("one", file("one", "renamed"));
  changes.note("two", null);

  assert.deepEqual(changes.missingIn([]), [file("one", "renamed")]);
});

test("the page does not apply a change from before a list request to the answer of this request", () => {
  const changes = new LocalChanges();
  changes.note("before", null);
  changes.begin();
  changes.begin();
  changes.note("meanwhile", null);
  changes.end();
  assert.deepEqual(changes.applyTo([file("before"), file("meanwhile")]), [file("before")]);
  changes.end();

  assert.deepEqual(changes.applyTo([file("before"), file("meanwhile")]).length, 2);
});

test("if the answer to an older quota request arrives after a newer answer, the page ignores the older answer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const words = { textContent: "" };
  const place = {
    classList: { toggle: () => {} },
    querySelector: (selector) => (selector === ".quota__words" ? words : { style: {} }),
  };
  const quota = (used) => ({ limit_bytes: 9000, used_bytes: used, reserved_bytes: 0, file_count: 0, max_files: 9 });
  const answers = [];
  const meter = new QuotaMeter(place, quota(0), () => new Promise((resolve) => answers.push(resolve)));
  const settled = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(1000); // the meter draws at the next tick
  };

  for (let index = 0; index < 3; index += 1) {
    meter.refresh();
    t.mock.timers.tick(3000);
  }
  answers[1](quota(2000));
  await settled();
  assert.equal(words.textContent, "2 kB of 9 kB used");
  answers[0](quota(1000));
  await settled();
  assert.equal(words.textContent, "2 kB of 9 kB used");
  answers[2](quota(3000));
  await settled();
  assert.equal(words.textContent, "3 kB of 9 kB used");
});

test("during an upload, many changes cause one request for the quota, and the end of an upload causes a request at once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const place = { classList: { toggle: () => {} }, querySelector: () => ({ textContent: "", style: {} }) };
  const quota = { limit_bytes: 9, used_bytes: 0, reserved_bytes: 0, file_count: 0, max_files: 9 };
  let requests = 0;
  const meter = new QuotaMeter(place, quota, async () => ((requests += 1), quota), { isUploading: () => true });

  for (let change = 0; change < 20; change += 1) {
    meter.refresh();
    t.mock.timers.tick(100);
  }
  const duringUpload = requests;
  await meter.refreshNow();
  const atEnd = requests;
  t.mock.timers.tick(10_000);

  assert.equal(duringUpload, 1);
  assert.equal(atEnd, 2);
  assert.equal(requests, 2); // the request at the end replaces the one that was due
});

test("only during an upload, the page waits longer than a second between two requests for the quota", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const place = { classList: { toggle: () => {} }, querySelector: () => ({ textContent: "", style: {} }) };
  const quota = { limit_bytes: 9, used_bytes: 0, reserved_bytes: 0, file_count: 0, max_files: 9 };
  const requestsAfter = async (isUploading) => {
    let requests = 0;
    const meter = new QuotaMeter(place, quota, async () => ((requests += 1), quota), { isUploading: () => isUploading });
    await meter.refreshNow();
    meter.refresh(); // for example, because the server has cancelled the last upload
    t.mock.timers.tick(1_000);
    const found = requests;
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(1_000); // let the meter draw
    return found;
  };

  assert.equal(await requestsAfter(true), 1);
  assert.equal(await requestsAfter(false), 2);
});

test("the page is told that the quota has changed, after the meter has the new values", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const place = { classList: { toggle: () => {} }, querySelector: () => ({ textContent: "", style: {} }) };
  const quota = { limit_bytes: 9, used_bytes: 8, reserved_bytes: 0, file_count: 0, max_files: 9 };
  const free = [];
  const answers = [{ ...quota, used_bytes: 3 }, Promise.reject(new Error("No answer."))];
  const meter = new QuotaMeter(place, quota, () => answers.shift(), { onChange: () => free.push(meter.freeBytes) });

  await meter.refreshNow();
  await meter.refreshNow();
  t.mock.timers.tick(1_000); // let the meter draw

  assert.deepEqual(free, [6]);
});

test("the number of files that a person may still add is the limit minus the stored and the reserved files", () => {
  const place = { classList: { toggle: () => {} }, querySelector: () => ({ textContent: "", style: {} }) };
  const quota = { limit_bytes: 9, used_bytes: 0, reserved_bytes: 0, file_count: 3, reserved_files: 4, max_files: 9 };

  assert.equal(new QuotaMeter(place, quota, async () => quota).freeFiles, 2);
  assert.equal(new QuotaMeter(place, { ...quota, reserved_files: 9 }, async () => quota).freeFiles, 0);
});

test("the quota text and the lighter part of the quota bar show the reserved bytes", () => {
  const parts = { ".quota__words": { textContent: "" }, ".quota__used": { style: {} }, ".quota__pending": { style: {} } };
  const place = { classList: { toggle: () => {} }, querySelector: (selector) => parts[selector] };
  const shown = () => [parts[".quota__words"].textContent, ...[".quota__used", ".quota__pending"].map((bar) => parts[bar].style.transform)];
  const quota = { limit_bytes: 5e9, used_bytes: 1e9, reserved_bytes: 5e8, file_count: 0, max_files: 9 };
  const meter = new QuotaMeter(place, quota, async () => quota);

  assert.deepEqual(shown(), ["1 GB of 5 GB used, 500 MB on the way", "scaleX(0.2)", "scaleX(0.3)"]);
  meter.showBatch(1e9);
  assert.deepEqual(shown(), ["1 GB of 5 GB used, 500 MB on the way", "scaleX(0.2)", "scaleX(0.5)"]);
  new QuotaMeter(place, { ...quota, used_bytes: 15e8, reserved_bytes: 0 }, async () => quota);
  assert.deepEqual(shown(), ["1.5 GB of 5 GB used", "scaleX(0.3)", "scaleX(0.3)"]);
});
