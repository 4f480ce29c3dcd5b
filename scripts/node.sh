#!/bin/sh
# Check that a recent Node.js is installed.
set -eu

need='Building the JavaScript needs Node.js 20.19 or newer, with npm'
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "$need. node or npm is missing. Install Node.js from https://nodejs.org/" >&2
    exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number)
              process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    echo "$need. The installed version is $(node --version)." >&2
    exit 1
fi
