#!/bin/sh
# Install nginx for the tests if it is missing. The script starts no service, because the
# tests start their own process with their own configuration.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v nginx >/dev/null && exit 0

"$(dirname "$0")/debian.sh" nginx-light "nginx for the tests" &&
    command -v nginx >/dev/null && exit 0
echo "These tests need nginx. Install it." >&2
exit 1
