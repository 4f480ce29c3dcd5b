import { ELSEWHERE, IN_LIST, ON_ITS_WAY, admit } from "../../static/js/page/picker/admission.js";
import { addTo, messages, nothingSoFar } from "../../static/js/page/picker/report.js";
import { inSlices, sortInSlices } from "../../static/js/page/picker/slices.js";
import { fileKey, sameContent } from "../../static/js/page/picker/same-file.js";
import { scrollTo, windowOf } from "../../static/js/page/picker/window-of.js";
import { Chosen } from "../../static/js/page/picker/chosen.js";
import { Launch } from "../../static/js/page/picker/launch.js";
import { rootsOf } from "../../static/js/page/picker/incoming.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const TIME = 1_700_000_000_000;
const file = (name, content = name, lastModified = TIME) => new File([content], name, { lastModified });
const found = (...files) => files.map((one) => (Array.isArray(one) ? { file: one[0], path: one[1] } : { file: one, path: "" }));
const noTransfers = { toReplace: () => undefined, alike: () => [], replace() {}, dismiss() {} };

/** Add one choice of files to an empty page. `parts` replaces some of the page's parts. */
function admitTo(chosen, files, { unreadable = [], empty = [], ...parts } = {}) {
  return admit(
    { found: found(...files), unreadable, empty },
    {
      refusal: () => "",
      chosen,
      transfers: noTransfers,
      divert: () => "",
      otherTabs: { sendingAlready: async () => ({ same: new Set(), isWhole: true }) },
      ...parts,
    },
  );
}

const names = (items) => items.map(({ name }) => name);

test("chosen files whose names differ only in case are all accepted", async () => {
  const choice = ["README.txt", "readme.txt", "Readme.TXT"].map((name) => file(name, "same"));

  const { accepted, known } = await admitTo(new Chosen(), choice);

  assert.equal(accepted.length, 3);
  assert.deepEqual(known, []);
});

test("if two equal files are chosen together, the page accepts both files", async () => {
  const { accepted } = await admitTo(new Chosen(), [file("image.png", "x"), file("image.png", "x")]);

  assert.equal(accepted.length, 2);
  assert.notEqual(accepted[0].id, accepted[1].id);
});

test("a chosen file with the name, size and time of a listed file is left out only if the contents are equal", async () => {
  const chosen = new Chosen();
  chosen.add((await admitTo(chosen, [file("IMG_1.jpg", "one"), file("b.txt")])).accepted);

  const second = await admitTo(chosen, [file("IMG_1.jpg", "two"), file("IMG_1.jpg", "one"), file("b.txt", "b.txt", TIME + 1)]);

  assert.deepEqual(names(second.accepted).sort(), ["IMG_1.jpg", "b.txt"]);
  assert.deepEqual(second.known.map(({ item, reason }) => [item.name, reason]), [["IMG_1.jpg", IN_LIST]]);
});

test("a chosen file is accepted although the list has a file with the same name in another folder", async () => {
  const chosen = new Chosen();
  chosen.add((await admitTo(chosen, [[file("x.txt"), "A/x.txt"]])).accepted);

  const { accepted } = await admitTo(chosen, [[file("x.txt"), "a/x.txt"], file("x.txt")]);

  assert.equal(accepted.length, 2);
});

test("a file that was removed from the list can be chosen again", async () => {
  const chosen = new Chosen();
  const [item] = (await admitTo(chosen, [file("a.txt")])).accepted;
  chosen.add([item]);
  chosen.remove(item);

  assert.equal((await admitTo(chosen, [file("a.txt")])).accepted.length, 1);
  assert.deepEqual([chosen.items.length, chosen.bytes], [0, 0]);
});

test("a chosen file that looks like a file in progress is left out only if the contents are equal", async () => {
  const transfers = { ...noTransfers, alike: ({ name }) => (name === "a.txt" ? [file("a.txt", "one")] : []) };

  const { accepted, known } = await admitTo(new Chosen(), [file("a.txt", "one"), file("a.txt", "two")], { transfers });

  assert.equal(await accepted[0].file.text(), "two");
  assert.deepEqual([accepted.length, known.length, known[0].reason], [1, 1, ON_ITS_WAY]);
});

