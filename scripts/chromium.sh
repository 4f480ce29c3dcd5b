#!/bin/sh
# Install Chromium for the browser tests if there is none. tests/support/chromium.py
# chooses between the installed browsers.
set -eu

install() {
    "$(dirname "$0")/debian.sh" "$1" "Chromium for the browser tests" &&
        command -v "$1" >/dev/null
}

[ -n "${CHROMIUM:-}" ] && command -v "$CHROMIUM" >/dev/null && exit 0
command -v chromium-headless-shell >/dev/null && exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null || continue
    # Any Chromium is good enough on a developer's machine. In CI, the headless shell is
    # installed as well, because it is faster.
    [ -z "${CI:-}" ] || install chromium-headless-shell || true
    exit 0
done

install chromium-headless-shell || install chromium && exit 0
echo "The browser tests need Chromium. Install it, or set CHROMIUM to its path." >&2
exit 1
