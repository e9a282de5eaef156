"""Even-odd nesting of rings: which ring is a hole, and of which exterior.

Rings may touch at vertices, share edges or be rounded a little after they were made, so a test of
one vertex can be a matter of the last bit. A point that is clearly off the other ring decides;
only where the first choice is too near, the point of the ring that is farthest off is sought.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["owners"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Nearer than this part of the largest coordinate, a point does not decide: an order above the
# rounding to six decimals of the image size.
NEAR = 1e-5
# Nearer than this everywhere, two rings are the same.
SAME = 1e-12
# Rows of fewer rings compare bounds as Python numbers, others as blocks of arrays.
FEW = 16
BLOCK = 256
# Entries of one point-by-edge table.
TABLE = 1 << 20


def owners(xy: Floats, rings: Ints, rows: Ints) -> Ints:
    """Return the exterior of each ring by even-odd nesting within its row.

    Parameters
    ----------
    xy : ndarray of float64, shape (V, 2)
        Vertices of all rings.
    rings : ndarray of int64, shape (R + 1,)
        Offsets of the rings, none of them empty.
    rows : ndarray of int64, shape (N + 1,)
        Row i has the rings ``rows[i]:rows[i + 1]``.

    Returns
    -------
    ndarray of int64, shape (R,)
        A ring at even depth is an exterior and has its own index; a ring at odd depth is a hole
        and has the index of the exterior around it. Of equal rings the later lies in the earlier.
    """
    count = len(rings) - 1
    owner = np.arange(count)
    sizes = np.diff(rows)
    if count == 0 or sizes.max() < 2:
        return owner
    with np.errstate(over="ignore", invalid="ignore"):
        low = np.minimum.reduceat(xy, rings[:-1], axis=0)
        high = np.maximum.reduceat(xy, rings[:-1], axis=0)
        area = _areas(xy, rings)
        for row in np.flatnonzero(sizes > 1).tolist():
            first, last = int(rows[row]), int(rows[row + 1])
            # A ring lies only in rings of more area: from large to small each is tested once.
            order = first + np.argsort(-area[first:last], kind="stable")
            depth: dict[int, int] = {}
            around: dict[int, int] = {}
            for outer, inner in _candidates(order, low, high):
                for ring in _contained(xy, rings, outer, inner):
                    depth[ring] = depth.get(ring, 0) + 1
                    if depth.get(outer, 0) % 2 == 0:
                        around[ring] = outer
            for ring, exterior in around.items():
                if depth[ring] % 2:
                    owner[ring] = exterior
    return owner


def _areas(xy: Floats, rings: Ints) -> Floats:
    """Return the absolute shoelace area of each ring."""
    following = np.arange(1, len(xy) + 1)
    following[rings[1:] - 1] = rings[:-1]
    # From the ring's own first vertex, so that far coordinates keep their digits.
    near = xy - np.repeat(xy[rings[:-1]], np.diff(rings), axis=0)
    cross = near[:, 0] * near[following, 1] - near[following, 0] * near[:, 1]
    return np.abs(np.add.reduceat(cross, rings[:-1]))


def _candidates(order: Ints, low: Floats, high: Floats) -> Iterator[tuple[int, Ints]]:
    """Yield each ring with the later ones of `order` whose bounds lie in its bounds."""
    slack = NEAR * float(np.maximum(np.abs(low[order]), np.abs(high[order])).max())
    if len(order) <= FEW:
        bounds = np.concatenate([low[order] - slack, high[order] + slack], axis=1).tolist()
        inside = np.concatenate([low[order], high[order]], axis=1).tolist()
        for index, (left, top, right, bottom) in enumerate(bounds[:-1]):
            found = [
                position
                for position in range(index + 1, len(order))
                if inside[position][0] >= left
                and inside[position][1] >= top
                and inside[position][2] <= right
                and inside[position][3] <= bottom
            ]
            if found:
                yield int(order[index]), order[found]
        return
    position = np.arange(len(order))
    for begin in range(0, len(order), BLOCK):
        part = slice(begin, begin + BLOCK)
        table = position > position[part, None]
        for axis in (0, 1):
            table &= low[order, axis] >= low[order[part], axis, None] - slack
            table &= high[order, axis] <= high[order[part], axis, None] + slack
        for index in np.flatnonzero(table.any(axis=1)).tolist():
            yield int(order[begin + index]), order[table[index]]


def _contained(xy: Floats, rings: Ints, outer: int, inner: Ints) -> list[int]:
    """Return which of the rings `inner` lie in the ring `outer`."""
    ring = xy[rings[outer] : rings[outer + 1]]
    near = NEAR * float(np.abs(ring).max())
    # The middle of an edge, since rings touch at vertices more often than along edges.
    starts = rings[inner]
    points = (xy[starts] + xy[np.minimum(starts + 1, rings[inner + 1] - 1)]) / 2
    inside, clear = _locate(points, ring, near)
    for index in np.flatnonzero(~clear).tolist():
        other = xy[rings[inner[index]] : rings[inner[index] + 1]]
        inside[index] = _mostly_inside(other, ring)
    return [int(found) for found in inner[inside]]


def _locate(
    points: Floats, ring: Floats, near: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each point is in the ring (even-odd) and farther than `near` from it."""
    following = np.roll(ring, -1, axis=0)
    low = np.minimum(ring[:, 1], following[:, 1]) - near
    high = np.maximum(ring[:, 1], following[:, 1]) + near
    inside = np.zeros(len(points), dtype=np.bool_)
    clear = np.ones(len(points), dtype=np.bool_)
    step = max(1, TABLE // len(ring))
    for begin in range(0, len(points), step):
        x, y = points[begin : begin + step].T
        # Only edges at the height of the point matter, for crossings and for nearness.
        point, edge = np.nonzero((low <= y[:, None]) & (high >= y[:, None]))
        begins, ends = ring[edge], following[edge]
        dx, dy = (ends - begins).T
        rx, ry = x[point] - begins[:, 0], y[point] - begins[:, 1]
        across = (begins[:, 1] > y[point]) != (ends[:, 1] > y[point])
        crossed = across & (rx * np.abs(dy) < dx * ry * np.sign(dy))
        inside[begin : begin + step] = np.bincount(point[crossed], minlength=len(x)) & 1
        close = _distance(rx, ry, dx, dy) <= near
        clear[begin + point[close]] = False
    return inside, clear


def _distance(rx: Floats, ry: Floats, dx: Floats, dy: Floats) -> Floats:
    """Return the distance of points from segments; r is from the segment's begin, d along it."""
    length = dx * dx + dy * dy
    share = np.clip((rx * dx + ry * dy) / np.where(length > 0, length, 1.0), 0.0, 1.0)
    distance: Floats = np.hypot(rx - share * dx, ry - share * dy)
    return distance


def _mostly_inside(inner: Floats, outer: Floats) -> bool:
    """Decide by the point of `inner` that is farthest from `outer`."""
    points = np.concatenate([(inner + np.roll(inner, -1, axis=0)) / 2, inner])
    points = points[:: -(-len(points) // BLOCK)]
    dx, dy = (np.roll(outer, -1, axis=0) - outer).T
    distance = np.empty(len(points))
    step = max(1, TABLE // len(outer))
    for begin in range(0, len(points), step):
        offset = points[begin : begin + step, None] - outer
        table = _distance(offset[..., 0], offset[..., 1], dx, dy)
        distance[begin : begin + step] = table.min(axis=1)
    best = int(distance.argmax())
    if not distance[best] > SAME * float(np.abs(outer).max()):
        return True
    inside, _ = _locate(points[best : best + 1], outer, 0.0)
    return bool(inside[0])
