"""Lines, discs and quick fills, drawn by OpenCV into arrays of any dtype; never anti-aliased.

A coordinate goes to the pixel of the nearest whole number, half to even, as documented for the
platform; the right and lower edge of the image, where no pixel is, to the last column and row,
so that the outline of the whole image can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.render.marks import Line, Marks
from dlgeom.render.regions import Region, Window

__all__ = ["disc", "fill", "fill_region", "is_near", "stroke", "stroke_region", "to_pixels"]

Floats = NDArray[np.float64]
Shape = tuple[int, int]

LARGEST = 1 << 26
"""Pixels of the bounds of a line up to which it is drawn the same in each window."""

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
    reaches = [
        np.array([[x - 2 * size, y - 2 * size], [x + 2 * size, y + 2 * size]])
        for x, y, size in marks.discs
    ]
    for line in marks.lines:
        reaches.append(line.points - line.thickness)
        reaches.append(line.points + line.thickness)
    return _within(
        np.concatenate(reaches),
        shape,
        window,
        lambda canvas, origin: stroke(canvas, marks, 1, shape, origin),
    )


def fill_region(parts: Sequence[Sequence[Floats]], shape: Shape, window: Window) -> list[Region]:
    """Return the pixels of parts by the quick rule that lie in a window, in its coordinates."""
    return _within(
        np.concatenate([ring for part in parts for ring in part]),
        shape,
        window,
        lambda canvas, origin: fill(canvas, parts, 1, shape, origin),
    )


def _within(
    points: Floats,
    shape: Shape,
    window: Window,
    draw: Callable[[NDArray[Any], tuple[int, int]], None],
) -> list[Region]:
    """Return what is drawn around some points, as far as it lies in a window.

    What OpenCV draws depends on the edges of the array, by single pixels. So all is drawn within
    its bounds in the image, as on the whole image, and then cut; only what is larger than
    `LARGEST` is drawn within the window.
    """
    least, most = np.floor(points.min(axis=0)) - 2, np.ceil(points.max(axis=0)) + 3
    for area in ((0, 0, shape[1], shape[0]), window):
        left, top = np.clip(least, area[:2], area[2:]).astype(int).tolist()
        right, bottom = np.clip(most, area[:2], area[2:]).astype(int).tolist()
        if (right - left) * (bottom - top) <= LARGEST:
            break
    x0, y0 = max(left, window[0]), max(top, window[1])
    x1, y1 = min(right, window[2]), min(bottom, window[3])
    if x0 >= x1 or y0 >= y1:
        return []
    drawn = np.zeros((bottom - top, right - left), dtype=np.uint8)
    draw(drawn, (left, top))
    crop = drawn.view(np.bool_)[y0 - top : y1 - top, x0 - left : x1 - left]
    return [Region(crop, x0 - window[0], y0 - window[1])]
