"""Prints the tree of ``quadrant.py``'s function, as the compiler's back end gets it, as JSON.

Runs in Tidemill's environment; the output is what ``quadrant_instructions`` reads. Started by
``bench/scenarios/instructions.py``.
"""

from functools import partial

import tidemill.compat
from tidemill import ops
from tidemill.compiler.chain import plan

tidemill.compat.install()

from quadrant import get_quadrant  # noqa: E402  (it imports pyspark, which is Tidemill from here on)

if __name__ == "__main__":
    print(plan([partial(ops.map_records, get_quadrant)], False, False)["plan"])
