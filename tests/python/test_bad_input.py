"""Bad input: each gives a clear message, never a panic, a hang, a lost batch or endless memory."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import struct
import threading
from pathlib import Path

import printed
import pytest
from conftest import EXAMPLES, wait_until

ECHO = """
import json, sys
from pyspark import SparkContext
from pyspark.streaming import StreamingContext
ssc = StreamingContext(SparkContext("local[2]", "echo"), 0.1)

def show(rdd):
    for record in rdd.collect():
        print(json.dumps(record), flush=True)

ssc.socketTextStream("127.0.0.1", int(sys.argv[1])).foreachRDD(show)
ssc.start()
print(json.dumps("started"), flush=True)
ssc.awaitTermination()
"""


@pytest.fixture
def echo(submit, write_program):
    """Start a program that prints each line it receives as JSON."""

    def begin(port, *options):
        return submit(*options, write_program(ECHO, "echo.py"), port)

    return begin


def records(program):
    """Return the lines that an echo program received."""
    return [json.loads(line) for line in program.stdout.splitlines()[1:]]


def wait_for_records(program, expected):
    """Wait for exactly these lines."""
    wait_until(lambda: len(records(program)) >= len(expected), program.report)
    assert records(program) == expected


def stop(program):
    """Press Ctrl-C; the program must end well."""
    program.press_ctrl_c()
    assert program.finish() == 0, program.report()
    assert "panicked" not in program.stderr
    assert "Traceback" not in program.stderr


def once(data, then=None):
    """Return a server function: sends data on the first connection, then holds all open."""
    hold = threading.Event()

    def serve(connection, number):
        if number == 1:
            connection.sendall(data)
        if then is not None:
            then(connection, number)
        else:
            hold.wait()

    return serve


def test_points_that_are_none(submit, serve):
    data = b"1 1\nnot a point\n\n  \n1\n1 2 3\n1,2\n\xff\xfe\n0x1 2\nnan nan\ninf -inf\n"
    server = serve(once(data))
    program = submit(
        "--master", "local[2]", EXAMPLES / "quadrant_count.py", "localhost", server.port
    )
    program.wait_for("('Invalid points', 8)")
    stop(program)
    last = printed.batches(program.stdout)[-1][1]
    # nan compares with nothing, so it ends in the last branch, as in plain Python.
    assert sorted(last) == [
        "('First quadrant', 1)",
        "('Fourth quadrant', 1)",
        "('Invalid points', 8)",
        "('Origin', 1)",
    ]


def test_lines_end_as_in_pyspark(echo, serve):
    data = b"unix\ndos\r\nmac\rtwo\r\r\nempty\n\n\x0bvt\x0cff\x00nul\n" + "\u2028 \x85\n".encode()
    program = echo(serve(once(data)).port)
    expected = ["unix", "dos", "mac", "two", "", "empty", "", "\x0bvt\x0cff\x00nul", "\u2028 \x85"]
    wait_for_records(program, expected)
    stop(program)


def test_bytes_that_are_not_utf8_become_replacement_characters(echo, serve):
    data = b"ok \xc3\xa9\nbad \xff\xfe\ncut \xe6\x97\nover \xc0\xaf\n"
    data += b"\xf0\x9f\x98\x80\n\xf0\x9f\x98\nend\n"
    program = echo(serve(once(data)).port)
    bad = "\ufffd"
    expected = ["ok é", f"bad {bad}{bad}", f"cut {bad}", f"over {bad}{bad}", "😀", bad, "end"]
    wait_for_records(program, expected)
    stop(program)


def test_surrogates_in_utf8_become_one_replacement_character(echo, serve):
    program = echo(serve(once(b"a\xed\xa0\x80b\nend\n")).port)
    wait_for_records(program, ["a\ufffdb", "end"])
    stop(program)


def test_character_cut_between_two_packets(echo, serve):
    go = threading.Event()

    def slowly(connection, number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"first\nse\xe6\x97")
        go.wait()
        connection.sendall(b"\xa5cond\n")
        threading.Event().wait()

    program = echo(serve(slowly).port)
    wait_for_records(program, ["first"])
    go.set()
    wait_for_records(program, ["first", "se日cond"])
    stop(program)


def peak_memory(program):
    """Return the most memory that the driver process has had, in bytes."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def send_long_line(connection, megabytes):
    """Send a line without its end."""
    piece = b"x" * (1 << 20)
    for _ in range(megabytes):
        connection.sendall(piece)


