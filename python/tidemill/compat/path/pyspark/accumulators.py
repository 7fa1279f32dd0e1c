"""PySpark's module name for `tidemill.accumulators`."""

from tidemill.accumulators import Accumulator, AccumulatorParam

__all__ = ["Accumulator", "AccumulatorParam"]
