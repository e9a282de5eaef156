"""For tests: Hypothesis strategies, and assertions whose messages can be read.

The assertions need nothing but dlgeom. `dlgeom.testing.strategies` needs Hypothesis, which the
extra ``dlgeom[testing]`` brings; it is loaded when it is first used.

Examples
--------
>>> from dlgeom.testing import assert_masks_equal
>>> assert_masks_equal([[0, 1]], [[0, 1]])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlgeom.testing.assertions import assert_geometry_close, assert_same_annotations
from dlgeom.testing.masks import assert_masks_equal
from dlgeom.testing.round_trip import assert_round_trip

if TYPE_CHECKING:
    from dlgeom.testing import strategies

__all__ = [
    "assert_geometry_close",
    "assert_masks_equal",
    "assert_round_trip",
    "assert_same_annotations",
    "strategies",
]


def __getattr__(name: str) -> Any:
    if name != "strategies":
        raise AttributeError(f"module 'dlgeom.testing' has no attribute {name!r}")
    return import_module("dlgeom.testing.strategies")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
