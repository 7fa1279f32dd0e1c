"""The article's program, a real ``nc -lk``, points typed by hand: what a person sees."""

from __future__ import annotations

import re
import signal
import sys

import printed
import pytest
from conftest import EXAMPLES, wait_until

POINTS = [
    ("1 1", "First quadrant"),
    ("2.5 3e2", "First quadrant"),
    ("-1 1", "Second quadrant"),
    ("-1 -1", "Third quadrant"),
    ("1 -1", "Fourth quadrant"),
    ("0 5", "Lies on Y axis"),
    ("5 0", "Lies on X axis"),
    ("0 0", "Origin"),
    ("what", "Invalid points"),
    ("", "Invalid points"),
]
# Two partitions, keys by their hash, new keys at the end: PySpark's order on two cores.
COUNTS = [
    "('First quadrant', 2)",
    "('Second quadrant', 1)",
    "('Third quadrant', 1)",
    "('Fourth quadrant', 1)",
    "('Lies on X axis', 1)",
    "('Invalid points', 2)",
    "('Lies on Y axis', 1)",
    "('Origin', 1)",
]


@pytest.fixture(params=["tidemill submit", "python"])
def quadrant_count(request, start, submit, netcat):
    """The program, running and connected, both ways that a person starts it."""
    if request.param == "python":
        program = EXAMPLES / "quadrant_count_tidemill.py"
        conf = '{"spark.master": "local[2]"}'
        running = start(
            [sys.executable, program, "localhost", netcat.port], env={"TIDEMILL_SUBMIT_CONF": conf}
        )
    else:
        program = EXAMPLES / "quadrant_count.py"
        running = submit("--master", "local[2]", program, "localhost", netcat.port)
    return running


def last_batch(program):
    """Return the lines of the last complete batch."""
    found = printed.complete(program.stdout)
    return found[-1][1] if found else []


def total(lines):
    """Return the sum of the counts printed."""
    return sum(int(re.search(r"(\d+)\)$", line)[1]) for line in lines)


def wait_for_total(program, count):
    """Wait for a batch whose counts add up; return its lines."""
    wait_until(lambda: total(last_batch(program)) == count, program.report)
    return last_batch(program)


def test_counts_are_printed_as_pyspark_prints_them(quadrant_count, netcat):
    netcat.type(*[line for line, _ in POINTS])
    assert wait_for_total(quadrant_count, len(POINTS)) == COUNTS
    quadrant_count.press_ctrl_c()
    assert quadrant_count.finish() == 0
    seen = printed.batches(quadrant_count.stdout)
    assert seen[-1][1] == COUNTS


def test_counts_run_on_from_batch_to_batch(quadrant_count, netcat):
    netcat.type("1 1", "-1 1")
    first = wait_for_total(quadrant_count, 2)
    assert sorted(first) == ["('First quadrant', 1)", "('Second quadrant', 1)"]
    netcat.type("1 1", "0 0")
    second = wait_for_total(quadrant_count, 4)
    assert sorted(second) == [
        "('First quadrant', 2)",
        "('Origin', 1)",
        "('Second quadrant', 1)",
    ]
    quadrant_count.press_ctrl_c()
    assert quadrant_count.finish() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_gracefully(quadrant_count, netcat, number):
    netcat.type("1 1")
    wait_for_total(quadrant_count, 1)
    netcat.type("1 1", "1 1")
    quadrant_count.send(number)
    assert quadrant_count.finish() == 0
    assert printed.batches(quadrant_count.stdout), "nothing but batches on standard output"
    assert "Traceback" not in quadrant_count.stderr


def test_batches_are_two_seconds_apart_and_none_is_left_out(quadrant_count):
    wait_until(lambda: len(printed.complete(quadrant_count.stdout)) >= 3, quadrant_count.report)
    quadrant_count.press_ctrl_c()
    assert quadrant_count.finish() == 0
    times = [time for time, _ in printed.batches(quadrant_count.stdout)]
    seconds = [int(time[-2:]) + 60 * int(time[-5:-3]) for time in times]
    assert all(second % 2 == 0 for second in seconds)
    assert {(after - before) % 3600 for before, after in zip(seconds, seconds[1:])} == {2}


def test_usage_error_is_the_programs_own(submit):
    program = submit(EXAMPLES / "quadrant_count.py", "localhost")
    assert program.finish() == 1
    assert "Invalid usage; the correct format is" in program.stderr
    assert program.stdout == ""


def test_ten_records_then_three_dots(submit, netcat):
    program = submit(
        "--master", "local[2]", EXAMPLES / "network_wordcount.py", "localhost", netcat.port
    )
    netcat.type(" ".join(f"word{n}" for n in range(12)))
    wait_until(lambda: "..." in program.stdout, program.report)
    program.press_ctrl_c()
    assert program.finish() == 0
    full = [lines for _, lines in printed.batches(program.stdout) if lines]
    assert len(full) == 1
    assert len(full[0]) == 11
    assert full[0][10] == "..."
    assert all(re.fullmatch(r"\('word\d+', 1\)", line) for line in full[0][:10])


def test_netcat_started_after_the_program(submit, free_port):
    from conftest import Netcat, require, shutil

    require(shutil.which("nc"), "needs nc (Debian: apt-get install netcat-openbsd)")
    program = submit(
        "--master", "local[2]", EXAMPLES / "network_wordcount.py", "localhost", free_port
    )
    program.wait_for("connecting again", "stderr")
    netcat = Netcat(free_port)
    try:
        netcat.type("late but here")
        program.wait_for("('late', 1)")
    finally:
        netcat.end()
    program.press_ctrl_c()
    assert program.finish() == 0
    assert printed.batches(program.stdout)
