"""The benchmark's Rust programs, built once a session with cargo in release mode.

Called by ``peers.py`` and the scenarios.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess

from places import ROOT, Skipped


def built(name: str) -> str:
    """The path of a program of the crate ``tidemill-bench``.

    Raises
    ------
    Skipped
        When there is no cargo, the crate does not build, or it has no such program.
    """
    programs = _build()
    if name not in programs:
        raise Skipped(f"{name}: the crate in bench/ has no program of that name")
    return programs[name]


@functools.cache
def _build() -> dict[str, str]:
    if shutil.which("cargo") is None:
        raise Skipped("the Rust programs: there is no cargo on PATH")
    manifest = str(ROOT / "bench" / "Cargo.toml")
    command = [
        "cargo",
        "build",
        "--release",
        "--bins",
        "--message-format=json",
        "--manifest-path",
        manifest,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Skipped("the Rust programs: cargo build failed, see above")
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = [message for message in messages if message.get("executable")]
    return {message["target"]["name"]: message["executable"] for message in found}
