"""Outlines of any kind: parts of rings that cross, touch, repeat, nest and have no extent."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

__all__ = ["any_outlines", "filled", "shapely_of", "small_rings", "some", "valid_outlines"]

Ring = NDArray[np.float64]

some = settings(max_examples=min(100, settings.default.max_examples))
"""For laws whose single example takes milliseconds."""


@st.composite
def small_rings(draw: st.DrawFn, *, side: int = 5, max_points: int = 8, step: bool = True) -> Ring:
    """Draw a ring (n, 2) on a coarse grid, where all kinds of touching come up, or off it."""
    whole = st.integers(0, side).map(float)
    # Finer steps are for tests without an oracle: shapely itself fails on much finer ones.
    fine = st.integers(0, side << 8).map(lambda v: v / 256) if step else st.floats(0, side)
    value = whole if draw(st.booleans()) else fine | whole
    points = draw(st.lists(st.tuples(value, value), min_size=3, max_size=max_points))
    if draw(st.integers(0, 3)) == 0:
        points.insert(draw(st.integers(0, len(points) - 1)), points[-1])
    ring = np.array(points)
    # Closed by itself: a last vertex equal to the first would be left out by `Polygon`.
    while len(ring) > 3 and (ring[0] == ring[-1]).all():
        ring = ring[:-1]
    if (ring[0] == ring[-1]).all():
        ring = ring + np.array([[0, 0], [0, 0], [1, 0]])
    return ring


@st.composite
def any_outlines(
    draw: st.DrawFn,
    *,
    max_parts: int = 2,
    max_rings: int = 3,
    max_points: int = 8,
    step: bool = True,
) -> list[list[Ring]]:
    """Draw parts of rings, valid or not."""
    ring = small_rings(max_points=max_points, step=step)
    part = st.lists(ring, min_size=1, max_size=max_rings)
    return draw(st.lists(part, min_size=1, max_size=max_parts))


def shapely_of(parts: list[list[Ring]]) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in parts])


def filled(parts: list[list[Ring]]) -> Any:
    """Return what parts cover, as a shapely shape: OR over parts of XOR over rings.

    A ring is the XOR of the triangles of its first vertex with each edge, which is even-odd.
    """

    def ring(points: Ring) -> Any:
        fan = [shapely.Polygon([points[0], a, b]) for a, b in pairwise(points[1:])]
        return reduce(
            shapely.symmetric_difference, [t for t in fan if t.area > 0], shapely.Polygon()
        )

    # Not union_all: that of GEOS 3.14 has been seen to lose pieces of the second part.
    return reduce(
        shapely.union, [reduce(shapely.symmetric_difference, map(ring, p)) for p in parts]
    )


@st.composite
def valid_outlines(draw: st.DrawFn, *, max_points: int = 8) -> list[list[Ring]]:
    """Draw valid parts of rings, with holes, islands and touching vertices, and some area."""
    from dlgeom.geometry import regions

    parts = draw(any_outlines(max_points=max_points))
    found = regions.parts_of(regions.region(parts))
    return found if found else [[np.array([[0.0, 0], [4, 0], [4, 3]])]]
