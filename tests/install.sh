#!/bin/sh
# Installs what the tests and the lints need: Python tools into ./.venv, and a real netcat if we may.
# Called by `make test` and `make lint`; does nothing when all is there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv="$here/../.venv"
stamp="$venv/.test-tools"

if [ ! -f "$stamp" ] || [ "$here/requirements.txt" -nt "$stamp" ]; then
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    touch "$stamp"
fi

if ! command -v nc >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        { apt-get install -y -q netcat-openbsd || { apt-get update -q && apt-get install -y -q netcat-openbsd; }; } \
            >/dev/null 2>&1 || echo "could not install netcat-openbsd: tests with the real nc are skipped" >&2
    else
        echo "no nc found (Debian: apt-get install netcat-openbsd): tests with it are skipped" >&2
    fi
fi
