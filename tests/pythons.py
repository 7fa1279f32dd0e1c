"""Runs the compiler's suites on every supported CPython that the machine has (`make test-pythons`).

The extension is built once, for the stable interface of all versions, and installed for each into
an environment of its own in ``.pythons``. The Python of ``.venv`` is left out: `make test` ran all
on it. Which versions are looked for is told by ``--only``: names, or ``ends`` for the oldest and
the newest one found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".pythons"
SUPPORTED = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
# The whole of the named cases, and a share of the programs that are made up.
SHARE = "0.15"
SUITES = [*(ROOT / "tests/python").glob("test_compiler_*.py"), "tests/python/test_quadrant_nc.py"]


def runs(python, version):
    """Whether a program is a whole CPython of that version; one of pyenv's shims may not be."""
    # Without these two no environment can be made.
    asked = "import ensurepip, sys, venv; print(sys.implementation.name, *sys.version_info[:2])"
    try:
        told = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return told.stdout.split() == ["cpython", *version.split(".")]


def candidates(version):
    """Yield what may be a version: on the PATH, then in pyenv's folder, latest first."""
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = (root / "versions").glob(f"{version}.*")
    patch = {folder: folder.name.rpartition(".")[2] for folder in folders}
    numbered = [folder for folder, number in patch.items() if number.isdigit()]
    for folder in sorted(numbered, key=lambda folder: int(patch[folder]), reverse=True):
        yield str(folder / "bin" / f"python{version}")


def find(versions):
    """Return the interpreters that there are, by version."""
    found = {}
    for version in versions:
        python = next((python for python in candidates(version) if runs(python, version)), None)
        if python:
            found[version] = python
    return found


def wheel(profile):
    """Build the wheel and return it."""
    folder = HOME / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    maturin = [ROOT / ".venv/bin/maturin", "build", "--quiet", "--profile", profile, "-o", folder]
    subprocess.run(maturin, cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


def install(python, venv, built):
    """Make an environment with the wheel and what the suites need."""
    if not (venv / "bin/python").exists():
        subprocess.run([python, "-m", "venv", venv], check=True)
    lines = (ROOT / "tests/requirements.txt").read_text(encoding="utf-8").splitlines()
    needed = [line for line in lines if line.startswith(("hypothesis", "pytest"))]
    pip = [venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *needed], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", built], check=True)
    subprocess.run([*pip, built], check=True)


def tested(python, version, built):
    """Run the suites on one Python; say whether they passed."""
    venv, start = HOME / version, time.monotonic()
    install(python, venv, built)
    environment = {"FUZZ_EXAMPLES": SHARE, **os.environ}
    # The package of the environment, not one that is found some other way.
    environment.pop("PYTHONPATH", None)
    pytest = [venv / "bin/python", "-m", "pytest", "-p", "no:cacheprovider", *SUITES]
    passed = subprocess.run(pytest, cwd=ROOT, env=environment, check=False).returncode == 0
    seconds = time.monotonic() - start
    print(f"CPython {version}: {'passed' if passed else 'FAILED'} in {seconds:.0f} s", flush=True)
    return passed


def main():
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="versions such as '3.9 3.13', or 'ends'")
    parser.add_argument("--profile", default="release", help="cargo's profile of the wheel")
    given = parser.parse_args()
    here = "{}.{}".format(*sys.version_info)
    named = [] if given.only == "ends" else given.only.split()
    unknown = [version for version in named if version not in SUPPORTED]
    if unknown:
        parser.error(f"expected some of {' '.join(SUPPORTED)}, got {' '.join(unknown)}")
    wanted = named or [version for version in SUPPORTED if version != here]
    found = find(wanted)
    missing = [version for version in wanted if version not in found]
    if missing:
        print(f"not on this machine, and not tested: CPython {', '.join(missing)}", flush=True)
    if given.only == "ends":
        found = {version: found[version] for version in [*found][:1] + [*found][1:][-1:]}
    if not found:
        return 0
    built = wheel(given.profile)
    results = [tested(python, version, built) for version, python in found.items()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
