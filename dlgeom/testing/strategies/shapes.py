"""Strategies for definitions that draw something."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from hypothesis import strategies as st

from dlgeom.definitions import (
    Box,
    Cube,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import UsageError
from dlgeom.geometry import ellipses as ellipse_arrays
from dlgeom.geometry import rle, rotated
from dlgeom.testing.strategies import numbers, values
from dlgeom.testing.strategies.knobs import Knobs, Rest, Space, fits, rests_of, spaces_of
from dlgeom.testing.strategies.pixels import huge_runs, masks
from dlgeom.testing.strategies.placed import valid_outlines
from dlgeom.testing.strategies.vertices import flat_rings, lines, rings

__all__ = [
    "boxes",
    "cubes",
    "ellipses",
    "points",
    "polygons",
    "polylines",
    "poses",
    "segmentations",
]

Edges = tuple[float, float, float, float]


LEAST = 1e-150
"""Pixels of which the square is still a number above 0."""


def _apart(values: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float]]:
    """Draw two numbers, the lower one first, so far apart that areas are above 0."""
    return (
        st.tuples(values, values)
        .filter(lambda pair: abs(pair[0] - pair[1]) > LEAST)
        .map(lambda pair: (min(pair), max(pair)))
    )


def edges(draw: st.DrawFn, space: Space, degenerate: bool | None) -> Edges:
    """Draw left, top, right, bottom in a space, low to high.

    Raises
    ------
    UsageError
        If the grid is too coarse for a shape with an extent.
    """
    narrow = space.narrow
    if narrow and degenerate is False:
        raise UsageError(
            f"a shape with an extent needs a step of the grid each way; the grid is {space.grid}, "
            f"the image {space.size[0]} x {space.size[1]}. Take a finer grid, or a larger size"
        )
    flat = draw(st.sampled_from(["", "", "", "x", "y", "xy"])) if degenerate is None else ""
    if degenerate:
        flat = draw(st.sampled_from(["x", "y", "xy"]))
    flat += narrow
    left, right = (draw(space.x),) * 2 if "x" in flat else draw(_apart(space.x))
    top, bottom = (draw(space.y),) * 2 if "y" in flat else draw(_apart(space.y))
    return left, top, right, bottom


@st.composite
def boxes(draw: st.DrawFn, *, rotated: bool | None = None, **knobs: Unpack[Knobs]) -> Box:
    """Draw a `Box`.

    Parameters
    ----------
    rotated : bool or None, default None
        Whether it stands for a rotated box (`Box.is_rotated`): always, never, or both.
    **knobs
        See `Knobs`. The grid holds for the edges before turning.
    """
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    left, top, right, bottom = edges(draw, space, knobs.get("degenerate"))
    turned = draw(st.booleans()) if rotated is None else rotated
    if not turned:
        return Box(left, top, right, bottom, *rest)
    angle = draw(numbers.angles())
    row = np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top, angle])
    part = fits(_corners(row), space)
    if part < 1 and space.grid is None and part > 0:
        row[2:4] *= part
    elif part < 1:
        row[4] = 180.0
    if draw(st.booleans()) or not row[4]:
        return Box.from_rotated(row, *rest)
    x, y, w, h, angle = row.tolist()
    return Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2, *rest, angle=angle)


def _corners(row: Any) -> Any:
    return rotated.corners(row[None])[0]


@st.composite
def ellipses(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Ellipse:
    """Draw an `Ellipse`.

    Parameters
    ----------
    **knobs
        See `Knobs`. The grid holds for the box around it before turning.
    """
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    left, top, right, bottom = edges(draw, space, knobs.get("degenerate"))
    row = np.array(
        [(left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2, 0.0]
    )
    row[4] = draw(numbers.angles(2))
    extent = ellipse_arrays.extent(row[None])[0].reshape(2, 2)
    part = fits(extent, space)
    if part < 1 and space.grid is None and part > 0:
        row[2:4] *= part
    elif part < 1:
        row[4] = 0.0
    x, y, rx, ry, angle = row.tolist()
    return Ellipse(x, y, rx, ry, angle, *rest)


@st.composite
def points(
    draw: st.DrawFn,
    *,
    visibility: st.SearchStrategy[int | None] | None = None,
    **knobs: Unpack[Knobs],
) -> Point:
    """Draw a `Point`.

    Parameters
    ----------
    visibility : strategy, optional
        What to draw the visibility from; None, 0, 1 and 2 if not given.
    **knobs
        See `Knobs`.
    """
    seen = st.none() | values.visibilities() if visibility is None else visibility
    x, y = draw(draw(spaces_of(knobs)).point)
    return Point(x, y, *draw(rests_of(knobs)), visibility=draw(seen))


@st.composite
def polygons(
    draw: st.DrawFn,
    *,
    holes: bool | None = None,
    valid: bool = False,
    max_parts: int = 3,
    max_points: int = 10,
    **knobs: Unpack[Knobs],
) -> Polygon:
    """Draw a `Polygon`.

    Parameters
    ----------
    holes : bool or None, default None
        Whether a part has a hole: always, never, or both.
    valid : bool, default False
        Whether it is one that shapely calls valid: rings that do not cross themselves, holes
        inside, parts apart. Else rings that cross themselves, repeat vertices or leave the image
        come as well.
    max_parts, max_points : int
        Most parts, islands in holes not counted, and most vertices of a ring.
    **knobs
        See `Knobs`.

    Raises
    ------
    UsageError
        If the knobs exclude each other, or the grid is too coarse for the image.
    """
    degenerate = knobs.get("degenerate")
    if degenerate and valid:
        raise UsageError("a polygon without area is not valid; leave out degenerate or valid")
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    kinds = ["valid", "any", "flat"]
    if valid or degenerate is not None:
        kinds = ["valid"] if valid else ["flat"] if degenerate else ["valid", "any"]
    kind = draw(st.sampled_from(kinds))
    if kind == "valid":
        found = valid_outlines(
            space, max_parts=max_parts, holes=holes, max_points=min(max_points, 8)
        )
        return Polygon.from_parts(draw(found), *rest)
    if kind == "flat":
        ring = flat_rings(space).filter(_stays_a_ring)
    else:
        ring = rings(space=space, max_points=max_points).filter(_stays_a_ring)
        if degenerate is False:
            ring = ring.filter(_has_area)
    least = 1 + bool(holes)
    part = st.lists(ring, min_size=least, max_size=1 if holes is False else 2)
    parts = draw(st.lists(part, min_size=1, max_size=min(max_parts, 2)))
    return Polygon.from_parts(parts, *rest)


def _stays_a_ring(ring: Any) -> bool:
    """Whether three vertices are left where those at the end that repeat the first are not."""
    return bool((ring[2:] != ring[0]).any())


def _has_area(ring: Any) -> bool:
    """Whether the vertices do not lie on one line."""
    here = ring - ring[0]
    far = here[np.argmax(np.abs(here).sum(axis=1))]
    across = here[:, 0] * far[1] - here[:, 1] * far[0]
    return bool((np.abs(across) > 1e-9 * (far @ far)).any())


@st.composite
def polylines(
    draw: st.DrawFn, *, max_lines: int = 3, max_points: int = 6, **knobs: Unpack[Knobs]
) -> Polyline:
    """Draw a `Polyline`: its lines may cross themselves, close, stand still or go back.

    Parameters
    ----------
    max_lines, max_points : int
        Most lines, and most vertices of one, repeated ones not counted.
    **knobs
        See `Knobs`.
    """
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    line: st.SearchStrategy[Any] = lines(space=space, max_points=max_points)
    if knobs.get("degenerate"):
        line = st.tuples(space.point, st.integers(2, max_points)).map(lambda p: [p[0]] * p[1])
    elif knobs.get("degenerate") is False:
        line = line.filter(lambda points: (points != points[0]).any())
    found = draw(st.lists(line, min_size=1, max_size=max_lines))
    return Polyline(found[0] if len(found) == 1 else found, *rest)


@st.composite
def segmentations(
    draw: st.DrawFn, *, holes: bool | None = None, max_side: int = 24, **knobs: Unpack[Knobs]
) -> Segmentation:
    """Draw a `Segmentation`; its canvas is the image of `size`.

    Parameters
    ----------
    holes : bool or None, default None
        As for `masks`.
    max_side : int
        Largest height and width in pixels, where no size is given.
    **knobs
        See `Knobs`. The grid plays no part.
    """
    degenerate = knobs.get("degenerate")
    if degenerate and holes:
        raise UsageError("an empty mask has no holes; leave out degenerate or holes")
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    shape = space.size[::-1] if space.inside else None
    if space.is_huge or (shape is not None and shape[0] * shape[1] > 1 << 20):
        return _large(draw, space, holes, degenerate, rest)
    if degenerate:
        return Segmentation(np.zeros(shape or draw(numbers.image_shapes(max_side)), bool), *rest)
    mask = masks(max_side, shape=shape, allow_empty=degenerate is None, holes=holes)
    return Segmentation(draw(mask), *rest)


def _large(
    draw: st.DrawFn, space: Space, holes: bool | None, degenerate: bool | None, rest: Rest
) -> Segmentation:
    """Draw a mask that stays run lengths."""
    width, height = space.size
    if degenerate or (degenerate is None and not holes and draw(st.integers(0, 7)) == 7):
        counts = rle.from_flips(np.zeros(0, dtype=np.int64), width * height)
        return Segmentation.from_rle(counts, (height, width), *rest)
    counts, shape = draw(huge_runs(size=(width, height), low=int(space.left), holes=holes))
    return Segmentation.from_rle(counts, shape, *rest)


@st.composite
def cubes(draw: st.DrawFn, **knobs: Unpack[Knobs]) -> Cube:
    """Draw a `Cube`: any eight points, or two boxes turned by one angle.

    Parameters
    ----------
    **knobs
        See `Knobs`.
    """
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    degenerate = knobs.get("degenerate")
    flat = draw(st.integers(0, 9)) == 9 if degenerate is None else degenerate
    angle = draw(st.none() | numbers.angles(2))
    if flat:
        along = draw(st.sampled_from([0, 1]))
        fixed = draw(space.point)[1 - along]
        free = draw(st.lists((space.x, space.y)[along], min_size=8, max_size=8))
        corners = [(v, fixed) if along == 0 else (fixed, v) for v in free]
        return Cube.from_points(corners, rest[0], angle, *rest[1:])
    if draw(st.booleans()):
        front, back = edges(draw, space, degenerate), edges(draw, space, degenerate)
        turn = 0.0 if space.inside else angle
        return Cube.from_boxes_and_angle(*front, *back, rest[0], turn, *rest[1:])
    point = st.lists(space.point, min_size=8, max_size=8)
    if degenerate is False:
        point = point.filter(lambda corners: _has_area(np.array(corners)))
    return Cube.from_points(draw(point), rest[0], angle, *rest[1:])


@st.composite
def poses(
    draw: st.DrawFn,
    *,
    max_points: int = 5,
    point_labels: st.SearchStrategy[str | None] | None = None,
    **knobs: Unpack[Knobs],
) -> Pose:
    """Draw a `Pose`.

    Parameters
    ----------
    max_points : int
        Most key points.
    point_labels : strategy, optional
        What to draw the names of key points from; any short text if not given.
    **knobs
        See `Knobs`; its attributes and descriptions hold for the pose, its points have none.
    """
    space, rest = draw(spaces_of(knobs)), draw(rests_of(knobs))
    degenerate = knobs.get("degenerate")
    seen: st.SearchStrategy[int | None] = st.none() | values.visibilities()
    if degenerate:
        seen = st.just(0)
    named = values.names() if point_labels is None else point_labels
    point = st.builds(
        lambda at, name, visibility: Point(at[0], at[1], name, visibility=visibility),
        space.point,
        named,
        seen,
    )
    found = draw(st.lists(point, min_size=int(degenerate is False), max_size=max_points))
    if degenerate is False and all(p.visibility == 0 for p in found):
        found[0] = Point(found[0].x, found[0].y, found[0].label, visibility=2)
    edge = st.tuples(*[st.integers(0, max(len(found) - 1, 0))] * 2)
    skeleton = draw(st.lists(edge, max_size=3)) if found else []
    template, instance = draw(values.texts()), draw(values.texts())
    return Pose(rest[0], template, instance, rest[1], found, rest[2], skeleton=skeleton)
