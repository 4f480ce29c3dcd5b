#!/bin/sh
# Make sure that there is a Chromium for the browser tests.
set -eu

[ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ] && exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo -n'
    if ! $as_root true 2>/dev/null; then
        as_root=none
    fi
fi
if [ "$as_root" != none ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests."
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq \
        --no-install-recommends chromium >/dev/null
    command -v chromium >/dev/null && exit 0
fi
echo "The browser tests need Chromium: install it, or set CHROMIUM to its path." >&2
exit 1
