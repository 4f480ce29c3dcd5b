#!/bin/sh
# Make sure that there is a clamd for the tests. They bring their own signatures,
# so none are downloaded, and start their own clamd, so no service is.
set -eu

[ -n "${CLAMD:-}" ] && [ -x "$CLAMD" ] && exit 0
PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v clamd >/dev/null && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo -n'
    if ! $as_root true 2>/dev/null; then
        as_root=none
    fi
fi
if [ "$as_root" != none ] && command -v apt-get >/dev/null; then
    echo "Installing clamd for the tests."
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq \
        --no-install-recommends clamav-daemon >/dev/null
    command -v clamd >/dev/null && exit 0
fi
echo "These tests need clamd (ClamAV): install it, or set CLAMD to its path." >&2
exit 1
