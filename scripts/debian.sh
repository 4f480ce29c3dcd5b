#!/bin/sh
# Install packages of Debian or Ubuntu. Usage: debian.sh "PACKAGE ..." PURPOSE
# If apt-get or root rights are missing, the script exits with 1 and without a message. The
# calling script then prints the message. With RUNLEVEL=1, packages start no services.
set -eu

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo -n'
    $as_root true 2>/dev/null || exit 1
fi
command -v apt-get >/dev/null || exit 1
echo "Installing $2."
$as_root apt-get update -qq
# shellcheck disable=SC2086  # the packages are words
$as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends $1 >/dev/null
