#!/bin/sh
# Make .venv-infra with the tools of `make infra`. They are large and pin old versions
# of packages that the site needs newer ones of, so they have an environment of their own.
set -eu

[ -x .venv-infra/bin/python ] || .venv/bin/python -m venv .venv-infra
VIRTUAL_ENV=.venv-infra .venv/bin/uv pip install --quiet \
    --require-hashes -r requirements-infra.txt
