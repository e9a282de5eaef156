"""The ground of `Segmentation`: checks, and new masks made from run lengths.

Its methods are in `mask_algebra`, `mask_grid` and `mask_regions`.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions.base import ArrayDefinition, number
from dlgeom.errors import GeometryError
from dlgeom.limits import DEFAULT_LIMITS

__all__ = ["MaskBase", "mask_shape", "whole_pixels"]

Counts = NDArray[np.uint32]
Shape = tuple[int, int]


def mask_shape(shape: Any, what: str) -> Shape:
    """Return (height, width) as ints > 0.

    Raises
    ------
    GeometryError
        If it is something else.
    LimitError
        If there are more pixels than a mask may have that stays run lengths (`rle_pixels`).
    """
    try:
        height, width = shape
        whole = (int(height), int(width))
        exact = whole == (height, width) and not any(
            isinstance(side, bool | np.bool_) for side in (height, width)
        )
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or min(whole) <= 0:
        raise GeometryError(
            f"{what}: shape is {shape!r}; it is (height, width) in whole pixels, both > 0"
        )
    DEFAULT_LIMITS.check(
        "rle_pixels", whole[0] * whole[1], code="limit.pixels", what=f"{what}: height * width"
    )
    return whole


def whole_pixels(value: Any, what: str) -> int:
    """Return a number of pixels as an int, or raise `GeometryError` if it is not whole."""
    checked = number(value, what)
    if not checked.is_integer():
        raise GeometryError(f"{what} is {value!r}; pixels move by whole numbers. Round it")
    return int(checked)


class MaskBase(ArrayDefinition):
    """What the methods of `Segmentation` build on: it keeps counts, height and width."""

    __slots__ = ()

    _counts: Counts
    _height: int
    _width: int

    def _made(self, counts: Counts, shape: Shape | None = None) -> Self:
        """Return another mask with the same label, attributes and description."""
        height, width = shape or (self._height, self._width)
        return self._with({"_counts": counts, "_height": height, "_width": width})

    def _runs_like(self, other: Any, what: str) -> Counts:
        """Return the counts of another mask, or raise unless it is one of the same shape."""
        if not isinstance(other, MaskBase):
            raise GeometryError(
                f"Segmentation.{what}: the other is a {type(other).__name__}; set operations take "
                "a Segmentation. Convert it with dlgeom.conversions.to_segmentation first"
            )
        mine, theirs = (self._height, self._width), (other._height, other._width)
        if mine != theirs:
            raise GeometryError(
                f"Segmentation.{what}: the masks are {mine[0]} x {mine[1]} and {theirs[0]} x "
                f"{theirs[1]} pixels (height x width); set operations take masks of one image. "
                "Paste, crop or resize one of them first"
            )
        return other._counts

    @property
    def is_empty(self) -> bool:
        """Whether no pixel is set."""
        return not self._counts[1::2].any()
