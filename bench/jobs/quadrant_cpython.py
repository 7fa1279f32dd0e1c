"""The quadrant count in plain CPython: a loop over a socket's lines that calls the function.

``quadrant_cpython.py HOST PORT``: what the Python function costs with no engine around it; runs
until the stream ends or the process is stopped. Started by ``bench/peers.py``.
"""

import socket
import sys

from quadrant_function import Progress, get_quadrant


def blocks(connection):
    """The lines of the socket, in lists of as many as one read brought."""
    rest = ""
    while True:
        data = connection.recv(1 << 16)
        if not data:
            return
        lines = (rest + data.decode("utf-8", "replace")).split("\n")
        rest = lines.pop()
        yield lines


def main():
    """Counts until the stream ends, reporting on the way."""
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    progress = Progress()
    counts = {}
    for lines in blocks(connection):
        for line in lines:
            quadrant, one = get_quadrant(line)
            counts[quadrant] = counts.get(quadrant, 0) + one
        progress.report(counts)


if __name__ == "__main__":
    main()
