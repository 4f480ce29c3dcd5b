#!/bin/sh
# Install clamd for the tests if there is none. The tests have their own signatures and
# start their own process, so no signatures are downloaded and no service is started.
set -eu

[ -n "${CLAMD:-}" ] && [ -x "$CLAMD" ] && exit 0
PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v clamd >/dev/null && exit 0

"$(dirname "$0")/debian.sh" clamav-daemon "clamd for the tests" &&
    command -v clamd >/dev/null && exit 0
echo "These tests need clamd (ClamAV). Install it, or set CLAMD to its path." >&2
exit 1
