#!/bin/sh
# Install Chromium for the browser tests if it is missing. If there are several browsers,
# tests/support/chromium.py chooses one.
set -eu

install() {
    "$(dirname "$0")/debian.sh" "$1" "Chromium for the browser tests" &&
        command -v "$1" >/dev/null
}

[ -n "${CHROMIUM:-}" ] && command -v "$CHROMIUM" >/dev/null && exit 0
command -v chromium-headless-shell >/dev/null && exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null || continue
    # On a developer's machine, use the installed Chromium. In CI, install the headless
    # shell too, because it is faster.
    [ -z "${CI:-}" ] || install chromium-headless-shell || true
    exit 0
done

install chromium-headless-shell || install chromium && exit 0
echo "The browser tests need Chromium. Install it, or set CHROMIUM to its path." >&2
exit 1
