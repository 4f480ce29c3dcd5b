#!/bin/sh
# Make sure that there are WebKitGTK, its driver and an X server without a screen:
# tests/webdriver/webkit.py.
set -eu

for pair in WebKitWebDriver:webkit2gtk-driver Xvfb:xvfb; do
    command -v "${pair%:*}" >/dev/null && continue
    "$(dirname "$0")/debian.sh" "${pair#*:}" "${pair#*:} for the WebKit tests" &&
        command -v "${pair%:*}" >/dev/null && continue
    echo "The WebKit tests need ${pair%:*}: Debian's package ${pair#*:} has it." >&2
    exit 1
done
