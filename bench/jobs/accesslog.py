"""The benchmark's log job: requests by status and path in a window; ``... accesslog.py HOST PORT``.

The window is ten batches long and slides by two.
"""

import re
from operator import add, sub

from job import INTERVAL, run, sums

LOG_LINE = re.compile(
    r"(?P<address>\S+) (?P<identity>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "
    r'"(?P<method>[A-Z]+) (?P<path>\S+) (?P<protocol>[^"]+)" (?P<status>\d{3}) (?P<size>\d+|-)'
)
WINDOW, SLIDE = 10 * INTERVAL, 2 * INTERVAL


def request(line):
    """The address, method, path and status in a line of the log."""
    match = LOG_LINE.match(line)
    if match is None:
        return ("", "", "", "not a request")
    return (
        match.group("address"),
        match.group("method"),
        match.group("path"),
        match.group("status"),
    )


def count(lines):
    """How often each path was answered with each status."""
    pairs = lines.map(request).map(lambda r: ((r[3], r[2]), 1))
    return pairs.reduceByKeyAndWindow(add, sub, WINDOW, SLIDE)


if __name__ == "__main__":
    run("AccessLog", count, sums(WINDOW), checkpoint=True)
