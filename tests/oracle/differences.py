"""Where Tidemill means to differ from PySpark: the reason, and what each of the two answers.

`test_oracle.py` asserts both sides, so that neither can change unseen. Keep it short: a difference
needs a reason that a user would agree with.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """Why, and the two answers as text."""

    reason: str
    pyspark: str
    tidemill: str


DIFFERENCES = {
    "case_save_text_checksum_files": Difference(
        "Hadoop's checksum files mean nothing to any reader but Hadoop",
        "['._SUCCESS.crc', '.part-00000.crc']",
        "[]",
    ),
    "case_repartition_of_repartition": Difference(
        "PySpark moves the batches that the first repartition left, full or not; here every "
        "repartition deals out batches of ten, whatever came before it",
        "[[35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 0, 1, 2, 3, 4, 5, 6, 7, 8, "
        "9], [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, "
        "31, 32, 33, 34]]",
        "[[35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 11, 12, 13, "
        "14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 45, 46, 47, 48, 49, 25, 26, 27, 28, 29, 30, "
        "31, 32, 33, 34]]",
    ),
    "stream_failing_transform": Difference(
        "a transform function that raises costs its own outputs the batch; in PySpark the whole "
        "batch is lost for every output, so one more batch is needed for the same number of ticks",
        "({}, [[2], [3], [4]], '', "
        "('Py4JJavaError', [('in fail', True), ('not the first', True)]))",
        "({}, [[2], [3]], '', ('Py4JJavaError', [('in fail', True), ('not the first', True)]))",
    ),
}
