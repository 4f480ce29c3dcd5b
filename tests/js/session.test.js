import { Session } from "../../static/js/page/session.js";
import assert from "node:assert/strict";
import { test } from "node:test";

/** A stub of the session's dialog. Its `close` event is delayed. */
class FakeElement extends EventTarget {
  open = false;
  textContent = "";
  #classes = new Set();
  classList = {
    add: (name) => this.#classes.add(name),
    remove: (name) => this.#classes.delete(name),
    contains: (name) => this.#classes.has(name),
  };

  showModal() {
    if (this.open) throw new Error("It is open already.");
    this.open = true;
  }

  close() {
    this.open = false;
    setImmediate(() => this.dispatchEvent(new Event("close")));
  }
}

const moment = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function sessionOf(username, whoami) {
  const elements = new Map();
  const body = new FakeElement();
  globalThis.document = { body, getElementById: (id) => elements.get(id) ?? elements.set(id, new FakeElement()).get(id) };
  globalThis.window = new EventTarget();
  const seen = { logins: 0 };
  const session = new Session({ username, whoami, onBack: () => (seen.logins += 1) });
  const part = (id) => elements.get(id);
  const check = async () => (part("session-check").dispatchEvent(new Event("click")), await moment());
  const isHidden = () => body.classList.contains("is-out");
  return { session, seen, part, check, isHidden };
}

test.afterEach(() => {
  delete globalThis.document;
  delete globalThis.window;
});

test("after a logout in another tab, the page hides all files until the same person logs in again", async () => {
  let who = () => Promise.reject(new Error("401"));
  const { session, seen, part, check, isHidden } = sessionOf("ada", () => who());

  session.leave();
  assert.ok(isHidden() && part("session-dialog").open);
  assert.match(part("session-text").textContent, /logged out in another tab.*no longer shown/);

  await check();
  assert.ok(isHidden() && part("session-dialog").open, "nobody is logged in yet");

  who = async () => "bob";
  await check();
  assert.ok(isHidden() && part("session-dialog").open, "another person sees no names either");
  assert.match(part("session-text").textContent, /logged in as bob/);

  who = async () => "ada";
  await check();
  assert.deepEqual([isHidden(), part("session-dialog").open, seen.logins], [false, false, 1]);
});

test("if the person presses Escape after a logout, the dialog opens again and the files stay hidden", async () => {
  const { session, part, isHidden } = sessionOf("ada", async () => "ada");
  session.leave();

  part("session-dialog").close();
  await moment();

  assert.ok(isHidden() && part("session-dialog").open);
});

test("if the dialog about an expired login is already open, a logout still hides the files", async () => {
  const { session, part, isHidden } = sessionOf("ada", async () => "ada");
  assert.equal(session.handles({ code: "not_authenticated" }), true);
  assert.equal(isHidden(), false, "a login that ran out hides nothing: the uploads are the person's own");

  session.leave();
  await moment();

  assert.ok(isHidden() && part("session-dialog").open);
});
