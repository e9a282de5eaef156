"""Even-odd nesting of rings: which ring is a hole, and of which exterior.

Rings may touch at vertices, share edges or be rounded a little after they were made, so a test of
one vertex can be a matter of the last bit. A point that is clearly off the other ring decides;
only where the first choice is too near, the point of the ring that is farthest off is sought.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry.ragged import offsets_of

__all__ = ["owners"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Nearer than this part of the largest coordinate, a point does not decide: an order above the
# rounding to six decimals of the image size.
NEAR = 1e-5
# Nearer than this everywhere, two rings are the same.
SAME = 1e-12
# Rows of up to so many rings are looked through together before any is taken by itself.
FEW = 16
BLOCK = 64
# Doubtful pairs looked at closely in one call; hostile input could have any number of them.
DOUBTS = 20_000
# Points of a ring of which one decides.
POINTS = 256
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
    if count == 0 or np.diff(rows).max() < 2:
        return owner
    with np.errstate(over="ignore", invalid="ignore"):
        low = np.minimum.reduceat(xy, rings[:-1], axis=0)
        high = np.maximum.reduceat(xy, rings[:-1], axis=0)
        slack = NEAR * np.maximum(np.abs(low), np.abs(high)).max(axis=1)[:, None]
        bounds = _Bounds(low, high, low - slack, high + slack)
        extent = (high - low).prod(axis=1)
        area = _areas(xy, rings)
        doubts = 0
        for row in _rows_worth_a_look(bounds, rows):
            first, last = int(rows[row]), int(rows[row + 1])
            # A ring lies only in rings of larger bounds (or equal ones and more area; the area
            # alone would not do, a bow-tie has none): from small to large, the first that holds
            # a ring is the one directly around it.
            order = first + np.lexsort((-area[first:last], -extent[first:last]))[::-1]
            around = np.full(last - first, -1, dtype=np.int64)
            for outer, inner in _candidates(order, bounds, around):
                found, doubtful = _contained(xy, rings, outer, inner, careful=doubts < DOUBTS)
                around[found - first] = outer - first
                doubts += doubtful
            owner[first:last] = first + _exteriors(around, order - first)
    return owner


def _exteriors(around: Ints, order: Ints) -> Ints:
    """Return the exterior of each ring of a row from the rings directly around them."""
    exterior = list(range(len(around)))
    hole = [False] * len(around)
    parents = around.tolist()
    for ring in order[::-1].tolist():
        parent = parents[ring]
        if parent >= 0 and not hole[parent]:
            hole[ring] = True
            exterior[ring] = parent
    return np.array(exterior, dtype=np.int64)


class _Bounds(NamedTuple):
    """Bounds of each ring, as they are and with some slack outwards; shapes (R, 2)."""

    low: Floats
    high: Floats
    low_slack: Floats
    high_slack: Floats

    def holds(self, outer: Ints, inner: Ints) -> NDArray[np.bool_]:
        """Return whether the bounds of rings `inner` lie in those of `outer`, in pairs."""
        low = self.low[inner] >= self.low_slack[outer]
        high = self.high[inner] <= self.high_slack[outer]
        both = low & high
        held: NDArray[np.bool_] = both[:, 0] & both[:, 1]
        return held


def _rows_worth_a_look(bounds: _Bounds, rows: Ints) -> list[int]:
    """Return the rows in which the bounds of some ring lie in those of another."""
    sizes = np.diff(rows)
    few = np.flatnonzero((sizes > 1) & (sizes <= FEW))
    side = sizes[few]
    pairs = side * side
    row = np.repeat(few, pairs)
    place = np.arange(len(row)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    outer, inner = np.divmod(place, sizes[row])
    held = bounds.holds(rows[row] + outer, rows[row] + inner) & (outer != inner)
    return [*np.unique(row[held]).tolist(), *np.flatnonzero(sizes > FEW).tolist()]


def _areas(xy: Floats, rings: Ints) -> Floats:
    """Return the absolute shoelace area of each ring."""
    following = np.arange(1, len(xy) + 1)
    following[rings[1:] - 1] = rings[:-1]
    # From the ring's own first vertex, so that far coordinates keep their digits.
    near = xy - np.repeat(xy[rings[:-1]], np.diff(rings), axis=0)
    cross = near[:, 0] * near[following, 1] - near[following, 0] * near[:, 1]
    return np.abs(np.add.reduceat(cross, rings[:-1]))


def _candidates(order: Ints, bounds: _Bounds, around: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each ring with the earlier ones of `order` whose bounds lie in its bounds.

    Only those are wanted of which `around`, filled in meanwhile, does not know yet in which ring
    they lie.

    Rings that begin within the extent of a ring lie in one stretch once sorted by where they
    begin: along x or y, whichever leaves fewer to look at.
    """
    stretches = []
    for axis in (0, 1):
        sorted_rings = order[np.argsort(bounds.low[order, axis], kind="stable")]
        keys = bounds.low[sorted_rings, axis]
        begin = np.searchsorted(keys, bounds.low_slack[order, axis])
        end = np.searchsorted(keys, bounds.high_slack[order, axis], side="right")
        stretches.append((int((end - begin).sum()), axis, sorted_rings, begin, end))
    _, _, sorted_rings, begin, end = min(stretches, key=lambda stretch: stretch[:2])
    first = order.min()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order - first] = np.arange(len(order))
    rank_sorted = rank[sorted_rings - first]
    for block in range(0, len(order), BLOCK):
        part = slice(block, block + BLOCK)
        sizes = end[part] - begin[part]
        offsets = offsets_of(sizes)
        place = np.arange(offsets[-1]) + np.repeat(begin[part] - offsets[:-1], sizes)
        outer = np.repeat(np.arange(block, block + len(sizes)), sizes)
        wanted = (rank_sorted[place] < outer) & (around[sorted_rings - first] < 0)[place]
        outer, inner = outer[wanted], sorted_rings[place[wanted]]
        held = bounds.holds(order[outer], inner)
        outer, inner = outer[held], inner[held]
        heads = np.flatnonzero(np.diff(outer, prepend=-1))
        for head, group in zip(heads.tolist(), np.split(inner, heads[1:]), strict=False):
            rest = group[around[group - first] < 0]
            if len(rest):
                yield int(order[outer[head]]), rest


def _contained(
    xy: Floats, rings: Ints, outer: int, inner: Ints, *, careful: bool
) -> tuple[Ints, int]:
    """Return which of the rings `inner` lie in the ring `outer`, and how many were doubtful."""
    ring = xy[rings[outer] : rings[outer + 1]]
    near = NEAR * float(np.abs(ring).max())
    # The middle of an edge, since rings touch at vertices more often than along edges.
    starts = rings[inner]
    points = (xy[starts] + xy[np.minimum(starts + 1, rings[inner + 1] - 1)]) / 2
    inside, clear = _locate(points, ring, near)
    doubtful = np.flatnonzero(~clear) if careful else np.zeros(0, dtype=np.int64)
    for index in doubtful.tolist():
        other = xy[rings[inner[index]] : rings[inner[index] + 1]]
        inside[index] = _mostly_inside(other, ring)
    return inner[inside], len(doubtful)


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
    points = points[:: -(-len(points) // POINTS)]
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
