"""Strategies of `dlgeom.testing` under the short names that our tests of arrays use.

Everything is drawn as small numbers and shrinks to small shapes. Degenerate cases (empty, full,
one pixel wide, touching corners, holes, points outside of the image) come up on purpose. Here
`boxes`, `polygons`... are plain arrays; `dlgeom.testing.strategies` has the definitions.
"""

from __future__ import annotations

from hypothesis import strategies as st

from dlgeom.testing.strategies import (
    box_arrays,
    coordinates,
    counts_lists,
    cube_corners,
    ellipse_arrays,
    image_shapes,
    lines,
    mask_pairs,
    masks,
    outlines,
    rings,
    rotated_box_arrays,
    simple_rings,
)

__all__ = [
    "boxes",
    "coordinates",
    "counts_lists",
    "cubes",
    "ellipses",
    "image_shapes",
    "lines",
    "mask_pairs",
    "masks",
    "polygons",
    "rings",
    "rotated_boxes",
    "simple_rings",
]

boxes = box_arrays
rotated_boxes = rotated_box_arrays
ellipses = ellipse_arrays
cubes = cube_corners


def polygons(
    *, max_parts: int = 3, cell: float = 24.0, holes: bool = True
) -> st.SearchStrategy[list]:
    """Draw parts [exterior, hole, ...] that do not touch; holes may come or never do."""
    return outlines(max_parts=max_parts, cell=cell, holes=None if holes else False)