def test_line_of_200_megabytes(echo, serve):
    def then(connection, number):
        send_long_line(connection, 200)
        connection.sendall(b"\nafter\n")
        threading.Event().wait()

    program = echo(serve(once(b"before\n", then)).port)
    wait_for_records(program, ["before", "after"])
    assert peak_memory(program) < 200 << 20
    stop(program)
    said = program.stderr.splitlines()
    assert len(said) == 1, program.stderr
    assert "line of 209715200 bytes was left out" in said[0]
    assert "tidemill.receiver.maxLineBytes" in said[0]
    assert "  " not in said[0]


def test_line_of_200_megabytes_that_never_ends(echo, serve):
    def then(connection, number):
        if number == 1:
            send_long_line(connection, 200)
        else:
            connection.sendall(b"next connection\n")
            threading.Event().wait()

    program = echo(serve(once(b"before\n", then)).port)
    wait_for_records(program, ["before", "next connection"])
    assert peak_memory(program) < 200 << 20
    stop(program)
    assert "209715200 bytes was left out" in program.stderr


def test_longest_line_can_be_set(echo, serve):
    data = b"short\n" + b"y" * 5_000_000 + b"\nend\n"
    program = echo(serve(once(data)).port, "--conf", "tidemill.receiver.maxLineBytes=2m")
    wait_for_records(program, ["short", "end"])
    stop(program)
    assert "5000000 bytes" in program.stderr


def test_sender_waits_when_processing_falls_behind(submit, write_program, serve, tmp_path):
    text = """
import os, sys, time
from pyspark import SparkContext
from pyspark.streaming import StreamingContext
ssc = StreamingContext(SparkContext("local[2]", "slow"), 0.1)
total = 0

def slow(rdd):
    global total
    count = rdd.count()
    while count and not os.path.exists(sys.argv[2]):
        time.sleep(0.01)
    total += count
    print("total", total, flush=True)

ssc.socketTextStream("127.0.0.1", int(sys.argv[1])).foreachRDD(slow)
ssc.start()
ssc.awaitTermination()
"""
    lines, piece = 1000, b"z" * 99 + b"\n"
    chunk, chunks = piece * lines, 1000
    blocked = threading.Event()

    def flood(connection, number):
        for _ in range(chunks):
            _, writable, _ = select.select([], [connection], [], 3)
            if not writable:
                blocked.set()
            connection.sendall(chunk)
        threading.Event().wait()

    gate = tmp_path / "gate"
    option = "tidemill.receiver.maxBufferedBytes=1m"
    program = submit("--conf", option, write_program(text), serve(flood).port, gate)
    assert blocked.wait(60), f"100 MB were taken at once with a limit of 1 MB: {program.report()}"
    assert peak_memory(program) < 100 << 20
    gate.touch()
    program.wait_for(f"total {lines * chunks}\n")
    stop(program)


def test_server_that_closes(echo, serve):
    def serve_one(connection, number):
        if number <= 3:
            connection.sendall(b"line %d\nunfinished %d" % (number, number))
        else:
            threading.Event().wait()

    program = echo(serve(serve_one).port)
    expected = [text for n in (1, 2, 3) for text in (f"line {n}", f"unfinished {n}")]
    wait_for_records(program, expected)
    stop(program)
    assert "closed the connection" in program.stderr
    assert all(line.startswith("tidemill: socket ") for line in program.stderr.splitlines())