test("if the page cannot read a similar file in progress for a comparison, the page accepts the chosen file", async () => {
  const unreadable = file("a.txt", "one");
  unreadable.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException("No.", "NotReadableError")) });
  const transfers = { ...noTransfers, alike: () => [unreadable] };

  assert.equal((await admitTo(new Chosen(), [file("a.txt", "one")], { transfers })).accepted.length, 1);
});

test("the page reports each chosen file exactly once: as accepted, as continued, or as left out with a reason", async () => {
  const choice = ["1 new", "2 refused", "3 continued", "4 elsewhere", "5 new"].map((name) => file(name));
  const otherTabs = {
    sendingAlready: async (items) => ({ same: new Set(items.flatMap(({ name }, index) => (name[0] === "4" ? index : []))), isWhole: true }),
  };

  const admitted = await admitTo(new Chosen(), choice, {
    unreadable: ["gone.txt"],
    empty: ["nothing"],
    refusal: ({ name }) => (name[0] === "2" ? "too large" : ""),
    divert: ({ name }) => (name[0] === "3" ? "continued" : ""),
    otherTabs,
  });

  assert.deepEqual(names(admitted.accepted), ["1 new", "5 new"]);
  assert.equal(admitted.continued, 1);
  assert.deepEqual(admitted.refused.map(({ item, reason }) => [item.name, reason]), [["2 refused", "too large"]]);
  assert.deepEqual(admitted.known.map(({ item, reason }) => [item.name, reason]), [["4 elsewhere", ELSEWHERE]]);
  assert.deepEqual([admitted.unreadable, admitted.empty], [["gone.txt"], ["nothing"]]);
});

for (const [isWhole, outcome] of [[false, [0, ELSEWHERE]], [true, [1, undefined]]]) {
  const result = isWhole ? "accepted if no other tab is sending the file" : "left out if a tab does not answer";
  test(`a file that looks like another tab's upload is ${result}`, async () => {
    const otherTabs = { sendingAlready: async () => ({ same: new Set(), isWhole }) };

    const { accepted, known } = await admitTo(new Chosen(), [file("a.txt")], { divert: () => "elsewhere", otherTabs });

    assert.deepEqual([accepted.length, known[0]?.reason], outcome);
  });
}

test("the page sorts the files of a folder in natural order, so part 2 comes before part 10", async () => {
  const choice = ["b/part 10.bin", "b/part 2.bin", "a/z.bin", "b/part 1.bin"].map((path) => [file(path.split("/")[1]), path]);

  const { accepted } = await admitTo(new Chosen(), choice);

  assert.deepEqual(accepted.map(({ path }) => path), ["a/z.bin", "b/part 1.bin", "b/part 2.bin", "b/part 10.bin"]);
});

test("while 5,000 items are sorted, the page often pauses so that the browser can run other tasks", async () => {
  let now = 0;
  let rests = 0;
  const options = { now: () => (now += 1), rest: async () => void (rests += 1) };
  const items = Array.from({ length: 5000 }, (_, index) => (index * 7919) % 5000);

  const sorted = await sortInSlices(items, (one, other) => one - other, options);

  assert.deepEqual(sorted, Array.from({ length: 5000 }, (_, index) => index));
  assert.ok(rests > 100);
  assert.deepEqual(await sortInSlices([], () => 0, options), []);
});

test("work in slices stops when the function isOver returns true", async () => {
  let now = 0;
  const done = [];

  await inSlices([1, 2, 3, 4], (item) => done.push(item), { now: () => (now += 20), rest: async () => {}, isOver: () => done.length === 2 });

  assert.deepEqual(done, [1, 2]);
});

