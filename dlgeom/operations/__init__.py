"""Operations on whole data sets: compare, split, merge, filter, relabel, validate.

They stand on the pipeline of the converters: readers, writers, selections and reports are the same.
"""

from __future__ import annotations

from dlgeom.operations.comparing import diff
from dlgeom.operations.result import DataSetDiff, Difference

__all__ = ["DataSetDiff", "Difference", "diff"]
