"""Py4J's package name, for Tidemill: there is no Java, only the errors that programs catch.

On the import path only after `tidemill.compat.install()` or in `tidemill submit`.
"""

from tidemill.compat.missing import announce

announce()
