#!/bin/sh
# Make sure that there is a Chromium for the browser tests: tests/chromium.py.
set -eu

install() {
    "$(dirname "$0")/debian.sh" "$1" "Chromium for the browser tests" &&
        command -v "$1" >/dev/null
}

[ -n "${CHROMIUM:-}" ] && command -v "$CHROMIUM" >/dev/null && exit 0
command -v chromium-headless-shell >/dev/null && exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null || continue
    # Good enough for a person's own machine; what is always the same machine's
    # work is worth the faster one.
    [ -z "${CI:-}" ] || install chromium-headless-shell || true
    exit 0
done

install chromium-headless-shell || install chromium && exit 0
echo "The browser tests need Chromium: install it, or set CHROMIUM to its path." >&2
exit 1
