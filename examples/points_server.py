"""A TCP server of random 2D points, one `x y` a line, for the quadrant count.

    python points_server.py --rate 1000 --port 9999

Each client gets its own endless stream at the given rate. One line in a thousand is no point, one
in a hundred lies on an axis or is the origin. `--port 0` takes a free port. The first line of the
output says where it listens. Ends on SIGTERM and Ctrl-C.
"""

import argparse
import random
import signal
import socket
import sys
import threading
import time

BAD_LINES = ("not a point", "", "1.0", "1 2 3", "x y")
TICK = 0.02


def line(rng):
    """Return one line, without its newline."""
    chance = rng.random()
    if chance < 0.001:
        return rng.choice(BAD_LINES)
    x, y = rng.uniform(-10, 10), rng.uniform(-10, 10)
    if chance < 0.011:
        x, y = rng.choice(((x, 0), (0, y), (0, 0)))
    return f"{x:.4g} {y:.4g}"


def serve(client, rate, rng):
    """Send points to one client until it leaves."""
    due = 0.0
    clock = time.monotonic()
    with client:
        try:
            while True:
                # A client that reads slowly gets fewer points, not a burst afterwards.
                now = time.monotonic()
                due += min(now - clock, 1.0) * rate
                clock = now
                count, due = int(due), due % 1.0
                client.sendall("".join(line(rng) + "\n" for _ in range(count)).encode())
                time.sleep(TICK)
        except OSError:
            pass


def parse_arguments():
    parser = argparse.ArgumentParser(description="A TCP server of random 2D points.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=9999, help="port to listen on; 0: a free one")
    parser.add_argument("--rate", type=float, default=1000, help="points a second for each client")
    parser.add_argument("--seed", type=int, help="for the same points each time")
    return parser.parse_args()


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        listener = socket.create_server((options.host, options.port))
    except (OSError, OverflowError) as error:
        sys.exit(f"points_server: cannot listen on {options.host}:{options.port}: {error}")
    with listener:
        print(f"points_server: listening on {options.host}:{listener.getsockname()[1]}", flush=True)
        try:
            accept(listener, options)
        except KeyboardInterrupt:
            pass


def accept(listener, options):
    while True:
        client, _ = listener.accept()
        rng = random.Random(options.seed)
        threading.Thread(target=serve, args=(client, options.rate, rng), daemon=True).start()


if __name__ == "__main__":
    main()