test("if two large files differ in one byte at the start, middle or end, their contents count as different", async () => {
  const large = (byte, place) => {
    const bytes = new Uint8Array(3 * 1024 * 1024);
    if (place !== undefined) bytes[place] = byte;
    return new Blob([bytes]);
  };

  assert.ok(await sameContent(large(), large()));
  for (const place of [0, 65_535, 1_500_000, 3 * 1024 * 1024 - 1]) assert.equal(await sameContent(large(), large(1, place)), false, `${place}`);
  assert.ok(await sameContent(new Blob([]), new Blob([])));
  assert.equal(await sameContent(new Blob(["a"]), new Blob(["ab"])), false);
  assert.equal(fileKey({ name: "a", path: "", file: file("a") }) === fileKey({ name: "A", path: "", file: file("A") }), false);
});

test("the page draws only the rows in view and a few rows before and after them", () => {
  const facts = { count: 10_000, rowHeight: 50, height: 400, spare: 2 };

  assert.deepEqual(windowOf({ ...facts, scrollTop: 0 }), { first: 0, end: 10 });
  assert.deepEqual(windowOf({ ...facts, scrollTop: 5_025 }), { first: 98, end: 111 });
  assert.deepEqual(windowOf({ ...facts, scrollTop: 499_600 }), { first: 9990, end: 10_000 });
  assert.deepEqual(windowOf({ ...facts, scrollTop: -80 }), { first: 0, end: 10 });
  assert.deepEqual(windowOf({ ...facts, count: 3, scrollTop: 0 }), { first: 0, end: 3 });
  assert.deepEqual(windowOf({ ...facts, count: 0, scrollTop: 0 }), { first: 0, end: 0 });
  // Files were removed while the list was scrolled to its end.
  const { first, end } = windowOf({ ...facts, count: 20, scrollTop: 100_000 });
  assert.ok(first < end && end === 20);
});

test("if the keyboard moves to a row outside the view, the list scrolls only until the row is visible", () => {
  const facts = { rowHeight: 50, height: 400 };

  assert.equal(scrollTo(3, { ...facts, scrollTop: 0 }), 0);
  assert.equal(scrollTo(8, { ...facts, scrollTop: 0 }), 50);
  assert.equal(scrollTo(2, { ...facts, scrollTop: 500 }), 100);
});

test("the list of chosen files counts the bytes of the files, and takeAll empties the list", async () => {
  const chosen = new Chosen();
  let changes = 0;
  chosen.on("change", () => (changes += 1));
  const { accepted } = await admitTo(chosen, [file("a", "12"), file("b", "345")]);

  chosen.add(accepted);
  assert.deepEqual([chosen.items.length, chosen.bytes], [2, 5]);
  assert.deepEqual(names(chosen.takeAll()), ["a", "b"]);
  assert.deepEqual([chosen.items.length, chosen.bytes, changes], [0, 0, 2]);
});

