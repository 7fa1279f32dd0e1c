"""Runs the chains of a module on lines of text in one mode of the compiler; says what happened.

Started twice by `pair.Pair`, with compile=off and with compile=auto. A request is one line of JSON,
``[module file, name, text file or folder]``; the answer is one line of JSON. Workers print to
standard error, which `pair` reads.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import struct
import sys

from tidemill import SparkConf, SparkContext
from tidemill.errors import JobError
from tidemill.resultiterable import ResultIterable

# The engine tells of a limited number of functions.
FUNCTIONS_PER_CONTEXT = 150
# Bytes of memory: functions that are made up may want any.
MOST_MEMORY = 6 << 30


def spelled(value):
    """Spell a value so that two spellings are equal only if the values are, types and bits too."""
    kind = type(value)
    if kind is float and value != value:
        # The sign of what comes of two nans depends on how CPython was compiled.
        return "float(nan)"
    if kind is float:
        return f"float({struct.pack('>d', value).hex()} {value!r})"
    if kind is ResultIterable:
        return f"iterable[{', '.join(map(spelled, value))}]"
    if kind in (tuple, list):
        return f"{kind.__name__}[{', '.join(map(spelled, value))}]"
    if kind in (set, frozenset):
        return f"{kind.__name__}[{', '.join(sorted(map(spelled, value)))}]"
    if kind is dict:
        return f"dict[{', '.join(map(spelled, value.items()))}]"
    return f"{kind.__name__}({value!a})"


def load(path):
    """Run a module file; nobody can import it, so its functions are pickled by value."""
    spec = importlib.util.spec_from_file_location("cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(sc, module, name, text):
    """Run one chain; a function that takes a line is the chain that maps it.

    One whose name begins with ``items`` gives the items of what it returns.
    """
    function = getattr(module, name)
    code = function.__code__
    lines = sc.textFile(text)
    try:
        apply = lines.flatMap if name.startswith("items") else lines.map
        chain = function(lines) if code.co_varnames[:1] == ("lines",) else apply(function)
        return {"value": [spelled(part) for part in chain.glom().collect()]}
    except JobError as error:
        keys = ["type", "message", "record", "partition", "traceback"]
        if "UnboundLocalError" in str(error):
            # CPython 3.11 places it elsewhere once it has run the function a few times.
            keys.remove("traceback")
        return {"error": {key: error.details.get(key, str(error)) for key in keys}}


def pickle_results(_):
    """In a worker: give back pickles, where columns would do."""
    from tidemill import serializers

    serializers._columns_of = lambda records: None


def main(mode):
    """Answer requests until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    modules, asked, sc = {}, set(), None
    for line in sys.stdin:
        path, name, text = json.loads(line)
        asked.add((path, name))
        if sc is None or len(asked) > FUNCTIONS_PER_CONTEXT:
            modules.clear()
            asked = {(path, name)}
            if sc is not None:
                sc.stop()
            conf = SparkConf().setMaster("local[1]").setAppName("exact")
            conf.set("tidemill.python.compile", mode).set("spark.task.maxFailures", "1")
            sc = SparkContext(conf=conf)
            if mode == "off":
                sc.parallelize([0], 1).foreach(pickle_results)
        if path not in modules:
            modules[path] = load(path)
        known = len(sc._engine.compile_report)
        answer = run(sc, modules[path], name, text)
        print(json.dumps([answer, sc._engine.compile_report[known:]]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
