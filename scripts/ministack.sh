#!/bin/sh
# Install MiniStack, an AWS emulator for tests, into .venv-tools/ministack.
set -eu

home=.venv-tools/ministack
[ -x "$home/bin/ministack" ] && [ "$home/.ready" -nt requirements-ministack.txt ] && exit 0
.venv/bin/python -m venv --clear "$home"
if ! VIRTUAL_ENV=$home .venv/bin/uv pip install --quiet --require-hashes \
    -r requirements-ministack.txt; then
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r requirements-ministack.txt
fi
touch "$home/.ready"
