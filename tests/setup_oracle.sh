#!/bin/sh
# Makes .oracle-venv at the root of the repository: real PySpark 3.5, which needs Java on the machine.
# Used by tests/oracle/test_oracle.py; on failure the last line says in one sentence what is missing.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv="$root/.oracle-venv"

if ! "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version >/dev/null 2>&1; then
    echo "the oracle needs Java (17): no working 'java' found" >&2
    exit 3
fi
if [ -f "$venv/ready" ]; then
    exit 0
fi
# From 3.11 on, Python hashes strings as Tidemill does; older releases order string keys differently.
for python in ${ORACLE_PYTHON:-} python3.11 python3.12 python3; do
    if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
        rm -rf "$venv"
        if "$python" -m venv "$venv" && "$venv/bin/pip" install -q 'pyspark==3.5.*' setuptools >&2; then
            touch "$venv/ready"
            exit 0
        fi
        echo "the oracle needs PySpark 3.5: pip could not install it" >&2
        exit 4
    fi
done
echo "the oracle needs Python 3.11 or 3.12 to run PySpark with: none found" >&2
exit 5
