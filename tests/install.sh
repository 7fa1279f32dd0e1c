#!/bin/sh
# Installs what lint and tests need into ./.venv, and a real netcat where this user may install packages.
# A part that cannot be had is said in one line; the tests that need it say so again.
set -eu
cd "$(dirname "$0")/.."
if ! cmp -s tests/requirements.txt .venv/.requirements; then
    .venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt .venv/.requirements
fi
if ! command -v nc.openbsd >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    { apt-get update -qq && apt-get install -qq -y netcat-openbsd; } >/dev/null 2>&1 ||
        echo "netcat-openbsd could not be installed: tests with a real nc are skipped" >&2
fi
