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


NESTING = """
import sys
from tidemill import SparkContext

def holds_itself(n):
    a = []
    a.append(a)
    return len(a)

def linked(n):
    x = None
    for i in range(n):
        x = (x, i)
    depth = 0
    while x:
        x = x[0]
        depth += 1
    return depth

def boxed(n):
    a = []
    for i in range(n):
        a = [a]
    return len(a)

def counted_down(n):
    x = None
    while n:
        x = (n, x)
        n -= 1
    return 1 if x else 0

sc = SparkContext("local[1]", "nesting")
function = globals()[sys.argv[1]]
numbers = list(range(20))
assert sc.parallelize(numbers, 2).map(function).collect() == [function(n) for n in numbers]
"""


@pytest.mark.parametrize("name", ["holds_itself", "linked", "boxed", "counted_down"])
def test_a_type_that_holds_itself_ends_the_search_for_it(tmp_path, name):
    (tmp_path / "program.py").write_text(NESTING)
    subprocess.run([sys.executable, "program.py", name], cwd=tmp_path, check=True, timeout=60)
