"""Operations on whole data sets: compare, split, merge, filter, relabel, validate.

They stand on the pipeline of the converters: readers, writers, selections and reports are the same.
"""

from __future__ import annotations

from dlgeom.operations.choosing import filter_dataset, relabel
from dlgeom.operations.comparing import diff
from dlgeom.operations.merging import merge
from dlgeom.operations.result import DataSetDiff, Difference
from dlgeom.operations.splitting import Split, split
from dlgeom.operations.validating import Validation, validate

__all__ = [
    "DataSetDiff",
    "Difference",
    "Split",
    "Validation",
    "diff",
    "filter_dataset",
    "merge",
    "relabel",
    "split",
    "validate",
]
