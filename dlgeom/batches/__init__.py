"""Columns of a collection: arrays for all annotations at once, and the way back."""

from __future__ import annotations

from dlgeom.batches.build import from_arrays
from dlgeom.batches.columns import Columns
from dlgeom.batches.rows import rows_of

__all__ = ["Columns", "from_arrays", "rows_of"]
