#!/bin/sh
# Make sure that there is a Firefox for its tests: tests/webdriver/firefox.py.
set -eu

[ -n "${FIREFOX:-}" ] && command -v "$FIREFOX" >/dev/null && exit 0
for name in firefox-esr firefox; do
    command -v "$name" >/dev/null && exit 0
done

"$(dirname "$0")/debian.sh" firefox-esr "Firefox for its tests" &&
    command -v firefox-esr >/dev/null && exit 0
echo "The Firefox tests need Firefox: install it, or set FIREFOX to its path." >&2
exit 1
