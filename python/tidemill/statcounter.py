"""`StatCounter`: count, mean, variance, extremes of numbers in one pass, mergeable across
partitions.

Welford's update and the pairwise merge, as PySpark has them. Called by `RDD.stats` in workers and
on the driver.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any


class StatCounter:
    """Running statistics of numbers.

    Parameters
    ----------
    values : iterable of float, optional

    Examples
    --------
    >>> StatCounter([1, 2, 3])
    (count: 3, mean: 2.0, stdev: 0.816496580927726, max: 3, min: 1)
    """

    def __init__(self, values: Iterable[Any] | None = None):
        self._set(*summary(values or ())[0])

    @classmethod
    def of(cls, n: int, mu: float, m2: float, greatest: Any, least: Any) -> StatCounter:
        """Return the counter that has seen what `summary` tells of.

        Examples
        --------
        >>> StatCounter.of(2, 1.5, 0.5, 2, 1)
        (count: 2, mean: 1.5, stdev: 0.5, max: 2, min: 1)
        """
        made = cls()
        made._set(n, mu, m2, greatest, least)
        return made

    def _set(self, n: int, mu: float, m2: float, greatest: Any, least: Any) -> None:
        self.n, self.mu, self.m2 = n, mu, m2
        self.maxValue = -math.inf if greatest is None else greatest
        self.minValue = math.inf if least is None else least

    def merge(self, value: Any) -> StatCounter:
        """Take one more number in.

        Examples
        --------
        >>> StatCounter([1]).merge(3).mean()
        2.0
        """
        delta = value - self.mu
        self.n += 1
        self.mu += delta / self.n
        self.m2 += delta * (value - self.mu)
        self.maxValue = max(self.maxValue, value)
        self.minValue = min(self.minValue, value)
        return self

    def mergeStats(self, other: StatCounter) -> StatCounter:
        """Take all that another counter has seen in.

        Examples
        --------
        >>> StatCounter([1]).mergeStats(StatCounter([2, 3])).count()
        3
        """
        if not isinstance(other, StatCounter):
            raise TypeError(f"Can only merge StatCounter but got {type(other)}")
        if other is self:
            other = self.copy()
        if self.n == 0:
            self.__dict__.update(other.__dict__)
        elif other.n != 0:
            self._merge_means(other)
            self.m2 += other.m2
            self.n += other.n
            self.maxValue = max(self.maxValue, other.maxValue)
            self.minValue = min(self.minValue, other.minValue)
        return self

    def _merge_means(self, other: StatCounter) -> None:
        delta, total = other.mu - self.mu, self.n + other.n
        self.m2 += delta * delta * self.n * other.n / total
        if other.n * 10 < self.n:
            self.mu += delta * other.n / total
        elif self.n * 10 < other.n:
            self.mu = other.mu - delta * self.n / total
        else:
            self.mu = (self.mu * self.n + other.mu * other.n) / total

    def copy(self) -> StatCounter:
        """Return a copy."""
        return copy.deepcopy(self)

    def count(self) -> int:
        """Return how many numbers were seen."""
        return int(self.n)

    def mean(self) -> float:
        """Return the mean; 0.0 of nothing."""
        return self.mu

    def sum(self) -> float:
        """Return the sum."""
        return self.n * self.mu

    def min(self) -> Any:
        """Return the least number."""
        return self.minValue

    def max(self) -> Any:
        """Return the greatest number."""
        return self.maxValue

    def variance(self) -> float:
        """Return the population variance."""
        return self.m2 / self.n if self.n else math.nan

    def sampleVariance(self) -> float:
        """Return the sample variance, divided by N-1."""
        return self.m2 / (self.n - 1) if self.n > 1 else math.nan

    def stdev(self) -> float:
        """Return the population standard deviation."""
        return math.sqrt(self.variance())

    def sampleStdev(self) -> float:
        """Return the sample standard deviation."""
        return math.sqrt(self.sampleVariance())

    def asDict(self, sample: bool = False) -> dict[str, Any]:
        """Return all statistics by name.

        PySpark returns the *sample* deviation for ``sample=False`` and the population's for True;
        programs depend on it, so this does the same.

        Examples
        --------
        >>> StatCounter([1, 2, 3]).asDict()["variance"]
        1.0
        """
        return {
            "count": self.count(),
            "mean": self.mean(),
            "sum": self.sum(),
            "min": self.min(),
            "max": self.max(),
            "stdev": self.stdev() if sample else self.sampleStdev(),
            "variance": self.variance() if sample else self.sampleVariance(),
        }

    def __repr__(self) -> str:
        return (
            f"(count: {self.count()}, mean: {self.mean()}, stdev: {self.stdev()}, "
            f"max: {self.max()}, min: {self.min()})"
        )


def summary(values: Iterable[Any]) -> list[tuple[int, float, float, Any, Any]]:
    """Return, as the one item of a list, what `StatCounter` would hold of the values.

    Returns
    -------
    list of tuple
        Their number, mean and sum of squared differences from it, the greatest and the least. The
        last two are None where none is beyond the infinities that a counter begins with.

    Examples
    --------
    >>> summary([1, 2])
    [(2, 1.5, 0.5, 2, 1)]
    """
    n, mu, m2, greatest, least = 0, 0.0, 0.0, None, None
    for value in values:
        delta = value - mu
        n += 1
        mu += delta / n
        m2 += delta * (value - mu)
        if greatest is None:
            if value > -math.inf:
                greatest = value
        elif value > greatest:
            greatest = value
        if least is None:
            if value < math.inf:
                least = value
        elif value < least:
            least = value
    return [(n, mu, m2, greatest, least)]
