"""What `make run` shows: the quadrant count on a live stream of points.

python demo.py                     # its own points_server, ten batches
python demo.py --batches 3
python demo.py --host localhost --port 9999    # your server, until Ctrl-C
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def start_server(rate):
    """Start a points_server on a free port; return its process and the port."""
    command = [sys.executable, os.path.join(HERE, "points_server.py"), "--port", "0"]
    server = subprocess.Popen(
        [*command, "--rate", str(rate)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    first = server.stdout.readline()
    if "listening on" not in first:
        server.wait()
        sys.exit("demo: the points server did not start; its message is above")
    return server, int(first.rsplit(":", 1)[1])


def submit(options, host, port):
    """Run the program until it ends; return its exit code."""
    command = [sys.executable, "-m", "tidemill", "submit", "--summary"]
    if options.batches:
        command += ["--max-batches", str(options.batches)]
    if options.master:
        command += ["--master", options.master]
    command += [os.path.join(HERE, "quadrant_count.py"), host, str(port)]
    # The program's checkpoint folder is relative; a demonstration leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix="tidemill-demo-") as folder:
        program = subprocess.Popen(command, cwd=folder)
        signal.signal(signal.SIGTERM, lambda *_: program.terminate())
        while True:
            try:
                return program.wait()
            except KeyboardInterrupt:
                # The terminal has sent it to the program too, which stops gracefully.
                continue


def parse_arguments():
    parser = argparse.ArgumentParser(description="The quadrant count on a live stream of points.")
    parser.add_argument("--host", default="", help="your own server's name")
    parser.add_argument("--port", type=int, help="your own server's port")
    parser.add_argument("--batches", type=int, help="stop after so many (10 without a server)")
    parser.add_argument("--rate", type=float, default=1000, help="points a second of our server")
    parser.add_argument("--master", help="as for tidemill submit")
    options = parser.parse_args()
    if bool(options.host) != bool(options.port):
        parser.error("--host and --port go together")
    return options


def main():
    options = parse_arguments()
    began = time.monotonic()
    server = None
    host, port = options.host, options.port
    if not host:
        options.batches = options.batches or 10
        server, port = start_server(options.rate)
        host = "127.0.0.1"
    print(f"demo: counting points from {host}:{port}", flush=True)
    try:
        code = submit(options, host, port)
    finally:
        if server is not None:
            server.terminate()
            server.wait()
    outcome = "stopped cleanly" if code == 0 else f"ended with exit code {code}"
    print(f"demo: quadrant count {outcome} after {time.monotonic() - began:.1f} s", flush=True)
    return 0 if code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
