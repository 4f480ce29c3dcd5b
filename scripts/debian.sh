#!/bin/sh
# Install a package of Debian or Ubuntu. Usage: debian.sh PACKAGE PURPOSE
# Exits with 1 and without a message if apt-get or root rights are missing. The calling
# script then prints what to do.
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
