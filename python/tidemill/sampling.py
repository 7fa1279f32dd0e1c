"""The random choices of sample, randomSplit, sampleByKey and takeSample.

The sequence of random numbers is PySpark's (seed xor partition, ten draws thrown away), so that a
seed picks the same records. `Uniform`, `Poisson`, ... are operators `(index, records)`, imported by
a worker only when a job samples.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from typing import Any


def generator(seed: int, index: int) -> random.Random:
    """Return the random generator of a partition.

    Examples
    --------
    >>> generator(7, 0).random() == generator(7, 0).random()
    True
    """
    rand = random.Random(seed ^ index)
    for _ in range(10):  # mixing, because the initial seeds are close to each other
        rand.randint(0, 1)
    return rand


def poisson(rand: random.Random, mean: float) -> int:
    """Draw from the Poisson distribution (Knuth's algorithm)."""
    k = 0
    if mean < 20.0:
        limit, p = math.exp(-mean), rand.random()
        while p > limit:
            k += 1
            p *= rand.random()
    else:
        p = rand.expovariate(mean)
        while p < 1.0:
            k += 1
            p += rand.expovariate(mean)
    return k


def between(
    low: float, high: float, seed: int, index: int, records: Iterable[Any]
) -> Iterator[Any]:
    """Yield the records whose random number is in [low, high)."""
    draw = generator(seed, index).random
    for record in records:
        if low <= draw() < high:
            yield record


def repeated(fraction: float, seed: int, index: int, records: Iterable[Any]) -> Iterator[Any]:
    """Yield each record a random number of times, `fraction` times on average."""
    rand = generator(seed, index)
    for record in records:
        for _ in range(poisson(rand, fraction)):
            yield record


def by_key(
    replace: bool, fractions: dict[Any, float], seed: int, index: int, records: Iterable[Any]
) -> Iterator[Any]:
    """Yield a sample of the pairs, each key by its own fraction."""
    rand = generator(seed, index)
    for record in records:
        key, _ = record
        if replace:
            times = poisson(rand, fractions[key])
        else:
            times = int(rand.random() < fractions[key])
        for _ in range(times):
            yield record


def fraction_for(num: int, total: int, replace: bool) -> float:
    """Return the fraction that yields at least `num` of `total` records in 99.99 % of cases."""
    fraction = float(num) / total
    if replace:
        deviations = 9 if num < 12 else 5
        return fraction + deviations * math.sqrt(fraction / total)
    gamma = -math.log(0.00005) / total
    return min(1.0, fraction + gamma + math.sqrt(gamma * gamma + 2 * gamma * fraction))
