"""Lines, discs and quick fills, drawn by OpenCV into arrays of any dtype; never anti-aliased.

A coordinate goes to the pixel of the nearest whole number, half to even, as documented for the
platform; the right and lower edge of the image, where no pixel is, to the last column and row,
so that the outline of the whole image can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.render.marks import Line, Marks
from dlgeom.render.regions import Region, Window

__all__ = ["disc", "fill", "is_near", "stroke", "stroke_region", "to_pixels"]

Floats = NDArray[np.float64]
Shape = tuple[int, int]

FAR = 1 << 20
"""Pixels from the origin beyond which OpenCV is given clipped lines: its coordinates overflow."""


def to_pixels(points: Floats, shape: Shape, origin: tuple[int, int] = (0, 0)) -> NDArray[np.int32]:
    """Return column and row of the pixels of points, counted from an origin, shape (n, 2).

    Parameters
    ----------
    points : ndarray of float64, shape (n, 2)
        x, y in continuous pixels, no farther than `FAR`.
    shape : tuple of int
        (height, width) of the whole image.
    origin : tuple of int
        Column and row of the first pixel of the array that is drawn on.
    """
    places = np.rint(points)
    size = (shape[1], shape[0])
    places -= (places == size) & (points <= size)
    places -= origin
    return places.astype(np.int32)


def is_near(points: Floats) -> bool:
    """Return whether OpenCV can take the points as they are."""
    return not len(points) or bool(np.abs(points).max() < FAR)


def fill(
    canvas: NDArray[Any],
    parts: Sequence[Sequence[Floats]],
    value: Any,
    shape: Shape,
    origin: tuple[int, int] = (0, 0),
) -> None:
    """Fill parts by the quick rule: vertices in whole pixels, the outline included, even-odd."""
    import cv2

    for part in parts:
        cv2.fillPoly(canvas, [to_pixels(ring, shape, origin) for ring in part], value)


def stroke(
    canvas: NDArray[Any], marks: Marks, value: Any, shape: Shape, origin: tuple[int, int] = (0, 0)
) -> None:
    """Draw the lines and discs of some marks."""
    import cv2

    plain: dict[tuple[bool, int], list[NDArray[np.int32]]] = {}
    for line in marks.lines:
        for points, closed in _clipped(line, shape):
            pixels = to_pixels(points, shape, origin)
            plain.setdefault((closed, line.thickness), []).append(pixels)
    for (closed, thickness), lines in plain.items():
        cv2.polylines(canvas, lines, closed, value, thickness, cv2.LINE_8)
    for x, y, size in marks.discs:
        disc(canvas, x, y, size, value, shape, origin)


def disc(
    canvas: NDArray[Any],
    x: float,
    y: float,
    size: int,
    value: Any,
    shape: Shape,
    origin: tuple[int, int] = (0, 0),
) -> None:
    """Draw a point: a circle of radius `size` and line width `size`, and what it encloses."""
    import cv2

    reach = 2 * size + 2
    if not (-reach < x < shape[1] + reach and -reach < y < shape[0] + reach):
        return
    column, row = to_pixels(np.array([[x, y]]), shape, origin)[0].tolist()
    cv2.circle(canvas, (column, row), size, value, size, cv2.LINE_8)
    cv2.circle(canvas, (column, row), size, value, -1, cv2.LINE_8)


def _clipped(line: Line, shape: Shape) -> list[tuple[Floats, bool]]:
    """Return a line as it is, or its straight pieces clipped to the surroundings of the image."""
    points = line.points
    if is_near(points):
        return [(points, line.closed)]
    starts = points if line.closed else points[:-1]
    ends = np.roll(points, -1, axis=0) if line.closed else points[1:]
    reach = 2.0 * line.thickness + 2
    low = np.array([-reach, -reach])
    high = np.array([shape[1] + reach, shape[0] + reach])
    pieces = []
    for start, end in zip(starts, ends, strict=True):
        cut = _clip(start, end, low, high)
        if cut is not None:
            pieces.append((cut, False))
    return pieces


def _clip(start: Floats, end: Floats, low: Floats, high: Floats) -> Floats | None:
    """Return the part of a straight piece inside of a rectangle, shape (2, 2) (Liang, Barsky)."""
    way = end - start
    first, last = 0.0, 1.0
    for axis in range(2):
        if way[axis] == 0:
            if not low[axis] <= start[axis] <= high[axis]:
                return None
            continue
        one = (low[axis] - start[axis]) / way[axis]
        two = (high[axis] - start[axis]) / way[axis]
        first, last = max(first, min(one, two)), min(last, max(one, two))
    if first > last:
        return None
    ends = np.array([start + first * way, start + last * way])
    return np.asarray(np.clip(ends, low, high))


def stroke_region(marks: Marks, shape: Shape, window: Window) -> list[Region]:
    """Return the pixels of lines and discs that lie in a window, in its coordinates."""
    x0, y0, x1, y1 = window
    reaches = [
        np.array([[x - 2 * size, y - 2 * size], [x + 2 * size, y + 2 * size]])
        for x, y, size in marks.discs
    ]
    for line in marks.lines:
        reaches.append(line.points - line.thickness)
        reaches.append(line.points + line.thickness)
    if not reaches:
        return []
    points = np.concatenate(reaches)
    low = np.clip(np.floor(points.min(axis=0)) - 2, (x0, y0), (x1, y1)).astype(int).tolist()
    high = np.clip(np.ceil(points.max(axis=0)) + 3, (x0, y0), (x1, y1)).astype(int).tolist()
    if low[0] >= high[0] or low[1] >= high[1]:
        return []
    drawn = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
    stroke(drawn, marks, 1, shape, (low[0], low[1]))
    return [Region(drawn.view(np.bool_), low[0] - x0, low[1] - y0)]
