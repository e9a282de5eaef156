"""What of rings and lines lies in an upright window.

A window is left, top, right, bottom in pixels; its edges belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import overlay, regions

__all__ = ["clip_line", "clip_parts", "clip_ring", "share"]

Floats = NDArray[np.float64]
Window = tuple[float, float, float, float]
Parts = list[list[Floats]]


def clip_ring(ring: Floats, window: Window) -> Floats:
    """Cut one ring to a window, side by side (Sutherland and Hodgman, 1974), shape (n, 2).

    Right for the even-odd filling of any ring, one that crosses itself included: what is filled
    inside of the window stays so, and what falls apart hangs together along its edges by lines
    without area. Empty if nothing is left.
    """
    points = ring
    for axis, limit, keep_low in (
        (0, window[0], False),
        (1, window[1], False),
        (0, window[2], True),
        (1, window[3], True),
    ):
        if not len(points):
            break
        points = _half(points, axis, limit, keep_low=keep_low)
    return points


def _half(points: Floats, axis: int, limit: float, *, keep_low: bool) -> Floats:
    """Cut a ring by one line across an axis."""
    distance = (limit - points[:, axis]) if keep_low else (points[:, axis] - limit)
    inside = distance >= 0
    if inside.all():
        return points
    after = np.roll(points, -1, axis=0)
    crosses = inside != np.roll(inside, -1)
    rows = np.flatnonzero(crosses)
    here, there = points[rows], after[rows]
    part = ((limit - here[:, axis]) / (there[:, axis] - here[:, axis]))[:, None]
    cuts = here + part * (there - here)
    cuts[:, axis] = limit
    # Each vertex that stays, and after it the place where its edge is cut.
    order = np.concatenate((2 * np.flatnonzero(inside), 2 * rows + 1))
    values = np.concatenate((points[inside], cuts))
    return np.ascontiguousarray(values[np.argsort(order, kind="stable")])


def clip_parts(parts: Sequence[Sequence[Floats]], window: Window) -> tuple[Parts, float]:
    """Cut parts [exterior, hole, ...] to a window.

    Returns
    -------
    parts : list of list of ndarray of shape (n, 2)
        What is left: valid parts, as many as the region falls apart into. One that crosses itself
        is taken as the fill rule takes it (`dlgeom.geometry.regions.region`); what has no area
        is cut ring by ring.
    share : float
        Which part of the area is left, in [0, 1]; of the length where there is no area.

    Raises
    ------
    GeometryError
        If a coordinate is too far out for exact regions.
    """
    import shapely

    whole = regions.region([list(part) for part in parts])
    if whole.area > 0:
        with regions.native("the clipped outline"):
            inside = overlay.overlay(whole, shapely.box(*window), "intersection")
            found = regions.parts_of(inside)
        # A crossing of an edge and the border may be rounded to the other side of the border.
        left = [[np.clip(ring, window[:2], window[2:]) for ring in part] for part in found]
        return left, _fraction(inside.area, whole.area, bool(left))
    left = []
    kept = length = 0.0
    for part in parts:
        for ring in part:
            _, some, total = clip_line(np.vstack((ring, ring[:1])), window)
            kept, length = kept + some, length + total
        rings = [_whole_ring(clip_ring(np.asarray(ring), window)) for ring in part]
        if len(rings[0]):  # a hole without its exterior is nothing
            left.append([ring for ring in rings if len(ring)])
    share = _fraction(kept, length, bool(left))
    return (left, share) if share > 0 else ([], 0.0)


def _whole_ring(ring: Floats) -> Floats:
    """Return a ring of three vertices or more that does not repeat its first; empty if a point."""
    if len(ring) > 1 and (ring[0] == ring[-1]).all():
        ring = ring[:-1]
    if not (ring != ring[:1]).any():
        return ring[:0]
    return np.vstack((ring, *([ring[-1:]] * (3 - len(ring)))))


def _fraction(kept: float, whole: float, some: bool) -> float:
    if whole > 0:
        part = kept / whole
        return min(part, 1.0) if part >= 0 else 0.0  # NaN of infinite areas is 0 too
    return float(some)


def share(points: Floats, window: Window) -> float:
    """Return which part of the convex hull of points (n, 2) lies in a window, in [0, 1].

    Of its length if it is flat; of a single point whether it lies there.
    """
    import shapely

    hull = shapely.convex_hull(shapely.multipoints(points))
    inside = shapely.intersection(hull, shapely.box(*window))
    if hull.area > 0:
        return _fraction(inside.area, hull.area, False)
    return _fraction(inside.length, hull.length, not inside.is_empty)


def clip_line(line: Floats, window: Window) -> tuple[list[Floats], float, float]:
    """Cut an open line to a window (Liang and Barsky, 1984), in its order and direction.

    Returns
    -------
    lines : list of ndarray, shape (n, 2)
        The pieces inside; vertices inside are kept as they are.
    kept, whole : float
        Length of the pieces and of the line, in pixels.
    """
    start, step = line[:-1], np.diff(line, axis=0)
    low, high = np.zeros(len(step)), np.ones(len(step))
    for axis in (0, 1):
        for limit, sign in ((window[axis], 1.0), (window[axis + 2], -1.0)):
            distance, speed = sign * (start[:, axis] - limit), sign * step[:, axis]
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                when = -distance / speed
            low = np.where(speed > 0, np.maximum(low, when), low)
            high = np.where(speed < 0, np.minimum(high, when), high)
            high = np.where((speed == 0) & (distance < 0), -1.0, high)
    lengths = np.hypot(step[:, 0], step[:, 1])
    kept = float((np.maximum(high - low, 0.0) * lengths).sum())
    pieces: list[list[Floats]] = []
    goes_on = False  # whether the last piece ends at the vertex where this edge starts
    for row in range(len(step)):
        some = low[row] <= high[row] and (low[row] < high[row] or lengths[row] == 0)
        if some:
            if not (goes_on and low[row] == 0):
                pieces.append([_at(line, row, low[row], window)])
            pieces[-1].append(_at(line, row, high[row], window))
        goes_on = bool(some and high[row] == 1)
    return [np.array(piece) for piece in pieces], kept, float(lengths.sum())


def _at(line: Floats, row: int, when: float, window: Window) -> Floats:
    """Return a point of an edge; its ends exactly, where they lie in the window."""
    if when == 0:
        point = line[row]
    elif when == 1:
        point = line[row + 1]
    else:
        point = line[row] + when * (line[row + 1] - line[row])
    return np.asarray(np.clip(point, window[:2], window[2:]))
