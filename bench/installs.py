"""The peers from PyPI, each in an environment of its own under ``.bench``, and their Java.

An environment is made once and used again as long as the requirement is the same. What cannot be
had ends in ``Skipped`` with the reason, never in a stack trace. Called by ``peers.py``.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, Optional

from places import BENCH_DIR, ROOT, Skipped, make_bench_dir

SUPPORTED = ("3.11", "3.10", "3.9", "3.12")
"""The Python releases that both PySpark 3.5 and Bytewax 0.21 run on, the preferred one first."""
JAVA_RELEASES = (17, 11, 8)
INSTALL_SECONDS = 1200


def venv(name: str, requirements: list[str], binary_only: bool) -> Path:
    """The Python of the environment in which some requirements are installed.

    Parameters
    ----------
    name
        The directory's name under ``.bench``.
    requirements
        What pip installs.
    binary_only
        Whether only a wheel will do, where building from source takes a tool chain.

    Raises
    ------
    Skipped
        When no suitable Python is found or pip fails.
    """
    directory = BENCH_DIR / name
    python = directory / "bin" / "python"
    wheel_only = ["--only-binary", ":all:"] if binary_only else []

    def install() -> None:
        _run([_interpreter(name), "-m", "venv", str(directory)], name)
        _pip(python, name, [*wheel_only, *requirements, "setuptools"])

    _once(directory, requirements, install)
    return python


def packages(name: str, requirements: list[str], python: Path) -> Path:
    """The folder of packages for a Python whose own environment is left as it is.

    Parameters
    ----------
    name
        The folder's name under ``.bench``; for ``PYTHONPATH``.
    requirements
        What pip installs; only wheels will do.
    python
        The interpreter they are for.

    Raises
    ------
    Skipped
        When pip fails.
    """
    directory = BENCH_DIR / name
    options = ["--target", str(directory), "--only-binary", ":all:"]
    wanted = [*requirements, f"for {version_of(str(python))}"]
    _once(directory, wanted, lambda: _pip(python, name, [*options, *requirements]))
    return directory


def _once(directory: Path, wanted: list[str], install: Callable[[], None]) -> None:
    """Makes a directory anew unless it was made for the same things."""
    mark, text = directory / "installed", " ".join(wanted)
    if mark.exists() and mark.read_text(encoding="utf-8") == text:
        return
    make_bench_dir()
    shutil.rmtree(directory, ignore_errors=True)
    print(f"installing {text} into {directory.relative_to(ROOT)}", flush=True)
    install()
    mark.write_text(text, encoding="utf-8")


def _pip(python: Path, name: str, arguments: list[str]) -> None:
    _run([str(python), "-m", "pip", "install", "--quiet", *arguments], name)


def installed(python: Path, package: str) -> str:
    """The version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return _output([str(python), "-c", code]) or "of unknown version"


@functools.cache
def version_of(python: str) -> str:
    """The version of an interpreter, such as 3.11.7."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    return _output([python, "-c", code]) or "of unknown version"


def java_home() -> Path:
    """The home of a Java that PySpark 3.5 runs on.

    Raises
    ------
    Skipped
        When none is found.
    """
    for home in _java_homes():
        release = _java_release(home)
        if release in JAVA_RELEASES:
            return home
    raise Skipped(
        f"PySpark: no Java {', '.join(map(str, JAVA_RELEASES))} in JAVA_HOME, PATH or /usr/lib/jvm"
    )


def _java_homes() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


@functools.cache
def _java_release(home: Path) -> Optional[int]:
    """The release of a Java, such as 17; for ``1.8.0`` it is 8."""
    found = re.search(r'version "(?:1\.)?(\d+)', _output([str(home / "bin" / "java"), "-version"]))
    return int(found.group(1)) if found else None


def java_version() -> str:
    """What the Java that is used says it is, or that there is none."""
    try:
        lines = _output([str(java_home() / "bin" / "java"), "-version"]).splitlines()
    except Skipped:
        return "none"
    return lines[1] if len(lines) > 1 else lines[0]


def _interpreter(name: str) -> str:
    """A Python that the peers support; that of Tidemill's own environment if it is one of them."""
    ours = ROOT / ".venv" / "bin" / "python"
    candidates = [str(ours), sys.executable, *(f"python{release}" for release in SUPPORTED)]
    for candidate in candidates:
        if version_of(candidate).rpartition(".")[0] in SUPPORTED:
            return candidate
    raise Skipped(f"{name}: no Python {', '.join(SUPPORTED)} on PATH")


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Skipped(f"{name}: {error}") from None
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise Skipped(f"{name}: `{' '.join(command[1:4])}` failed: {last}")


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
