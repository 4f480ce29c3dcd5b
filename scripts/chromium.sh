#!/bin/sh
# Make sure that there is a Chromium for the browser tests.
set -eu

[ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ] && exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done

"$(dirname "$0")/debian.sh" chromium "Chromium for the browser tests" &&
    command -v chromium >/dev/null && exit 0
echo "The browser tests need Chromium: install it, or set CHROMIUM to its path." >&2
exit 1
