"""Hypothesis strategies for masks, rings, outlines with holes and boxes.

Everything is drawn as small numbers and shrinks to small shapes. Degenerate cases (empty, full,
one pixel wide, touching corners, holes, points outside of the image) come up on purpose.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

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


def image_shapes(max_side: int = 24) -> st.SearchStrategy[tuple[int, int]]:
    """Draw (height, width), sides of 1 included."""
    side = st.integers(1, max_side)
    return st.tuples(side, side)


@st.composite
def _noise(draw: st.DrawFn, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Salt and pepper: dense, sparse or even."""
    size = shape[0] * shape[1]

    def bits() -> NDArray[np.bool_]:
        length = -(-size // 8)
        data = np.frombuffer(draw(st.binary(min_size=length, max_size=length)), dtype=np.uint8)
        return np.unpackbits(data)[:size].astype(bool).reshape(shape)

    mix = draw(st.sampled_from(["even", "sparse", "dense"]))
    if mix == "sparse":
        return bits() & bits()
    if mix == "dense":
        return bits() | bits()
    return bits()


@st.composite
def _blocks(draw: st.DrawFn, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """XOR of a few rectangles: holes, islands in holes, touching corners, thin lines."""
    mask = np.zeros(shape, dtype=bool)
    for _ in range(draw(st.integers(1, 6))):
        top, left = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        bottom = draw(st.integers(top + 1, shape[0]))
        right = draw(st.integers(left + 1, shape[1]))
        mask[top:bottom, left:right] ^= True
    return mask


@st.composite
def _lines(draw: st.DrawFn, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """One-pixel-wide rows, columns and diagonals."""
    mask = np.zeros(shape, dtype=bool)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["row", "column", "down", "up"]))
        if kind == "row":
            mask[draw(st.integers(0, shape[0] - 1))] = True
        elif kind == "column":
            mask[:, draw(st.integers(0, shape[1] - 1))] = True
        else:
            steps = np.arange(min(shape))
            rows = steps if kind == "down" else shape[0] - 1 - steps
            mask[rows, steps] = True
    return mask


def _frames(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Nested frames: a hole with an island with a hole, as deep as the size allows."""
    rows, columns = np.indices(shape)
    depth = np.minimum(
        np.minimum(rows, shape[0] - 1 - rows), np.minimum(columns, shape[1] - 1 - columns)
    )
    return np.asarray(depth % 2 == 0)


def _checker(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels that touch at corners only."""
    return np.asarray(np.indices(shape).sum(axis=0) % 2 == 0)


@st.composite
def masks(
    draw: st.DrawFn,
    max_side: int = 24,
    *,
    shape: tuple[int, int] | None = None,
    allow_empty: bool = True,
) -> NDArray[np.bool_]:
    """Draw a bool mask of shape (H, W)."""
    size = shape if shape is not None else draw(image_shapes(max_side))
    kinds = ["blocks", "noise", "lines", "frames", "checker", "full", "pixel"]
    kind = draw(st.sampled_from(["empty", *kinds] if allow_empty else kinds))
    if kind == "noise":
        mask = draw(_noise(size))
    elif kind == "blocks":
        mask = draw(_blocks(size))
    elif kind == "lines":
        mask = draw(_lines(size))
    elif kind == "frames":
        mask = _frames(size)
    elif kind == "checker":
        mask = _checker(size)
    elif kind == "full":
        mask = np.ones(size, dtype=bool)
    else:
        mask = np.zeros(size, dtype=bool)
        if kind == "pixel":
            mask[draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))] = True
    if not allow_empty and not mask.any():
        mask[draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))] = True
    return mask


