import globals from "globals";
import js from "@eslint/js";

/* Members that turn a string into markup or code. In the browser, Trusted Types refuse such strings at run time. */
const SINKS = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc", "createContextualFragment", "parseFromString", "setHTMLUnsafe"];
const NO_SINKS = [
  ...SINKS.flatMap((name) => [
    { selector: `MemberExpression[property.name="${name}"]`, message: `${name} makes markup from a string. Create the elements instead.` },
    { selector: `MemberExpression[property.value="${name}"]`, message: `${name} makes markup from a string. Create the elements instead.` },
  ]),
  { selector: "MemberExpression[object.name='document'][property.name=/^write(ln)?$/]", message: "document.write makes markup from a string." },
  { selector: "CallExpression[callee.property.name='setAttribute'] > Literal[value=/^(on|srcdoc$)/i]", message: "Use addEventListener." },
  { selector: "MemberExpression[property.name='createPolicy']", message: "Use the Trusted Types policy in engine/worker-url.js." },
  { selector: "NewExpression[callee.name='DOMParser']", message: "DOMParser makes markup from a string." },
  { selector: "NewExpression[callee.name='Worker'] > :not(CallExpression[callee.name='workerUrl']):first-child", message: "Pass the address through workerUrl." },
];

export default [
  js.configs.recommended,
  {
    rules: {
      "max-lines": ["error", 300],
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    files: ["static/js/**/*.js"],
    languageOptions: { globals: globals.browser },
    rules: {
      "no-restricted-syntax": ["error", ...NO_SINKS],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
    },
  },
  {
    files: ["static/js/engine/worker-url.js"],
    rules: { "no-restricted-syntax": ["error", ...NO_SINKS.filter(({ selector }) => !selector.includes("createPolicy"))] },
  },
  {
    files: ["static/js/engine/**/*.js"],
    rules: {
      // The engine also runs in Node, so it must not use the page. Only main.js and page/ may.
      "no-restricted-globals": ["error", "document", "localStorage", "alert", "confirm"],
    },
  },
  { files: ["tests/js/**/*.js", "**/*.mjs"], languageOptions: { globals: globals.node } },
];
