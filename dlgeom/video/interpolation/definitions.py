"""Definitions between two: one rule for each kind of geometry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from dlgeom.definitions import (
    Box,
    Cube,
    Cube3d,
    Definition,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import UsageError
from dlgeom.video.interpolation.angles import arc, slerp
from dlgeom.video.interpolation.masks import between_masks
from dlgeom.video.interpolation.parts import between_parts
from dlgeom.video.interpolation.rings import between_lines

__all__ = ["interpolate"]

ROUND = 0.01
"""Relative difference of an ellipse's radii below which its angle says nothing."""


def interpolate(
    first: Definition,
    second: Definition,
    t: float,
    *,
    masks: Literal["hold", "distance"] = "hold",
    symmetric: bool = False,
) -> Definition:
    """Return what lies between two states of one thing.

    Parameters
    ----------
    first, second : Definition
        The states. Label, attributes and description are those of the first, up to the second.
    t : float
        0 is the first, 1 the second state, each returned as it is.
    masks : {"hold", "distance"}
        Whether a mask holds, or is blended by signed distances about its centroid.
    symmetric : bool
        Whether a rotated box is the same after half a turn, and after a quarter of one with its
        sides exchanged, so that the shortest of these ways is taken. Otherwise it keeps its nose.

    Returns
    -------
    Definition
        Boxes: centre, size, and the angle on the shortest arc (exactly half a turn: clockwise).
        Ellipses likewise, the angle with a period of half a turn; nearly round ones keep theirs.
        Points and the points of a pose one by one, matched by name; visibility holds. Cubes
        corner by corner, cuboids in space on the shortest turn. Polygons, their parts and holes,
        and polylines by corresponding points. All else, and two states of different types, hold
        the first.

    Raises
    ------
    UsageError
        If `t` is not in [0, 1].

    Examples
    --------
    >>> interpolate(Box(0, 0, 4, 4, "cat"), Box(8, 0, 16, 4, "cat"), 0.25)
    Box(left=2.0, top=0.0, right=7.0, bottom=4.0, label='cat')
    """
    if not 0 <= t <= 1:
        raise UsageError(f"t is {t!r}; it lies in [0, 1]: 0 is the first state, 1 the second")
    if t == 0 or type(first) is not type(second):
        return second if t == 1 else first
    if t == 1:
        return second
    if isinstance(first, Box):
        return _box(first, second, t, symmetric)
    if isinstance(first, Segmentation):
        return first if masks == "hold" else _mask(first, second, t)
    for kind, rule in _RULES.items():
        if isinstance(first, kind):
            return rule(first, second, t)
    return first


def _rest(first: Definition) -> tuple[Any, Any, Any]:
    return first.label, first.attributes, first.description


def _mix(first: float, second: float, t: float) -> float:
    return first + (second - first) * t


def _box(first: Box, second: Any, t: float, symmetric: bool) -> Box:
    if not first.angle and not second.angle:
        sides = ("left", "top", "right", "bottom")
        left, top, right, bottom = (
            _mix(getattr(first, side), getattr(second, side), t) for side in sides
        )
        # Rounding must not turn a flat box inside out.
        right, bottom = max(left, right), max(top, bottom)
        return Box(left, top, right, bottom, *_rest(first), first.angle)
    a, b = _row(first), _row(second)
    turn = arc(a[4], b[4])
    if symmetric:
        turn, b = _shortest(a, b)
    row = [_mix(one, other, t) for one, other in zip(a[:4], b[:4], strict=True)]
    return Box.from_rotated([*row, a[4] + turn * t], *_rest(first))


def _row(box: Box) -> list[float]:
    """Return centre x, y, width, height and angle in degrees."""
    if box.angle:
        return [float(value) for value in box.rotated]
    x, y = box.center
    return [x, y, box.width, box.height, 0.0]


