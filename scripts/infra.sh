#!/bin/sh
# Create .venv-infra with the tools of `make infra`. The tools are large and need older
# versions of some of the site's packages, so they have a separate environment.
set -eu

[ -x .venv-infra/bin/python ] || .venv/bin/python -m venv .venv-infra
VIRTUAL_ENV=.venv-infra .venv/bin/uv pip install --quiet \
    --require-hashes -r requirements-infra.txt
