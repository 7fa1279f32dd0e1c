"""Every example in a docstring of the package runs, and every public item has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import tidemill

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# The alias package is found under another name, the command would run, daemon and worker read
# their sockets.
LEFT_OUT = ("tidemill.compat.path", "tidemill.__main__", "tidemill.daemon", "tidemill.worker")


def modules():
    """Return the names of all modules of the package."""
    names = [info.name for info in pkgutil.walk_packages(tidemill.__path__, "tidemill.")]
    return ["tidemill", *[name for name in names if not name.startswith(LEFT_OUT)]]


@pytest.fixture
def names(sc):
    """What examples may use without importing it."""
    from tidemill import SparkConf, SparkContext, StorageLevel, streaming

    public = {name: getattr(streaming, name) for name in streaming.__all__}
    return {
        **public,
        "sc": sc,
        "SparkConf": SparkConf,
        "SparkContext": SparkContext,
        "StorageLevel": StorageLevel,
    }


@pytest.mark.parametrize("name", modules())
def test_examples_run(name, names):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    report = []
    for test in doctest.DocTestFinder().find(module, name, extraglobs=names):
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


def public_items():
    """Yield (name, object) of the public classes and functions, and of the classes' methods."""
    for module in (tidemill, importlib.import_module("tidemill.streaming")):
        for name in module.__all__:
            item = getattr(module, name)
            if not (inspect.isclass(item) or inspect.isfunction(item)):
                continue
            yield f"{module.__name__}.{name}", item
            if inspect.isclass(item) and not issubclass(item, BaseException):
                for method, value in vars(item).items():
                    if not method.startswith("_"):
                        yield f"{module.__name__}.{name}.{method}", value


@pytest.mark.parametrize(("name", "item"), list(public_items()))
def test_public_items_have_an_example(name, item):
    if isinstance(item, (staticmethod, classmethod)):
        item = item.__func__
    if not (callable(item) or isinstance(item, property)):
        return
    text = inspect.getdoc(item) or ""
    assert text, f"{name} has no docstring"
    assert ">>>" in text, f"{name} has no example"
