#!/bin/sh
# Say plainly which Node.js is needed when it is not there.
set -eu

need='Node.js 20.19 or newer, with npm, is needed to build the JavaScript'
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "$need, and was not found: https://nodejs.org/" >&2
    exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number)
              process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    echo "$need; this is $(node --version)." >&2
    exit 1
fi