test("the page shows a notice with the name of each file that was left out", () => {
  const facts = nothingSoFar();
  const item = (name, storedAs = "") => ({ name, path: "", storedAs });
  const admitted = { accepted: Array(14).fill(item("x")), continued: 0, refused: [], known: [], renamed: [], unreadable: [], empty: [] };
  const textOf = (changes) => {
    const mine = nothingSoFar();
    addTo(mine, { ...admitted, ...changes });
    return messages(mine).map(({ text, details }) => [text, ...details]);
  };

  addTo(facts, admitted);
  assert.deepEqual(messages(facts), []);
  assert.deepEqual(textOf({ unreadable: ["b2.txt"] }), [["14 files added; 1 could not be read: b2.txt"]]);
  assert.deepEqual(textOf({ unreadable: ["trip/b2.txt"] }), [["14 files added; 1 could not be read: b2.txt", "trip/b2.txt"]]);
  assert.deepEqual(textOf({ accepted: [], unreadable: ["trip/"] }), [["0 files added; 1 could not be read: trip/"]]);
  const ten = Array.from({ length: 10 }, (_, n) => `many/${n}.txt`);
  assert.deepEqual(textOf({ unreadable: ten }), [["14 files added; 10 could not be read", ...ten]]);
  assert.deepEqual(textOf({ refused: [{ item: item("big.bin"), reason: "too large" }] }), [["1 file was left out", "big.bin: too large"]]);
  assert.deepEqual(textOf({ known: [{ item: item("a.txt"), reason: IN_LIST }] }), [["1 file is already in the list", "a.txt"]]);
  assert.deepEqual(textOf({ known: [{ item: item("a.txt"), reason: ELSEWHERE }] }), [[ELSEWHERE, "a.txt"]]);
  assert.deepEqual(textOf({ empty: ["trip"] }), [["This folder is empty.", "trip"]]);
  assert.deepEqual(textOf({ empty: ["a", "b"] }), [["2 folders are empty.", "a", "b"]]);
  assert.deepEqual(textOf({ renamed: [item(" a.txt", "a.txt")] }), [["1 file will be stored under another name", " a.txt → a.txt"]]);
  const [[, turned]] = textOf({ renamed: [item("invoice\u202egnp.exe", "invoicegnp.exe")] });
  assert.equal(turned, "\u2068invoice\u202egnp.exe\u2069 → invoicegnp.exe");
});

test("if files of two successive choices are left out, one notice names the files of both choices", () => {
  const facts = nothingSoFar();
  const admitted = { accepted: [{}], continued: 0, refused: [], known: [], renamed: [], empty: [] };

  addTo(facts, { ...admitted, unreadable: ["a.txt"] });
  addTo(facts, { ...admitted, unreadable: ["b.txt"] });

  assert.equal(messages(facts)[0].text, "2 files added; 2 could not be read: a.txt, b.txt");
});

test("the page shows a rename notice only if the stored name looks different from the chosen name", async () => {
  const choice = ["plain.txt", "e\u0301te\u0301.txt", "invoice\u202egnp.exe"].map((name) => file(name));

  const { renamed } = await admitTo(new Chosen(), [...choice, [file("a.txt"), "trip. /a.txt"], [file("b.txt"), "trip/b.txt"]]);

  assert.deepEqual(renamed.map(({ storedAs }) => storedAs), ["invoicegnp.exe", "trip/a.txt"]);
});

test("the page reads each dropped item as an entry or a file; an item with neither is named by position", () => {
  const entry = { name: "f", isDirectory: true };
  const items = [
    { kind: "string" },
    { kind: "file", webkitGetAsEntry: () => entry, getAsFile: () => file("f") },
    { kind: "file", webkitGetAsEntry: () => null, getAsFile: () => file("a.txt") },
    { kind: "file", webkitGetAsEntry: () => { throw new Error("No."); }, getAsFile: () => null },
    { kind: "file", getAsFile: () => file("old.txt") },
  ];

  const roots = rootsOf({ items, files: [] });

  assert.deepEqual(roots.map(({ name, entry: one, file: other }) => [name, Boolean(one), other?.name]), [
    ["f", true, undefined],
    ["a.txt", false, "a.txt"],
    ["item 3", false, undefined],
    ["old.txt", false, "old.txt"],
  ]);
  assert.equal(rootsOf({ files: [file("image.png", "1"), file("image.png", "2")] }).length, 2);
});

test("if the person has paused all uploads, the page adds each further file as paused", async () => {
  const sent = [];
  const transfers = {
    send: (item, { isPaused }) => void sent.push({ ...item, isPaused }),
    pauseAll() {},
    resumeAll() {},
  };
  const launch = new Launch(transfers);
  const items = Array.from({ length: 4 }, (_, n) => ({ n, file: { size: 10 } }));

  launch.pause();
  await launch.send(items);

  assert.equal(sent.length, 4);
  assert.ok(sent.every(({ isPaused }) => isPaused));
  assert.deepEqual([launch.isRunning, launch.waiting.bytes], [false, 0]);
});
