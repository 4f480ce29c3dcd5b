#!/bin/sh
# Make sure that there is a clamd for the tests. They bring their own signatures,
# so none are downloaded, and start their own clamd, so no service is.
set -eu

[ -n "${CLAMD:-}" ] && [ -x "$CLAMD" ] && exit 0
PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v clamd >/dev/null && exit 0

"$(dirname "$0")/debian.sh" clamav-daemon "clamd for the tests" &&
    command -v clamd >/dev/null && exit 0
echo "These tests need clamd (ClamAV): install it, or set CLAMD to its path." >&2
exit 1
