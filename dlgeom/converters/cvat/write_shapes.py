"""A definition as an element of CVAT's XML."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlgeom.conversions import to_box
from dlgeom.converters.cvat.options import CUBOID
from dlgeom.converters.cvat.text import decimal
from dlgeom.converters.cvat.write_labels import quoted
from dlgeom.definitions import (
    Box,
    Classification,
    Cube,
    Definition,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import GeometryError
from dlgeom.limits import Limits

__all__ = ["Drawer", "attributes_text", "in_parts", "is_point_set", "is_within"]

_PLAIN = (Box, Ellipse, Cube, Point, Classification, Segmentation)


def in_parts(shape: Definition) -> tuple[list[Definition], str]:
    """Return what the file can hold instead of a shape, and the code of what that costs.

    Returns
    -------
    parts : list of Definition
        The shape itself, or several; none where it has no place.
    code : str
        "" where nothing is lost.
    """
    if isinstance(shape, _PLAIN) or (isinstance(shape, Pose) and len(shape.keypoints)):
        return [shape], ""
    if isinstance(shape, Polyline):
        lines = shape.lines
        if len(lines) == 1:
            return [shape], ""
        return [_like(Polyline(line, None), shape) for line in lines], "geometry.parts"
    if isinstance(shape, Polygon):
        return _rings(shape)
    try:
        return [_like(to_box(shape), shape)], "geometry.to_box"
    except GeometryError:
        return [], "shape.no_place"


def _like(made: Definition, shape: Definition) -> Definition:
    return made.replace(label=shape.label, attributes=shape.attributes)


def _rings(shape: Polygon) -> tuple[list[Definition], str]:
    from dlgeom.geometry import bridges

    if len(shape.rings) == 1:
        return [shape], ""
    joined = bridges.join(shape.parts)
    if joined is not None:
        return [_like(Polygon(joined, None), shape)], "geometry.bridged"
    return [_like(Polygon(part[0], None), shape) for part in shape.parts], "geometry.parts"


def is_within(shape: Definition, size: tuple[int, int] | None, limits: Limits) -> bool:
    """Whether a shape can be read again: finite, within the limits, masks within the image."""
    if isinstance(shape, Classification):
        return True
    if isinstance(shape, Segmentation):
        _, _, right, bottom = shape.bounds
        wide, high = size or (shape.shape[1], shape.shape[0])
        return right <= wide and bottom <= high and wide * high <= limits.rle_pixels
    if isinstance(shape, Polygon | Polyline):
        xy: Any = shape.rings[0] if isinstance(shape, Polygon) else shape.lines[0]
        if len(xy) > limits.ring_points:
            return False
        if isinstance(shape, Polygon):
            length = float(np.abs(np.roll(xy, -1, axis=0) - xy).max(axis=1).sum())
            if length > limits.outline:
                return False
    elif isinstance(shape, Box):
        xy = np.array([shape.left, shape.top, shape.right, shape.bottom, shape.angle or 0.0])
    elif isinstance(shape, Ellipse):
        xy = np.array([shape.x, shape.y, shape.rx, shape.ry, shape.angle])
    else:
        xy = np.asarray(shape.geo)
    return bool(np.isfinite(xy).all() and np.abs(xy).max(initial=0) <= limits.coordinate)


def is_point_set(shape: Definition) -> bool:
    """Whether a pose only is several points: without names, edges, hidden ones and attributes."""
    if not isinstance(shape, Pose) or shape.skeleton:
        return False
    count = len(shape.keypoints)
    return (
        shape.names == tuple(str(k) for k in range(count))
        and bool((shape.keypoints[:, 2] == 2).all())
        and not any(point.attributes or point.description for point in shape.points)
    )


class Drawer:
    """Turns shapes into the attributes of their elements.

    Parameters
    ----------
    decimals : int, optional
        Of coordinates and angles; the shortest numbers that read back the same if None.

    Attributes
    ----------
    rounded : bool
        Whether a number was changed since somebody set it to False.
    """

    def __init__(self, decimals: int | None) -> None:
        self._decimals = decimals
        self.rounded = False

    def number(self, value: float) -> str:
        """Return a number as text."""
        text = decimal(value, self._decimals)
        if self._decimals is not None and float(text) != value:
            self.rounded = True
        return text

    def _points(self, xy: Any) -> str:
        return ";".join(f"{self.number(x)},{self.number(y)}" for x, y in xy.tolist())

    def element(self, shape: Definition) -> tuple[str, list[tuple[str, str]]]:
        """Return the name and the geometry of the element of a shape, values unescaped."""
        if isinstance(shape, Box):
            return "box", self._box(shape)
        if isinstance(shape, Polygon):
            return "polygon", [("points", self._points(shape.rings[0]))]
        if isinstance(shape, Polyline):
            return "polyline", [("points", self._points(shape.lines[0]))]
        if isinstance(shape, Point):
            return "points", [("points", self._points(shape.geo[None]))]
        if isinstance(shape, Ellipse):
            values = [
                (n, self.number(v))
                for n, v in zip(("cx", "cy", "rx", "ry"), _of(shape), strict=True)
            ]
            return "ellipse", values + self._rotation(shape.angle)
        if isinstance(shape, Cube):
            geo = shape.geo.tolist()
            return "cuboid", [
                ("xy"[axis] + name, self.number(geo[index][axis]))
                for name, index in CUBOID
                for axis in (0, 1)
            ] if geo else []
        if isinstance(shape, Segmentation):
            return "mask", _mask(shape)
        if isinstance(shape, Pose):
            return "points", [("points", self._points(shape.geo))]
        return "tag", []

    def _box(self, box: Box) -> list[tuple[str, str]]:
        edges = [box.left, box.top, box.right, box.bottom]
        if box.is_rotated:
            edges = [_settled(edge, edges) for edge in edges]
        names = ("xtl", "ytl", "xbr", "ybr")
        return [(n, self.number(v)) for n, v in zip(names, edges, strict=True)] + self._rotation(
            box.angle
        )

    def _rotation(self, angle: float | None) -> list[tuple[str, str]]:
        if not angle:
            return []
        # CVAT has angles from 0 up to 360.
        turned = angle if 0 <= angle < 360 else angle % 360
        return [("rotation", self.number(turned))]

    def node(self, x: float, y: float) -> str:
        """Return the place of one node of a skeleton."""
        return f"{self.number(x)},{self.number(y)}"


def _of(ellipse: Ellipse) -> tuple[float, float, float, float]:
    return ellipse.x, ellipse.y, ellipse.rx, ellipse.ry


def _settled(value: float, edges: list[float]) -> float:
    """Return an edge without what computing it from centre and size has added.

    Turned boxes travel as centre, size and angle. An edge that is a short decimal up to the
    rounding of that is that decimal.
    """
    scale = max(map(abs, edges))
    near = round(value, 9)
    return near if abs(near - value) <= 4 * math.ulp(scale) else value


def _mask(mask: Segmentation) -> list[tuple[str, str]]:
    """Return the runs of the pixels' bounds, row by row; of an empty mask one pixel, not set."""
    from dlgeom.geometry import rle, rle_grid

    left, top, right, bottom = map(int, mask.bounds)
    if mask.is_empty:
        left, top, right, bottom = 0, 0, 1, 1
    window = rle_grid.window(mask.counts, mask.shape, left, top, right, bottom)
    rows = rle_grid.transpose(window, (bottom - top, right - left))
    return [
        ("rle", ", ".join(map(str, rle.to_list(rows)))),
        ("left", str(left)),
        ("top", str(top)),
        ("width", str(right - left)),
        ("height", str(bottom - top)),
    ]


def attributes_text(pairs: list[tuple[str, str]]) -> str:
    """Return attributes of an element, each with a blank before it."""
    return "".join(f" {name}={quoted(value)}" for name, value in pairs)