def test_server_that_resets(echo, serve):
    got = threading.Event()

    def reset(connection, number):
        if number == 1:
            connection.sendall(b"before\n")
            got.wait()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.sendall(b"after\n")
            threading.Event().wait()

    program = echo(serve(reset).port)
    wait_for_records(program, ["before"])
    got.set()
    wait_for_records(program, ["before", "after"])
    stop(program)
    assert "reset" in program.stderr


def test_server_that_never_sends(echo, serve):
    server = serve(once(b""))
    program = echo(server.port)
    wait_until(lambda: server.connections, program.report)
    stop(program)
    assert program.stderr == ""
    assert records(program) == []


def test_server_that_never_accepts(echo):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = []
        for _ in range(4):  # More than the kernel keeps in line; the rest hang in connect.
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            waiting.append(client)
        program = echo(port)
        program.wait_for("started")
        stop(program)
        for client in waiting:
            client.close()


def test_server_that_is_not_there_yet(echo, serve, free_port):
    program = echo(free_port)
    program.wait_for("connecting again", "stderr")
    serve(once(b"here now\n"), free_port)
    wait_for_records(program, ["here now"])
    stop(program)
    first, *_ = program.stderr.splitlines()
    assert f"127.0.0.1:{free_port}" in first
    assert "refused" in first
    assert program.stderr.count("connecting again") == 1, "one line an outage, not one an attempt"


def test_host_that_does_not_exist(submit):
    program = submit(EXAMPLES / "network_wordcount.py", "no-such-host.invalid", "9999")
    program.wait_for("no such host", "stderr")
    program.press_ctrl_c()
    assert program.finish() == 0
    assert "no-such-host.invalid" in program.stderr


@pytest.mark.parametrize("port", [0, -1, 65536, 70000, 10**12])
def test_port_out_of_range(submit, port):
    program = submit(EXAMPLES / "quadrant_count.py", "localhost", port)
    assert program.finish() == 1
    assert "1 to 65535" in program.stderr
    assert str(port) in program.stderr
    assert "panicked" not in program.stderr


COUNT = """
import sys
from pyspark import SparkContext
from pyspark.streaming import StreamingContext
ssc = StreamingContext(SparkContext("local[2]", "count"), 0.1)
ssc.checkpoint(sys.argv[1])
pairs = ssc.queueStream([[("a", 1)]])
pairs.updateStateByKey(lambda new, old: sum(new) + (old or 0)).pprint()
ssc.start()
ssc.awaitTermination()
"""


def fails_clearly(program, *texts):
    """The program ends with 1 and an error, not a panic, that holds these texts."""
    assert program.finish() == 1, program.report()
    for text in texts:
        assert text in program.stderr
    assert "panicked" not in program.stderr
    assert "Traceback (most recent call last)" in program.stderr


def test_checkpoint_directory_below_a_file(submit, write_program, tmp_path):
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" / "checkpoint"
    program = submit(write_program(COUNT), folder)
    fails_clearly(program, "CheckpointError", str(folder), "Not a directory")


def test_checkpoint_directory_that_cannot_be_made(submit, write_program):
    program = submit(write_program(COUNT), "/proc/tidemill-checkpoint")
    fails_clearly(program, "CheckpointError", "/proc/tidemill-checkpoint")


def test_checkpoint_directory_without_permission(submit, write_program, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.geteuid() == 0:
        # Nothing is forbidden to root, so this can only show that it works.
        program = submit("--max-batches", "1", write_program(COUNT), folder)
        assert program.finish() == 0, program.report()
    else:
        fails_clearly(submit(write_program(COUNT), folder), "CheckpointError", "Permission denied")


def test_checkpoint_directory_of_something_else(submit, write_program, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"precious")
    program = submit(write_program(COUNT), folder)
    fails_clearly(program, "CheckpointError", str(folder))
    assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]


