"""Strategies for sizes, coordinates and angles."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from hypothesis import strategies as st

from dlgeom.errors import UsageError

__all__ = ["angles", "coordinates", "image_shapes", "image_sizes", "on_grid", "steps"]

LOW, HIGH = -20.0, 44.0
"""Where shapes lie that need not lie in an image: around one of 24 x 24 pixels."""


@cache
def image_shapes(max_side: int = 24) -> st.SearchStrategy[tuple[int, int]]:
    """Draw (height, width) of an array, sides of 1 included."""
    side = st.integers(1, max_side)
    return st.tuples(side, side)


def image_sizes(max_side: int = 24) -> st.SearchStrategy[tuple[int, int]]:
    """Draw (width, height) of an image, sides of 1 included."""
    return image_shapes(max_side)


def steps(grid: float) -> tuple[int, int]:
    """Return (a, b) so that multiple k of a grid is ``k * a / b``, rounded once.

    Raises
    ------
    UsageError
        If the grid is neither a whole number nor one part of a whole one.
    """
    if isinstance(grid, int | float) and grid > 0 and math.isfinite(grid):
        if grid >= 1 and float(grid).is_integer():
            return int(grid), 1
        parts = round(1 / grid)
        if grid < 1 and 1 / parts == grid:
            return 1, parts
    raise UsageError(
        f"grid is {grid!r}; it is a whole number of pixels, or a pixel divided by one, such as "
        "1, 0.5 or 0.1. None is any number"
    )


@cache
def on_grid(low: float, high: float, grid: float) -> st.SearchStrategy[float]:
    """Draw multiples of a grid in [low, high], near 0 first.

    Raises
    ------
    UsageError
        If there is none.
    """
    a, b = steps(grid)
    first, last = math.ceil(low * b / a), math.floor(high * b / a)
    if first > last:
        raise UsageError(f"no multiple of {grid} lies in [{low}, {high}]; take a finer grid")
    return st.integers(first, last).map(lambda k: k * a / b)


@cache
def coordinates(
    low: float = LOW, high: float = HIGH, *, grid: float | None = None
) -> st.SearchStrategy[float]:
    """Draw coordinates in pixels: whole, half and tenth pixels and any float between.

    Parameters
    ----------
    low, high : float
        Range, both ends included.
    grid : float, optional
        Only multiples of it: 1 for whole pixels, 0.5, 0.1...
    """
    if grid is not None:
        return on_grid(low, high, grid)
    kinds = [
        on_grid(low, high, step)
        for step in (1, 0.5, 0.1)
        if math.ceil(low / step) <= math.floor(high / step)
    ]
    return st.one_of(*kinds, st.floats(low, high, allow_nan=False, width=64))


@cache
def angles(turns: float = 1.0) -> st.SearchStrategy[float]:
    """Draw degrees within some turns either way: multiples of 45 and any float between."""
    most = 360.0 * turns
    return st.one_of(
        st.integers(-8, 8).map(lambda k: k * 45.0),
        st.floats(-most, most, allow_nan=False),
    )


@cache
def sides(low: float = 0.05, high: float = 30.0) -> st.SearchStrategy[Any]:
    """Draw lengths: whole ones first, and any float between."""
    return st.one_of(st.integers(1, int(high)).map(float), st.floats(low, high, allow_nan=False))
