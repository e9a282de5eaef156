"""Choosing items and annotations: `Filters` as the documents have them, and expressions.

Both are the same tree of conditions (`dlgeom.filters.tree`), evaluated on the columns of a chunk
(`dlgeom.filters.evaluate`).
"""

from dlgeom.filters.filters import (
    Filters,
    FiltersKnownFields,
    FiltersMethod,
    FiltersOperations,
    FiltersOrderByDirection,
    FiltersResource,
)
from dlgeom.filters.parser import parse
from dlgeom.filters.tree import Node

__all__ = [
    "Filters",
    "FiltersKnownFields",
    "FiltersMethod",
    "FiltersOperations",
    "FiltersOrderByDirection",
    "FiltersResource",
    "Node",
    "parse",
]