def test_checkpoint_directory_of_something_else_in_get_or_create(sc, tmp_path):
    from tidemill.errors import CheckpointError
    from tidemill.streaming import StreamingContext

    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError, match=re.escape(str(tmp_path))):
        StreamingContext.getOrCreate(str(tmp_path), lambda: StreamingContext(sc, 1)).start()


def test_function_raising_on_one_record(submit, write_program):
    text = """
from pyspark import SparkContext
from pyspark.streaming import StreamingContext

def invert(n):
    return 10 // n

ssc = StreamingContext(SparkContext("local[2]", "bad record"), 0.1)
ssc.queueStream([[5], [2, 0, 1]]).map(invert).pprint()
ssc.start()
ssc.awaitTermination()
"""
    program = submit(write_program(text))
    fails_clearly(
        program,
        "An exception was raised by Python:",
        "in invert",
        "return 10 // n",
        "ZeroDivisionError",
        "record: 0",
    )
    assert printed.batches(program.stdout)[0][1] == ["2"]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", program.stderr), "the batch time"
    users = program.stderr.partition("An exception was raised by Python:")[2]
    assert "site-packages" not in users and "tidemill/ops.py" not in users


def test_long_record_is_cut_in_the_message(sc):
    from tidemill.errors import JobError

    rdd = sc.parallelize(["q" * 100_000], 1).map(int)
    with pytest.raises(JobError) as caught:
        rdd.collect()
    record = next(line for line in str(caught.value).splitlines() if "record" in line)
    assert len(record) < 300
    assert isinstance(caught.value.__cause__, ValueError)


def test_unhashable_key(submit, write_program):
    text = """
from pyspark import SparkContext
sc = SparkContext("local[2]", "unhashable")
print(sc.parallelize([([1, 2], 1)], 1).reduceByKey(lambda a, b: a + b).collect())
"""
    program = submit(write_program(text))
    fails_clearly(program, "TypeError: unhashable type: 'list'", "([1, 2], 1)")


def test_unhashable_key_in_a_stream(submit, write_program, tmp_path):
    text = COUNT.replace('[("a", 1)]', '[({"k": 1}, 1)]')
    program = submit(write_program(text), tmp_path / "checkpoint")
    fails_clearly(program, "TypeError: unhashable type: 'dict'")


def test_record_that_cannot_be_sent_back(sc):
    from tidemill.errors import JobError

    rdd = sc.parallelize([1], 1).map(lambda n: threading.Lock())
    with pytest.raises(JobError, match="pickle"):
        rdd.collect()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("spark.task.maxFailures", "many"),
        ("spark.task.maxFailures", "0"),
        ("spark.task.maxFailures", "1001"),
        ("tidemill.explain", "maybe"),
        ("tidemill.streaming.summary", "yes"),
        ("tidemill.receiver.maxBufferedBytes", "lots"),
        ("tidemill.receiver.maxLineBytes", "a lot"),
        ("spark.streaming.blockInterval", "soon"),
    ],
)
def test_setting_that_is_nonsense(submit, write_program, tmp_path, setting, value):
    program = submit("--conf", f"{setting}={value}", write_program(COUNT), tmp_path / "c")
    fails_clearly(program, setting, repr(value).replace("'", '"'))


def test_setting_that_there_is_not(submit, write_program):
    text = "from pyspark import SparkContext\nSparkContext().stop()\n"
    program = submit("--conf", "tidemill.receiver.maxBufferBytes=1m", write_program(text))
    assert program.finish() == 0, program.report()
    meant = "did you mean tidemill.receiver.maxBufferedBytes?"
    assert meant in program.stderr, program.report()


def test_terminated_before_anything_was_received(submit, free_port):
    program = submit(EXAMPLES / "network_wordcount.py", "localhost", free_port)
    program.wait_for("connecting again", "stderr")
    program.send(signal.SIGTERM)
    assert program.finish() == 0
