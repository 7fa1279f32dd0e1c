"""The `tidemill` command: `tidemill submit app.py args...` runs a program as spark-submit does.

Invariant: the program runs in this process as `__main__`, with its own folder first on the import
path, `pyspark` meaning Tidemill, and the given settings as the defaults of every `SparkConf`. Its
exit code is the command's; its tracebacks show no frame of ours.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import runpy
import sys
from collections.abc import Sequence
from types import TracebackType

from tidemill import __version__, compat
from tidemill.conf import SUBMIT_CONF
from tidemill.master import parse_master

OPTIONS = (
    "--master",
    "--name",
    "--conf",
    "--py-files",
    "--properties-file",
    "--verbose",
    "--summary",
    "--explain",
    "--max-batches",
    "--help",
)
DRIVER_ONLY = (
    "--deploy-mode",
    "--driver-memory",
    "--driver-cores",
    "--executor-memory",
    "--executor-cores",
    "--num-executors",
    "--total-executor-cores",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the command's name; `sys.argv` if not given.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["submit", "--master", "local[2]", "nowhere.py"])  # doctest: +SKIP
    2
    """
    parser = _parser()
    options, unknown = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    if unknown:
        print(f"tidemill: {_no_option(unknown[0])}", file=sys.stderr)
        return 2
    if options.command is None:
        parser.print_help()
        return 2
    try:
        conf = submitted_conf(options)
        _check_program(options.app)
        _check_files(options.py_files)
    except ValueError as error:
        print(f"tidemill submit: {error}", file=sys.stderr)
        return 2
    _note_ignored(options)
    _prepare(options, conf)
    return run_program(options.app)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidemill", description="PySpark's streaming programs on a Rust engine."
    )
    parser.add_argument("--version", action="version", version=f"tidemill {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="submit")
    submit = commands.add_parser(
        "submit",
        help="run a program, as spark-submit does",
        usage="tidemill submit [options] app.py [arguments of app.py ...]",
        allow_abbrev=False,
    )
    add = submit.add_argument
    add("--master", metavar="M", help="local, local[N] or local[*] (the default: all cores)")
    add("--name", metavar="N", help="name of the application")
    add("--conf", "-c", metavar="K=V", action="append", default=[], help="a setting; repeatable")
    add("--py-files", metavar="LIST", default="", help="comma-separated .py, .zip or folders")
    add("--properties-file", metavar="FILE", help="settings, one 'key value' a line")
    add("--verbose", "-v", action="store_true", help="more messages, on standard error")
    add("--summary", action="store_true", help="one line about a stream when it has stopped")
    add("--explain", action="store_true", help="say at the end what ran as machine code")
    add("--max-batches", metavar="N", help="stop a stream gracefully after N batches")
    for option in DRIVER_ONLY:
        add(option, metavar="X", help=argparse.SUPPRESS)
    add("app", metavar="app.py", help="the program")
    # Before Python 3.13, argparse takes the rest of a line for something that must be there.
    add("arguments", nargs=argparse.REMAINDER, help="its arguments").required = False
    return parser


def _no_option(unknown: str) -> str:
    name = unknown.partition("=")[0]
    close = difflib.get_close_matches(name, OPTIONS, 1)
    meant = (
        f"did you mean {close[0]}?" if close else "'tidemill submit --help' lists those there are"
    )
    return f"there is no option {name}; {meant}"


def submitted_conf(options: argparse.Namespace) -> dict[str, str]:
    """Return the settings that the options stand for.

    As in Spark: `--master` and `--name` win over `--conf`, which wins over `--properties-file`.

    Raises
    ------
    ValueError
        With what is wrong with an option, what it should be, and what came.
    """
    conf = read_properties(options.properties_file) if options.properties_file else {}
    conf.update(_setting(text) for text in options.conf)
    if options.master is not None:
        conf["spark.master"] = options.master
    conf.setdefault("spark.master", "local[*]")
    parse_master(conf["spark.master"])
    if options.name is not None:
        conf["spark.app.name"] = options.name
    conf.setdefault("spark.app.name", os.path.basename(options.app))
    if options.py_files:
        conf["spark.submit.pyFiles"] = options.py_files
    if options.explain:
        conf["tidemill.explain"] = "true"
    if options.summary:
        conf["tidemill.streaming.summary"] = "true"
    if options.max_batches is not None:
        conf["tidemill.streaming.maxBatches"] = _batches(options.max_batches)
    return conf


def read_properties(path: str) -> dict[str, str]:
    """Return the settings of a properties file: `key value` or `key=value`, `#` for comments.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the properties file {path!r}: {error}") from error
    pairs = [re.split(r"\s*[=:\s]\s*", line, maxsplit=1) for line in lines if _is_setting(line)]
    return {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}


def run_program(path: str) -> int:
    """Run a program as `__main__`; return its exit code.

    An exception that it does not catch is printed as Python prints it, without our frames.
    """
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = _own_frames(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the program's first frame on."""
    while frames is not None and frames.tb_frame.f_globals.get("__name__") in ("runpy", __name__):
        frames = frames.tb_next
    return frames


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"--conf should be key=value, but it is {text!r}")
    return key.strip(), value


def _is_setting(line: str) -> bool:
    return bool(line) and line[0] not in "#!"


def _batches(text: str) -> str:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--max-batches should be a whole number from 1, but it is {text!r}")
    return text


def _check_program(path: str) -> None:
    if os.path.isdir(path) and not os.path.exists(os.path.join(path, "__main__.py")):
        raise ValueError(f"{path!r} is a folder; give the path of a Python program")
    if not os.path.exists(path):
        raise ValueError(f"no such program: {path!r} (looked for it from {os.getcwd()})")
    if not os.access(path, os.R_OK):
        raise ValueError(f"the program {path!r} cannot be read: permission denied")


def _check_files(py_files: str) -> None:
    for path in filter(None, py_files.split(",")):
        if not os.path.exists(path):
            raise ValueError(f"--py-files: no such file: {path!r}")


def _note_ignored(options: argparse.Namespace) -> None:
    given = [o for o in DRIVER_ONLY if getattr(options, o[2:].replace("-", "_")) is not None]
    if given:
        print(
            f"tidemill submit: {', '.join(given)}: no effect, everything runs on this machine",
            file=sys.stderr,
        )


def _prepare(options: argparse.Namespace, conf: dict[str, str]) -> None:
    os.environ[SUBMIT_CONF] = json.dumps(conf)
    if options.verbose:
        os.environ.setdefault("TIDEMILL_LOG", "info")
        for key, value in sorted(conf.items()):
            print(f"tidemill submit: {key}={value}", file=sys.stderr)
    # Python puts the folder of the command (or the working folder) in front; a program has its own.
    if sys.path and sys.path[0] in ("", os.getcwd(), os.path.dirname(sys.argv[0])):
        del sys.path[0]
    sys.argv = [options.app, *options.arguments]
    sys.path[:0] = [os.path.dirname(os.path.abspath(options.app)), *_py_path(options.py_files)]
    compat.install(position=1)


def _py_path(py_files: str) -> list[str]:
    paths = [os.path.abspath(path) for path in py_files.split(",") if path]
    return [os.path.dirname(path) if path.endswith(".py") else path for path in paths]
