"""SIGINT and SIGTERM wherever the main thread is: the stop is graceful, and the end is clean."""

from __future__ import annotations

import signal

import pytest

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

PROGRAM = """
import os, signal, sys, threading, time
from pyspark import SparkContext
from pyspark.streaming import StreamingContext

sc = SparkContext(appName="signals")
ssc = StreamingContext(sc, 0.1)
ssc.queueStream([["all"], ["of"], ["it"]]).foreachRDD(lambda rdd: print(rdd.collect(), flush=True))
number = int(sys.argv[1])
"""

ON_ITS_WAY = """
ssc.start()
os.kill(os.getpid(), number)
time.sleep(0.2)
ssc.awaitTermination()
print("after the wait")
"""

ELSEWHERE = """
ssc.start()
threading.Timer(0.5, os.kill, [os.getpid(), number]).start()
try:
    while True:
        time.sleep(0.01)
finally:
    print(ssc._streaming.status, flush=True)
"""

BY_TURNS = """
ssc.start()
threading.Timer(0.5, os.kill, [os.getpid(), number]).start()
while not ssc.awaitTerminationOrTimeout(0.01):
    time.sleep(0.01)
print("after the wait")
"""

GIVES_UP = """
ssc.queueStream([["slow"]]).foreachRDD(lambda rdd: rdd.isEmpty() or time.sleep(2))
ssc.start()
threading.Timer(0.3, os.kill, [os.getpid(), number]).start()
assert not ssc.awaitTerminationOrTimeout(0.6)
try:
    while True:
        time.sleep(0.01)
finally:
    print(ssc._streaming.status, flush=True)
"""

BEFORE_START = """
os.kill(os.getpid(), number)
ssc.start()
ssc.awaitTermination()
"""


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request):
    """The signal to send."""
    return request.param


@pytest.fixture
def run(submit, write_program, number):
    """Run a program that sends itself the signal."""

    def begin(text):
        program = submit(write_program(PROGRAM + text), int(number))
        return program, program.finish()

    return begin


@pytest.mark.parametrize("text", [ON_ITS_WAY, BY_TURNS], ids=["on its way", "by turns"])
def test_a_program_that_comes_to_wait_ends_normally(run, text):
    program, code = run(text)
    assert code == 0, program.report()
    assert program.stdout.endswith("after the wait\n"), program.report()
    assert "Traceback" not in program.stderr


@pytest.mark.parametrize("text", [ELSEWHERE, GIVES_UP], ids=["elsewhere", "gives up"])
def test_a_program_that_is_elsewhere_is_interrupted_when_the_stop_is_complete(run, number, text):
    program, code = run(text)
    assert code == CODES[number], program.report()
    assert program.stdout.endswith("stopped\n"), program.report()
    assert ("stops at once" in program.stderr) == (text == GIVES_UP), program.report()


def test_before_start_a_signal_is_python_s_own(run, number):
    program, code = run(BEFORE_START)
    assert code in (CODES[number], -number), program.report()
    assert program.stdout == "", program.report()
