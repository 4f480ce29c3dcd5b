#!/bin/sh
# Install Firefox for its tests if it is missing.
set -eu

[ -n "${FIREFOX:-}" ] && command -v "$FIREFOX" >/dev/null && exit 0
for name in firefox-esr firefox; do
    command -v "$name" >/dev/null && exit 0
done

"$(dirname "$0")/debian.sh" firefox-esr "Firefox for its tests" &&
    command -v firefox-esr >/dev/null && exit 0
echo "The Firefox tests need Firefox. Install it, or set FIREFOX to its path." >&2
exit 1
