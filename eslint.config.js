import globals from "globals";
import js from "@eslint/js";

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
  { files: ["static/js/**/*.js"], languageOptions: { globals: globals.browser } },
  {
    files: ["static/js/engine/**/*.js"],
    rules: {
      // The engine runs anywhere: the page belongs to main.js and page/.
      "no-restricted-globals": ["error", "document", "localStorage", "alert", "confirm"],
    },
  },
  { files: ["tests/js/**/*.js", "**/*.mjs"], languageOptions: { globals: globals.node } },
];