@st.composite
def mask_pairs(draw: st.DrawFn, max_side: int = 24) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw two masks of one shape."""
    shape = draw(image_shapes(max_side))
    return draw(masks(shape=shape)), draw(masks(shape=shape))


@st.composite
def counts_lists(draw: st.DrawFn, max_side: int = 24) -> tuple[list[int], tuple[int, int]]:
    """Draw legal run lengths, zero runs inside included, and their (height, width)."""
    height, width = draw(image_shapes(max_side))
    size = height * width
    cuts = sorted(draw(st.lists(st.integers(0, size), max_size=12)))
    return np.diff([0, *cuts, size]).tolist(), (height, width)


def coordinates(low: float = -20.0, high: float = 44.0) -> st.SearchStrategy[float]:
    """Draw whole, half, fifth and tenth pixels and any float between."""
    first, last = int(np.ceil(low)), int(np.floor(high))
    whole = st.integers(first, last).map(float)
    return st.one_of(
        whole,
        st.integers(first * 2, last * 2).map(lambda v: v / 2),
        st.integers(first * 10, last * 10).map(lambda v: v / 10),
        st.floats(low, high, allow_nan=False, width=64),
    )


@st.composite
def rings(
    draw: st.DrawFn,
    low: float = -20.0,
    high: float = 44.0,
    *,
    min_points: int = 3,
    max_points: int = 12,
) -> NDArray[np.float64]:
    """Draw any ring (n, 2): may cross itself, leave the image, repeat points or be flat."""
    values = coordinates(low, high)
    points = draw(st.lists(st.tuples(values, values), min_size=min_points, max_size=max_points))
    if draw(st.booleans()):
        where = draw(st.integers(0, len(points) - 1))
        points.insert(where, points[where])
    if draw(st.booleans()):
        points.append(points[0])
    return np.array(points, dtype=np.float64)


@st.composite
def simple_rings(
    draw: st.DrawFn,
    *,
    center: tuple[float, float] = (12.0, 12.0),
    radius: float = 12.0,
    max_points: int = 12,
) -> NDArray[np.float64]:
    """Draw a ring (n, 2) that is star-shaped about `center`: simple, with area, either winding."""
    count = draw(st.integers(3, max_points))
    # No gap between neighbouring angles reaches 180 degrees, so the centre stays inside.
    turn = draw(st.integers(0, 359))
    angles = np.deg2rad(turn + np.arange(count) * (360.0 / count))
    reach = st.floats(0.3 * radius, radius, allow_nan=False)
    radii = np.array(draw(st.lists(reach, min_size=count, max_size=count)))
    ring = np.column_stack((np.cos(angles), np.sin(angles))) * radii[:, None] + center
    return np.ascontiguousarray(ring[::-1]) if draw(st.booleans()) else ring


@st.composite
def polygons(
    draw: st.DrawFn, *, max_parts: int = 3, cell: float = 24.0, holes: bool = True
) -> list[list[NDArray[np.float64]]]:
    """Draw parts [exterior, hole, ...] that do not touch: valid shapely multipolygons.

    Parts lie in cells of `cell` pixels side by side, all within [0, 4 * cell). A hole is its
    exterior drawn smaller about its centre; an island in that hole comes as one more part.
    """
    count = draw(st.integers(1, max_parts))
    cells = draw(st.permutations(range(max(4, max_parts))))[:count]
    parts: list[list[NDArray[np.float64]]] = []
    for place in cells:
        center = np.array([place * cell + cell / 2, cell / 2])
        exterior = draw(
            simple_rings(center=(center[0], center[1]), radius=0.45 * cell, max_points=8)
        )
        part = [exterior]
        parts.append(part)
        if holes and draw(st.booleans()):
            part.append((exterior - center) * draw(st.sampled_from([0.25, 0.5, 0.75])) + center)
            if draw(st.booleans()):
                parts.append([(exterior - center) * 0.125 + center])
    return parts


@st.composite
def boxes(
    draw: st.DrawFn, *, low: float = -20.0, high: float = 44.0, max_rows: int = 5
) -> NDArray[np.float64]:
    """Draw boxes left, top, right, bottom of shape (N, 4), N >= 1; thin and flat ones included."""
    values = coordinates(low, high)
    rows = draw(st.lists(st.tuples(values, values, values, values), min_size=1, max_size=max_rows))
    array = np.array(rows, dtype=np.float64)
    return np.hstack(
        (np.minimum(array[:, :2], array[:, 2:]), np.maximum(array[:, :2], array[:, 2:]))
    )


@st.composite
def rotated_boxes(draw: st.DrawFn, *, max_rows: int = 5) -> NDArray[np.float64]:
    """Draw rotated boxes (cx, cy, w, h, angle in degrees) of shape (N, 5), sizes > 0."""
    middle = coordinates(-20.0, 44.0)
    side = st.one_of(st.integers(1, 30).map(float), st.floats(0.05, 30.0, allow_nan=False))
    angle = st.one_of(
        st.integers(-8, 8).map(lambda n: n * 45.0),
        st.floats(-360.0, 360.0, allow_nan=False),
    )
    rows = draw(
        st.lists(st.tuples(middle, middle, side, side, angle), min_size=1, max_size=max_rows)
    )
    return np.array(rows, dtype=np.float64)


@st.composite
def lines(draw: st.DrawFn, *, max_points: int = 6) -> NDArray[np.float64]:
    """Draw an open line (n, 2), n >= 2: may cross itself, close, stand still or go back."""
    values = coordinates()
    points = draw(st.lists(st.tuples(values, values), min_size=2, max_size=max_points))
    how = draw(st.sampled_from(["", "repeat", "close", "still", "back"]))
    if how == "repeat":
        points.append(points[-1])
    elif how == "close":
        points.append(points[0])
    elif how == "still":
        points = points[:1] * 2
    elif how == "back":
        points += points[::-1]
    return np.array(points, dtype=np.float64)


@st.composite
def ellipses(draw: st.DrawFn, *, max_rows: int = 5, flat: bool = True) -> NDArray[np.float64]:
    """Draw ellipses (x, y, rx, ry, angle in degrees) of shape (N, 5), N >= 1.

    Circles, slivers and, if `flat`, ellipses without area included.
    """
    middle = coordinates(-20.0, 44.0)
    low = 0.0 if flat else 0.05
    axis = st.one_of(st.integers(1, 30).map(float), st.floats(low, 60.0, allow_nan=False))
    if flat:
        axis = st.just(0.0) | axis
    angle = st.one_of(
        st.integers(-8, 8).map(lambda n: n * 45.0),
        st.floats(-720.0, 720.0, allow_nan=False),
    )
    rows = draw(
        st.lists(st.tuples(middle, middle, axis, axis, angle), min_size=1, max_size=max_rows)
    )
    return np.array(rows, dtype=np.float64)


@st.composite
def cubes(draw: st.DrawFn) -> NDArray[np.float64]:
    """Draw the corners of a cube in the image, shape (8, 2): any eight points, flat ones too."""
    values = coordinates()
    points = np.array(draw(st.lists(st.tuples(values, values), min_size=8, max_size=8)))
    if draw(st.integers(0, 9)) == 0:
        points[:, 1] = 2 * points[:, 0]  # all on one line, exactly
    return points
