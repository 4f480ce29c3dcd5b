import assert from "node:assert/strict";
import { ESLint } from "eslint";
import { test } from "node:test";

const MODULE = "../../static/js/engine/worker-url.js";
const PAGE = "https://files.example.com/uploads/1/";

/** The globals of a page, with a record of the policies that were created. */
function page({ allowed = ["slipway-worker"], trusted = true } = {}) {
  const made = [];
  globalThis.location = new URL(PAGE);
  if (!trusted) return made;
  globalThis.trustedTypes = {
    createPolicy(name, rules) {
      made.push({ name, rules: Object.keys(rules) });
      if (!allowed.includes(name)) throw new TypeError(`Policy "${name}" disallowed.`);
      return { createScriptURL: (url) => ({ trusted: rules.createScriptURL(url) }) };
    },
  };
  return made;
}

let fresh = 0;
const load = async () => (await import(`${MODULE}?${(fresh += 1)}`)).workerUrl;

test.afterEach(() => {
  delete globalThis.location;
  delete globalThis.trustedTypes;
});

test("the page creates only one Trusted Types policy, and this policy creates only script URLs", async () => {
  const made = page();
  const workerUrl = await load();

  assert.deepEqual(workerUrl("/static/w.js"), { trusted: "https://files.example.com/static/w.js" });
  workerUrl("/static/w.js");

  assert.deepEqual(made, [{ name: "slipway-worker", rules: ["createScriptURL"] }]);
});

for (const trusted of [true, false]) {
  for (const url of ["https://evil.example/w.js", "//evil.example/w.js", "data:text/javascript,1", "javascript:1", "blob:x"]) {
    test(`${trusted ? "with" : "without"} Trusted Types, the page refuses ${url} as the URL of a worker`, async () => {
      page({ trusted });
      const workerUrl = await load();

      assert.throws(() => workerUrl(url), TypeError);
    });
  }
}

test("if the CSP does not allow our Trusted Types policy, the page cannot create the URL of a worker", async () => {
  page({ allowed: [] });
  const workerUrl = await load();

  assert.throws(() => workerUrl("/static/w.js"), TypeError);
});

test("the linter refuses APIs that turn a string into markup or code", async () => {
  const eslint = new ESLint();
  const lines = [
    "document.body.innerHTML = '<b>';",
    "document.body['outerHTML'] = '<b>';",
    "document.body.insertAdjacentHTML('beforeend', '<b>');",
    "document.write('<b>');",
    "document.body.setAttribute('onclick', 'x()');",
    "export default new DOMParser();",
    "export default new Worker('/w.js');",
    "export default globalThis.trustedTypes.createPolicy('other', {});",
    "setTimeout('x()', 1);",
    "export default eval('1');",
    "export default new Function('return 1');",
    "location.href = 'javascript:1';",
  ];

  for (const line of lines) {
    const [{ messages }] = await eslint.lintText(`${line}\n`, { filePath: "static/js/page/example.js" });
    assert.ok(messages.some(({ severity }) => severity === 2), line);
  }
});
