#!/bin/sh
# Install the packages for the WebKit tests: WebKitGTK, its driver, an X server without a
# screen, and the Python bindings for tests/webdriver/webkit_window.py.
set -eu

bindings='import gi; gi.require_version("WebKit2", "4.1")'

need() {
    "$(dirname "$0")/debian.sh" "$1" "$1 for the WebKit tests" && return
    echo "The WebKit tests need Debian's package $1. Install this package or an equivalent one." >&2
    exit 1
}

command -v WebKitWebDriver >/dev/null || need webkit2gtk-driver
command -v Xvfb >/dev/null || need xvfb
/usr/bin/python3 -c 'import gi' 2>/dev/null || need python3-gi
/usr/bin/python3 -c "$bindings" 2>/dev/null || need gir1.2-webkit2-4.1
