#!/bin/sh
# Install nginx for the checks of its example, if there is none. No service is started.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v nginx >/dev/null && exit 0

"$(dirname "$0")/debian.sh" nginx-light "nginx for the checks" &&
    command -v nginx >/dev/null && exit 0
echo "The checks of infra/nginx need nginx. Install it." >&2
exit 1
