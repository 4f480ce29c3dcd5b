#!/bin/sh
# Install a package of Debian's or Ubuntu's: debian.sh PACKAGE "what it is for".
# Fails without a word where that cannot be done: whoever calls says what to do.
set -eu

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo -n'
    $as_root true 2>/dev/null || exit 1
fi
command -v apt-get >/dev/null || exit 1
echo "Installing $2."
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq \
    --no-install-recommends "$1" >/dev/null
