"""`SparkFiles`: where files given to `SparkContext.addFile` are found, on the driver and in tasks.

The root directory travels in front of each payload (see `serializers`); `SparkContext` makes and
removes it.
"""

from __future__ import annotations

import os

from tidemill import serializers


class SparkFiles:
    """Resolve paths of files added through `SparkContext.addFile`.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "test.txt")
    ...     with open(path, "w") as file:
    ...         _ = file.write("100")
    ...     sc.addFile(path)
    >>> def scaled(x):
    ...     with open(SparkFiles.get("test.txt")) as file:
    ...         return x * int(file.read())
    >>> sc.parallelize([1, 2]).map(scaled).collect()
    [100, 200]
    """

    @classmethod
    def get(cls, filename: str) -> str:
        """Return the absolute path of an added file.

        Examples
        --------
        >>> SparkFiles.get("a.txt").endswith("a.txt")
        True
        """
        return os.path.abspath(os.path.join(cls.getRootDirectory(), filename))

    @classmethod
    def getRootDirectory(cls) -> str:
        """Return the directory that holds the added files.

        Examples
        --------
        >>> isinstance(SparkFiles.getRootDirectory(), str)
        True
        """
        return serializers.files_root
