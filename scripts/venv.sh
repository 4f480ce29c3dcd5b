#!/bin/sh
# Create .venv with all packages for development. The script needs Python 3.11 or newer.
# Set VENV_PYTHON to choose the interpreter.
set -eu

python=
for candidate in ${VENV_PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 or newer is needed, but it is not installed." >&2
    echo "Debian or Ubuntu: apt-get install python3 python3-venv" >&2
    exit 1
fi

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        echo "Python has no venv module. Debian or Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi

# uv needs some seconds, pip needs two minutes. Both read the same files.
if .venv/bin/python -m pip install --quiet --disable-pip-version-check uv; then
    VIRTUAL_ENV=.venv .venv/bin/uv pip install --quiet --compile-bytecode \
        --require-hashes -r requirements-dev.txt && exit 0
    echo "uv could not install the packages; trying pip." >&2
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --require-hashes -r requirements-dev.txt
