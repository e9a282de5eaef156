"""Definitions as the few SVG primitives that the page draws.

A primitive is a list: ``["r", x, y, w, h]`` a box; ``["p", path]`` an area, filled even-odd;
``["l", path]`` a line; ``["e", cx, cy, rx, ry, degrees]`` an ellipse; ``["c", x, y, visibility,
name]`` a point. Coordinates are continuous pixels, as everywhere; the page's ``viewBox`` is the
image, so that nothing is shifted. Display only: numbers are rounded to hundredths of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions import (
    Box,
    Cube,
    Definition,
    Ellipse,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.geometry import contours

__all__ = ["Primitive", "primitives"]

Primitive = list[Any]
Floats = NDArray[np.float64]

_CUBE_FACES = ((0, 1, 2, 3), (4, 5, 6, 7))
_CUBE_EDGES = ((0, 4), (1, 5), (2, 6), (3, 7))


def primitives(shape: Definition) -> list[Primitive]:
    """Return what draws a definition; nothing for what has no place in the image."""
    for kind, draw in _DRAW.items():
        if isinstance(shape, kind):
            return draw(shape)
    return []


def _number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 2) + 0.0 for value in values]


def _path(line: Floats, *, closed: bool) -> str:
    points = "L".join(f"{_number(x)} {_number(y)}" for x, y in line.tolist())
    return f"M{points}" + ("Z" if closed else "")


def _rings(rings: Sequence[Floats]) -> Primitive:
    return ["p", "".join(_path(ring, closed=True) for ring in rings)]


def _edge_path(ring: Floats) -> str:
    """Return a ring along pixel edges: by turns horizontal and vertical steps, in whole pixels."""
    points = ring.astype(np.int64)
    steps = np.diff(points, axis=0).tolist()
    moves = "".join(f"h{dx}" if dy == 0 else f"v{dy}" for dx, dy in steps)
    return f"M{points[0, 0]} {points[0, 1]}{moves}Z"


def _box(shape: Any) -> list[Primitive]:
    if not shape.is_rotated:
        return [["r", *_rounded((shape.left, shape.top, shape.width, shape.height))]]
    corners = shape.corners
    # A line from the centre to the side on the right before turning: which way it points.
    centre, side = corners.mean(axis=0), corners[1:3].mean(axis=0)
    return [_rings([corners]), ["l", _path(np.stack((centre, side)), closed=False)]]


def _note(shape: Any) -> list[Primitive]:
    left, top, right, bottom = shape.bounds
    return [["r", *_rounded((left, top, right - left, bottom - top))]]


def _mask(shape: Any) -> list[Primitive]:
    outline = contours.trace_runs(shape.counts, shape.shape)
    if not len(outline.xy):
        return []
    cuts = outline.rings.tolist()
    rings = [outline.xy[a:b] for a, b in pairwise(cuts)]
    return [["p", "".join(_edge_path(ring) for ring in rings)]]


def _ellipse(shape: Any) -> list[Primitive]:
    return [["e", *_rounded((shape.x, shape.y, shape.rx, shape.ry, shape.angle or 0.0))]]


def _polyline(shape: Any) -> list[Primitive]:
    return [["l", "".join(_path(line, closed=False) for line in shape.lines)]]


def _cube(shape: Any) -> list[Primitive]:
    points = shape.geo
    faces = [_rings([points[list(face)]]) for face in _CUBE_FACES]
    edges = "".join(_path(points[list(edge)], closed=False) for edge in _CUBE_EDGES)
    return [*faces, ["l", edges]]


def _point(shape: Any) -> list[Primitive]:
    seen = 2 if shape.visibility is None else int(shape.visibility)
    return [["c", *_rounded((shape.x, shape.y)), seen, shape.label or ""]]


def _pose(shape: Any) -> list[Primitive]:
    points = shape.keypoints
    seen = points[:, 2] > 0
    edges = [(a, b) for a, b in shape.skeleton if seen[a] and seen[b]]
    found: list[Primitive] = []
    if edges:
        path = "".join(_path(points[list(edge), :2], closed=False) for edge in edges)
        found.append(["l", path])
    found += [
        ["c", *_rounded((x, y)), int(min(visibility, 2)), name]
        for (x, y, visibility), name in zip(points.tolist(), shape.names, strict=True)
        if visibility > 0
    ]
    return found


_DRAW: dict[type[Any], Callable[[Any], list[Primitive]]] = {
    Box: _box,
    Note: _note,
    Polygon: lambda shape: [_rings(shape.rings)],
    Segmentation: _mask,
    Ellipse: _ellipse,
    Polyline: _polyline,
    Cube: _cube,
    Point: _point,
    Pose: _pose,
}
