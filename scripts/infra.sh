#!/bin/sh
# Create .venv-infra, a separate environment with the tools of `make infra`. The tools are
# large, and they need older versions of some packages of the site.
set -eu

[ -x .venv-infra/bin/python ] || .venv/bin/python -m venv .venv-infra
VIRTUAL_ENV=.venv-infra .venv/bin/uv pip install --quiet \
    --require-hashes -r requirements-infra.txt
