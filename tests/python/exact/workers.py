"""Functions that run in CPython whatever they are, so that a worker makes or takes the records."""


def in_worker(function):
    """Return a function of a partition for `mapPartitionsWithIndex`, which is not compiled."""
    return lambda index, records: function(records)
