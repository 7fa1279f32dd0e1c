"""`SparkConf`: string settings by key, as PySpark has them.

Settings given to ``tidemill submit`` arrive in the environment variable ``TIDEMILL_SUBMIT_CONF``
(JSON) and are the defaults of every new `SparkConf`. Called by user programs and by `SparkContext`.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterable, Mapping

from tidemill.errors import IllegalArgumentError

SUBMIT_CONF = "TIDEMILL_SUBMIT_CONF"
EXPLAIN = "tidemill.explain"
SUMMARY = "tidemill.streaming.summary"
OWN = (
    EXPLAIN,
    SUMMARY,
    "tidemill.python.compile",
    "tidemill.receiver.maxBufferedBytes",
    "tidemill.receiver.maxLineBytes",
    "tidemill.storage.maxBytes",
    "tidemill.streaming.maxBatches",
)
"""The settings that Spark does not have; docs/deployment.md describes them."""


class SparkConf:
    """Configuration of a Tidemill application.

    Parameters
    ----------
    loadDefaults : bool, optional
        Start from the settings that ``tidemill submit`` was given. True by default.

    Examples
    --------
    >>> conf = SparkConf(loadDefaults=False).setMaster("local[2]").setAppName("My app")
    >>> conf.get("spark.master")
    'local[2]'
    >>> print(conf.toDebugString())
    spark.app.name=My app
    spark.master=local[2]
    """

    def __init__(self, loadDefaults: bool = True, _jvm: object = None, _jconf: object = None):
        self._conf: dict[str, str] = _submitted() if loadDefaults else {}

    def set(self, key: str, value: object) -> SparkConf:
        """Set one property; the value is kept as a string.

        Examples
        --------
        >>> SparkConf(False).set("spark.task.maxFailures", 3).get("spark.task.maxFailures")
        '3'
        """
        self._conf[key] = _as_text(value)
        return self

    def setIfMissing(self, key: str, value: object) -> SparkConf:
        """Set a property unless it is set already.

        Examples
        --------
        >>> SparkConf(False).set("a", "1").setIfMissing("a", "2").get("a")
        '1'
        """
        if key not in self._conf:
            self.set(key, value)
        return self

    def setMaster(self, value: str) -> SparkConf:
        """Set the master, such as ``local[2]``.

        Examples
        --------
        >>> SparkConf(False).setMaster("local").get("spark.master")
        'local'
        """
        return self.set("spark.master", value)

    def setAppName(self, value: str) -> SparkConf:
        """Set the name of the application.

        Examples
        --------
        >>> SparkConf(False).setAppName("x").get("spark.app.name")
        'x'
        """
        return self.set("spark.app.name", value)

    def setSparkHome(self, value: str) -> SparkConf:
        """Set Spark's home; kept and not used.

        Examples
        --------
        >>> SparkConf(False).setSparkHome("/path").get("spark.home")
        '/path'
        """
        return self.set("spark.home", value)

    def setExecutorEnv(
        self,
        key: str | None = None,
        value: str | None = None,
        pairs: list[tuple[str, str]] | None = None,
    ) -> SparkConf:
        """Set environment variables of the workers, one or a list of pairs.

        Raises
        ------
        RuntimeError
            When both forms or neither were given.

        Examples
        --------
        >>> SparkConf(False).setExecutorEnv("VAR", "1").get("spark.executorEnv.VAR")
        '1'
        """
        if (key is None) == (pairs is None):
            raise RuntimeError("Either pass one key-value pair or a list of pairs")
        settings = [(key, value)] if pairs is None else pairs
        for name, content in settings:
            self.set(f"spark.executorEnv.{name}", content)
        return self

    def setAll(self, pairs: Iterable[tuple[str, str]]) -> SparkConf:
        """Set several properties.

        Examples
        --------
        >>> SparkConf(False).setAll([("a", "1"), ("b", "2")]).getAll()
        [('a', '1'), ('b', '2')]
        """
        for key, value in pairs:
            self.set(key, value)
        return self

    def get(self, key: str, defaultValue: str | None = None) -> str | None:
        """Return the value of a property, or the default.

        Examples
        --------
        >>> SparkConf(False).get("nothing", "else")
        'else'
        """
        return self._conf.get(key, defaultValue)

    def getAll(self) -> list[tuple[str, str]]:
        """Return all properties as a list of pairs.

        Examples
        --------
        >>> SparkConf(False).getAll()
        []
        """
        return list(self._conf.items())

    def contains(self, key: str) -> bool:
        """Tell whether a property is set.

        Examples
        --------
        >>> SparkConf(False).contains("spark.master")
        False
        """
        return key in self._conf

    def toDebugString(self) -> str:
        """Return the sorted properties, one ``key=value`` a line.

        Examples
        --------
        >>> SparkConf(False).set("b", 1).set("a", True).toDebugString()
        'a=true\\nb=1'
        """
        return "\n".join(f"{key}={value}" for key, value in sorted(self._conf.items()))

    def _copy(self) -> SparkConf:
        clone = SparkConf(loadDefaults=False)
        clone._conf.update(self._conf)
        return clone


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _submitted() -> dict[str, str]:
    text = os.environ.get(SUBMIT_CONF)
    return {key: _as_text(value) for key, value in json.loads(text).items()} if text else {}


def switch(conf: Mapping[str, str], key: str) -> bool:
    """Return whether a setting is on; it is off if it is not there.

    Raises
    ------
    IllegalArgumentError
        If it is neither ``true`` nor ``false``.

    Examples
    --------
    >>> switch({"tidemill.explain": "True"}, "tidemill.explain")
    True
    """
    value = conf.get(key, "false").strip().lower()
    if value not in ("true", "false"):
        raise IllegalArgumentError(f'{key} must be true or false, got "{conf[key]}"')
    return value == "true"


def warn_of_unknown(conf: Mapping[str, str]) -> None:
    """Say on standard error which settings of Tidemill's own there are not: they do nothing.

    Examples
    --------
    >>> warn_of_unknown({"tidemill.explain": "true", "spark.anything": "1"})
    """
    for key in conf:
        if key.startswith("tidemill.") and key not in OWN:
            close = difflib.get_close_matches(key, OWN, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            print(f"tidemill: there is no setting {key}{hint}", file=sys.stderr, flush=True)
