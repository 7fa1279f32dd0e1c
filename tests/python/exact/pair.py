"""Two servers, one for each mode, that get the same chain and lines and must answer alike.

The fixture `pair` is one. The first difference is an error that shows the program.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

SERVER = Path(__file__).with_name("server.py")


class Server:
    """One `server.py` and what its workers print."""

    def __init__(self, mode, folder):
        self.log = folder / f"{mode}.log"
        self._read = 0
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(SERVER), mode],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"},
                text=True,
            )

    def ask(self, *request):
        """Send a request; the answer is taken later."""
        self._process.stdin.write(json.dumps([str(part) for part in request]) + "\n")
        self._process.stdin.flush()

    def answer(self):
        """Return what happened, what was printed, and what the compiler said."""
        line = self._process.stdout.readline()
        assert line, f"the server died: {self.log.read_text(errors='replace')[-3000:]}"
        outcome, report = json.loads(line)
        with self.log.open("rb") as log:
            log.seek(self._read)
            printed = log.read()
        self._read += len(printed)
        outcome["printed"] = printed.decode("utf-8", "replace")
        return outcome, report

    def end(self):
        """End the server."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


class Pair:
    """The oracle (compile=off) and the compiler (compile=auto)."""

    def __init__(self, folder):
        self.folder = folder
        self.jobs = 0
        self._texts = 0
        self._start()

    def _start(self):
        self._servers = [Server(mode, self.folder) for mode in ("off", "auto")]

    def text(self, lines, per_file=None):
        """Write lines to a file, or that many to each file of a folder; return the path."""
        self._texts += 1
        path = self.folder / f"lines{self._texts}"
        if per_file is None:
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return path
        path.mkdir()
        for at in range(0, len(lines), per_file):
            some = "".join(f"{line}\n" for line in lines[at : at + per_file])
            (path / f"{at:06}").write_text(some, encoding="utf-8")
        return path

    def outcomes(self, module, name, text):
        """Return both outcomes and the compiler's report."""
        self.jobs += 1
        for server in self._servers:
            server.ask(module, name, text)
        try:
            (expected, _), (found, report) = [server.answer() for server in self._servers]
        except AssertionError:
            # The next program, or a smaller one, gets servers that live.
            self.end()
            self._start()
            raise
        return expected, found, report

    def agree(self, module, name, text):
        """Fail unless both modes do the same; return the compiler's report."""
        expected, found, report = self.outcomes(module, name, text)
        if expected != found:
            raise AssertionError(
                f"{name} of {module} on {text}\n{difference(expected, found)}\n{report}"
            )
        return report

    def end(self):
        """End both servers."""
        for server in self._servers:
            server.end()


def difference(expected, found):
    """Show where two outcomes part."""
    shown = []
    for key in sorted({*expected, *found}):
        one, other = str(expected.get(key)), str(found.get(key))
        at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), 0)
        if one != other:
            start = max(0, at - 100)
            shown.append(
                f"{key}:\n  CPython  {one[start : at + 200]}\n  compiled {other[start : at + 200]}"
            )
    return "\n".join(shown)


def calm(path, name, lines):
    """Return the lines for which a function of a line returns."""
    spec = importlib.util.spec_from_file_location("cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = []
    with contextlib.redirect_stdout(io.StringIO()):
        for line in lines:
            with contextlib.suppress(Exception):
                getattr(module, name)(line)
                kept.append(line)
    return kept


def is_compiled(report):
    """Whether all functions that the report tells of are compiled, at least in part."""
    return bool(report) and not any("not compiled:" in r or "after all" in r for r in report)
