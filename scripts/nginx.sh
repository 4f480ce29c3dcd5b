#!/bin/sh
# Install nginx for the tests if there is none. The tests start their own process with
# their own configuration, so no service is started.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v nginx >/dev/null && exit 0

"$(dirname "$0")/debian.sh" nginx-light "nginx for the tests" &&
    command -v nginx >/dev/null && exit 0
echo "These tests need nginx. Install it." >&2
exit 1