def _shortest(first: list[float], second: list[float]) -> tuple[float, list[float]]:
    """Return the shortest turn among the angles that make the same second rectangle, and it."""
    x, y, width, height, angle = second
    ways = [
        (abs(turn), number, turn, row)
        for number, row in enumerate(
            ([x, y, width, height, angle], [x, y, height, width, angle + 90])
        )
        for turn in (arc(first[4], row[4], 180.0),)
    ]
    _, _, turn, row = min(ways, key=lambda way: way[:2])
    return turn, row


def _ellipse(first: Any, second: Any, t: float) -> Definition:
    rx, ry, angle = second.rx, second.ry, second.angle or 0.0
    if (first.rx - first.ry) * (rx - ry) < 0:
        rx, ry, angle = ry, rx, angle + 90.0
    start = first.angle or 0.0
    flat = abs(first.rx - first.ry) < ROUND * max(first.rx, first.ry)
    turn = 0.0 if flat or abs(rx - ry) < ROUND * max(rx, ry) else arc(start, angle, 180.0)
    x, y = _mix(first.x, second.x, t), _mix(first.y, second.y, t)
    rx, ry = _mix(first.rx, rx, t), _mix(first.ry, ry, t)
    label, attributes, description = _rest(first)
    return Ellipse(x, y, rx, ry, start + turn * t, label, attributes, description)


def _point(first: Any, second: Any, t: float) -> Definition:
    x, y = _mix(first.x, second.x, t), _mix(first.y, second.y, t)
    return Point(x, y, *_rest(first), visibility=first.visibility)


def _pose(first: Any, second: Any, t: float) -> Definition:
    # The first point of a name belongs to the first one of that name, the second to the second:
    # points without names, as CVAT has them, all have the name "".
    places = {name: index for index, name in enumerate(_numbered(second.names))}
    points = []
    for index, (name, point) in enumerate(zip(_numbered(first.names), first.points, strict=True)):
        place = places.get(name)
        hidden = first.keypoints[index, 2] == 0
        if hidden or place is None or second.keypoints[place, 2] == 0:
            points.append(point)
        else:
            points.append(_point(point, second.points[place], t))
    label, attributes, description = _rest(first)
    return Pose(
        label,
        first.template_id,
        first.instance_id,
        attributes,
        points,
        description,
        skeleton=first.skeleton,
    )


def _numbered(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each name with how many equal ones come before it."""
    before: Counter[str] = Counter()
    for name in names:
        yield name, before[name]
        before[name] += 1


def _polygon(first: Any, second: Any, t: float) -> Definition:
    return Polygon.from_parts(between_parts(first.parts, second.parts, t), *_rest(first))


def _polyline(first: Any, second: Any, t: float) -> Definition:
    lines = list(first.lines)
    for index, line in enumerate(second.lines[: len(lines)]):
        lines[index] = between_lines(lines[index], line, t)
    return Polyline(lines if len(lines) > 1 else lines[0], *_rest(first))


def _cube(first: Any, second: Any, t: float) -> Definition:
    label, attributes, description = _rest(first)
    points = first.geo + (second.geo - first.geo) * t
    return Cube.from_points(points, label, first.angle, attributes, description)


def _cube_3d(first: Any, second: Any, t: float) -> Definition:
    label, attributes, description = _rest(first)
    position, scale = first.geo[:2] + (second.geo[:2] - first.geo[:2]) * t
    rotation = slerp(np.asarray(first.rotation), np.asarray(second.rotation), t)
    return Cube3d(label, position, scale, rotation, attributes, description)


def _mask(first: Segmentation, second: Any, t: float) -> Definition:
    if first.shape != second.shape:
        return first
    counts = between_masks(first.counts, second.counts, first.shape, t)
    return Segmentation._of_counts(counts, first.shape, *_rest(first))


_RULES: dict[type[Any], Callable[[Any, Any, float], Definition]] = {
    Ellipse: _ellipse,
    Point: _point,
    Pose: _pose,
    Polygon: _polygon,
    Polyline: _polyline,
    Cube: _cube,
    Cube3d: _cube_3d,
}
