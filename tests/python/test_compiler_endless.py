"""Compiled loops without end: CPython takes over, so that the program can still be interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import resource
import sys
from tidemill import SparkContext

# Nothing of it lives on if the test itself is killed.
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

def forever(line):
    n = 0
    while True:
        n = n + 1 & 1023
    return n

def grows(line):
    out = []
    while True:
        out.append(line)
    return len(out)

def nested(line):
    total = 0
    for a in range(1 << 62):
        for b in range(a):
            total ^= b
    return total

with open("lines", "w") as file:
    file.write("a\\nb\\n")
sc = SparkContext("local[1]", "endless")
print("ready", flush=True)
sc.textFile("lines").map(globals()[sys.argv[1]]).collect()
"""


@pytest.mark.parametrize("name", ["forever", "grows", "nested"])
def test_an_endless_loop_can_be_interrupted(tmp_path, name):
    (tmp_path / "program.py").write_text(PROGRAM)
    running = subprocess.Popen(
        [sys.executable, "program.py", name],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert running.stdout.readline() == b"ready\n"
        time.sleep(2)
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        running.wait(20)
    finally:
        running.kill()
        running.stdout.close()
        running.wait()
