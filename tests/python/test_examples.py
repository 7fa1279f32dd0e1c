"""Each program in examples/ runs as its first lines say."""

from __future__ import annotations

import re
import sys
import threading

import printed
import pytest
from conftest import EXAMPLES, wait_until

TESTED = {
    "columns.py",
    "demo.py",
    "network_wordcount.py",
    "points_server.py",
    "quadrant_count.py",
    "quadrant_count_tidemill.py",
    "queue_stream.py",
    "recoverable_network_wordcount.py",
    "stateful_network_wordcount.py",
}


def test_no_example_is_left_out():
    assert {path.name for path in EXAMPLES.glob("*.py")} == TESTED


def lines_server(serve, *lines):
    """A server that sends some lines to its first client and holds on."""

    def send(connection, number):
        if number == 1:
            connection.sendall("".join(f"{line}\n" for line in lines).encode())
        threading.Event().wait()

    return serve(send)


def stop(program):
    """Press Ctrl-C and wait for a good end."""
    program.press_ctrl_c()
    assert program.finish() == 0, program.report()


def test_demo(start):
    program = start([sys.executable, EXAMPLES / "demo.py", "--batches", "2", "--rate", "100"])
    assert program.finish() == 0, program.report()
    first, *_, last = program.stdout.splitlines()
    assert first.startswith("demo: counting points from")
    assert "stopped cleanly" in last
    assert program.stdout.count("Time: ") == 2
    assert "2 batches" in program.stderr


def test_demo_on_a_given_server(start, serve):
    server = lines_server(serve, "1 1", "-1 1")
    where = ["--host", "127.0.0.1", "--port", server.port]
    program = start([sys.executable, EXAMPLES / "demo.py", *where])
    program.wait_for("('First quadrant', 1)")
    stop(program)
    assert "stopped cleanly" in program.stdout


def test_points_server(start):
    import socket

    program = start([sys.executable, EXAMPLES / "points_server.py", "--port", "0", "--rate", "500"])
    program.wait_for("listening on")
    port = int(re.search(r":(\d+)", program.stdout)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        received = b""
        while received.count(b"\n") < 20:
            received += client.recv(4096)
    points = [line for line in received.decode().splitlines()[:20] if len(line.split()) == 2]
    assert len(points) >= 15
    program.process.terminate()
    assert program.finish() == 0


def test_columns(start):
    pytest.importorskip("pyarrow")
    pytest.importorskip("numpy")
    program = start([sys.executable, EXAMPLES / "columns.py"])
    assert program.finish() == 0, program.report()
    counted = [lines for _, lines in printed.batches(program.stdout) if lines]
    assert counted[:3] == [["('far', 638)", "('near', 362)"]] * 3


def test_queue_stream(submit):
    program = submit("--master", "local[2]", EXAMPLES / "queue_stream.py")
    assert program.finish() == 0, program.report()
    full = [lines for _, lines in printed.batches(program.stdout) if lines]
    assert full
    # The order on two cores: PySpark's.
    assert all(
        lines == [f"({key}, 100)" for key in (2, 4, 6, 8, 0, 1, 3, 5, 7, 9)] for lines in full
    )


def test_network_wordcount(submit, serve):
    server = lines_server(serve, "the cat and the dog", "", "été")
    program = submit(EXAMPLES / "network_wordcount.py", "127.0.0.1", server.port)
    program.wait_for("('the', 2)")
    program.wait_for("('été', 1)")
    stop(program)
    printed.batches(program.stdout)


@pytest.mark.parametrize("name", ["network_wordcount.py", "stateful_network_wordcount.py"])
def test_usage(submit, name):
    program = submit(EXAMPLES / name)
    assert program.finish() == 255
    assert "Usage:" in program.stderr


def test_stateful_network_wordcount(submit, serve):
    server = lines_server(serve, "hello there")
    program = submit(EXAMPLES / "stateful_network_wordcount.py", "127.0.0.1", server.port)
    program.wait_for("('hello', 2)")
    stop(program)
    last = printed.batches(program.stdout)[-1][1]
    assert sorted(last) == ["('hello', 2)", "('there', 1)", "('world', 1)"]


def test_recoverable_network_wordcount(submit, serve, tmp_path):
    output = tmp_path / "counts.txt"

    def run(*lines):
        server = lines_server(serve, *lines)
        arguments = ("127.0.0.1", server.port, tmp_path / "checkpoint", output)
        program = submit(EXAMPLES / "recoverable_network_wordcount.py", *arguments)
        wait_until(
            lambda: output.exists() and lines[0].split()[0] in output.read_text(), program.report
        )
        stop(program)
        return program

    first = run("dogs a b dogs")
    assert "Dropped 2 word(s) totally" in first.stdout
    run("cats c")
    assert "('dogs', 2)" in output.read_text()
    assert "('cats', 1)" in output.read_text()
