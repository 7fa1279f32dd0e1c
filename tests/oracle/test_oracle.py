"""Every case gives the same answer under Tidemill as under real PySpark 3.5.

Each engine runs all cases once, in one process; then each case is a test. PySpark lives in a venv
of its own (``setup_oracle.sh``) and needs Java; where it cannot be had these tests are skipped, or
fail if TIDEMILL_REQUIRE_ALL=1. PySpark's answers are kept in that venv until a case changes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from differences import DIFFERENCES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / ".oracle-venv"
TIME_LIMIT = 3600
# Short jobs: a JVM that starts quickly beats one that optimises.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def case_names():
    """Return the names of all cases, read from the source text: this needs no ``pyspark``."""
    names = []
    for path in sorted((HERE / "cases").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        names += [name for name in functions if name.startswith(("case_", "stream_"))]
    return names


def fingerprint():
    """Return a digest of what PySpark's answers depend on."""
    digest = hashlib.sha256()
    for path in [HERE / "probe.py", HERE / "run_cases.py", *sorted((HERE / "cases").glob("*.py"))]:
        digest.update(path.read_bytes())
    for path in sorted(VENV.glob("lib/python*/site-packages/pyspark-*")):
        digest.update(path.name.encode())
    return digest.hexdigest()[:16]


def run(command, answers, log, **variables):
    """Run all cases with a command and return the answers by name."""
    environment = {**os.environ, "PYTHONPATH": str(HERE), **variables}
    environment.pop("SPARK_HOME", None)
    with open(log, "wb") as output:
        done = subprocess.run(
            [*command, str(HERE / "run_cases.py"), str(answers)],
            cwd=log.parent,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=TIME_LIMIT,
            check=False,
        )
    if done.returncode != 0:
        pytest.fail(f"{command[0]} ended with {done.returncode}, see {log}", pytrace=False)
    return json.loads(Path(answers).read_text(encoding="utf-8"))


def unavailable(reason):
    """Skip, or fail where everything is required."""
    if os.environ.get("TIDEMILL_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def pyspark_answers(tmp_path_factory):
    """What real PySpark answers."""
    setup = ["sh", str(HERE.parent / "setup_oracle.sh")]
    made = subprocess.run(setup, stderr=subprocess.PIPE, text=True, check=False)
    if made.returncode != 0:
        unavailable((made.stderr.strip() or "no reason given").splitlines()[-1])
    kept = VENV / f"answers-{fingerprint()}.json"
    if not kept.exists():
        folder = tmp_path_factory.mktemp("pyspark")
        fresh = folder / "answers.json"
        python = str(VENV / "bin" / "python")
        run(
            [python],
            fresh,
            folder / "output.log",
            JAVA_TOOL_OPTIONS=JAVA_OPTIONS,
            PYSPARK_PYTHON=python,
            PYTHONHASHSEED="0",
            SPARK_LOCAL_IP="127.0.0.1",
        )
        for old in VENV.glob("answers-*.json"):
            old.unlink()
        kept.write_bytes(fresh.read_bytes())
    return json.loads(kept.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def tidemill_answers(tmp_path_factory):
    """What Tidemill answers to the same programs."""
    folder = tmp_path_factory.mktemp("tidemill")
    command = [sys.executable, "-m", "tidemill", "submit", "--master", "local[2]"]
    return run(command, folder / "answers.json", folder / "output.log")


@pytest.mark.parametrize("name", case_names())
def test_same_answer(name, pyspark_answers, tidemill_answers):
    """Both engines answer alike, or as the list of differences says."""
    expected, got = pyspark_answers[name], tidemill_answers[name]
    if name in DIFFERENCES:
        assert expected == DIFFERENCES[name].pyspark
        assert got == DIFFERENCES[name].tidemill
    else:
        assert got == expected


def test_differences_name_cases():
    """No difference is left over from a case that is gone."""
    assert set(DIFFERENCES) <= set(case_names())


def test_case_names_are_unique():
    """Two cases of the same name would hide one another."""
    assert len(case_names()) == len(set(case_names()))
