#!/bin/sh
# Install clamd for the tests if it is missing. The script downloads no signatures and
# starts no service, because the tests have their own signatures and processes.
set -eu

[ -n "${CLAMD:-}" ] && [ -x "$CLAMD" ] && exit 0
PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v clamd >/dev/null && exit 0

"$(dirname "$0")/debian.sh" clamav-daemon "clamd for the tests" &&
    command -v clamd >/dev/null && exit 0
echo "These tests need clamd (ClamAV). Install it, or set CLAMD to its path." >&2
exit 1
