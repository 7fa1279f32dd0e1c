"""The closed list of reasons why a function, or a statement of it, is not compiled.

Every refusal of the compiler's Python half is an `Unsupported` with one of `REASONS`; what exactly
it met is in the detail. `explain` prints both, with file and line.
"""

from __future__ import annotations

NO_SOURCE = "its source is not at hand"
CHANGED = "its source is not the one that runs"
NOT_A_FUNCTION = "not a plain Python function"
BOUND_METHOD = "a bound method"
GENERATOR = "a generator or a coroutine"
ITERATOR = "an iterator that is not just gone through once"
PARAMETERS = "parameters that do not fit the call"
RECURSION = "recursion"
NO_VALUE = "a name without a value"
CAPTURED = "a captured value of another type"
CHANGEABLE = "a captured value that may change"
EXCEPTION = "an exception class or variable"
CONSTANT = "a constant out of range"
ARGUMENTS = "keyword or star arguments"
CALL = "a call of something unknown"
IMPORT = "an import"
SIDE_EFFECT = "a side effect"
EXPRESSION = "an expression of another kind"
STATEMENT = "a statement of another kind"
PATTERN = "a regular expression of another kind"
TOO_LARGE = "too large"
INTERNAL = "not understood"
WHOLE_PARTITIONS = "it takes whole partitions"
RESULT_ITERABLES = "it gives ResultIterables"
PARTITIONER = "a function that chooses the partition"
OPERATOR = "an operator that is not compiled"

REASONS = (
    NO_SOURCE,
    CHANGED,
    NOT_A_FUNCTION,
    BOUND_METHOD,
    GENERATOR,
    ITERATOR,
    PARAMETERS,
    RECURSION,
    NO_VALUE,
    CAPTURED,
    CHANGEABLE,
    EXCEPTION,
    CONSTANT,
    ARGUMENTS,
    CALL,
    IMPORT,
    SIDE_EFFECT,
    EXPRESSION,
    STATEMENT,
    PATTERN,
    TOO_LARGE,
    INTERNAL,
    WHOLE_PARTITIONS,
    RESULT_ITERABLES,
    PARTITIONER,
    OPERATOR,
)


class Unsupported(Exception):
    """Something that the tree cannot say exactly: a reason of `REASONS`, a detail, a place."""

    def __init__(self, reason: str, detail: str = "", line: int | None = None):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.file: str | None = None
        self.line = line

    def at(self, file: str | None, line: int) -> Unsupported:
        """Say where it was met, unless that is known already; the innermost place counts."""
        if self.file is None:
            self.file = file
            self.line = line if self.line is None else self.line
        return self
