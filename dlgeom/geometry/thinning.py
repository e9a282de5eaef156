"""Leaving out vertices one by one, the least important first, without any crossing.

References
----------
M. Visvalingam and J. D. Whyatt, Line generalisation by repeated elimination of points, 1993: a
vertex matters as much as the area of the triangle with its two neighbours.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry.ragged import offsets_of

__all__ = ["removal_order", "removals", "without"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Parts = Sequence[Sequence[Floats]]
Point = tuple[float, float]

# Beyond this part of the sum of its terms, the sign of a 2 x 2 determinant is certain (Shewchuk).
CERTAIN = 3.3306690738754716e-16
FEW = 16  # vertices up to which Python is as fast as arrays


def removal_order(parts: Parts, *, crossing: bool = False) -> Ints:
    """Return the vertices in the order in which they can be left out.

    Parameters
    ----------
    parts : sequence of sequence of ndarray, shape (n, 2)
        Rings of a valid outline; of any outline if `crossing`.
    crossing : bool, default False
        Do not look at what comes to cross.

    Returns
    -------
    ndarray of int64
        Positions in all vertices, one ring after the other; as many as can go while each ring
        keeps three and, after each step, the outline stays valid.

    Notes
    -----
    A vertex b between a and c may go if no other vertex lies in the closed triangle a b c and no
    other edge runs along a c: then nothing crosses the new edge, and no ring comes to lie on its
    other side. Where rings touch, it has to be at vertices of both (a ring that touches an edge
    between its ends may come to share a piece of it: check the result). A simple ring alone in
    its polygon can always go down to three (two ears theorem).
    Signs are exact. O(n log n) for outlines whose vertices are spread evenly.
    """
    return removals(parts, crossing=crossing)[0]


def removals(parts: Parts, *, crossing: bool = False) -> tuple[Ints, Floats]:
    """Return what `removal_order` does, and the area of the triangle that goes with each vertex.

    In square pixels. As long as nothing crosses, the region changes by just that triangle.
    """
    return _Removal(parts, crossing).run()


def without(parts: Parts, removed: Ints) -> list[list[Floats]]:
    """Return the rings without the vertices at the given positions."""
    rings = [ring for part in parts for ring in part]
    keep = np.ones(sum(map(len, rings)), dtype=np.bool_)
    keep[removed] = False
    cuts = offsets_of([len(ring) for ring in rings]).tolist()
    kept = iter([ring[keep[a : a + len(ring)]] for ring, a in zip(rings, cuts, strict=False)])
    return [[next(kept) for _ in part] for part in parts]


class _Removal:
    """The vertices that are left, as linked rings, and a queue of candidates by area."""

    def __init__(self, parts: Parts, crossing: bool) -> None:
        rings = [ring for part in parts for ring in part]
        sizes = [len(ring) for ring in rings]
        offsets = offsets_of(sizes)
        xy = np.concatenate(rings)
        self.points: list[Point] = [(x, y) for x, y in xy.tolist()]
        self.ring: list[int] = np.repeat(np.arange(len(rings)), sizes).tolist()
        count = np.arange(len(xy))
        after, before = count + 1, count - 1
        after[offsets[1:] - 1] = offsets[:-1]
        before[offsets[:-1]] = offsets[1:] - 1
        self.after: list[int] = after.tolist()
        self.before: list[int] = before.tolist()
        self.left = sizes
        self.alive = np.ones(len(xy), dtype=np.bool_)
        self.near = None if crossing else _Near(xy, self.alive)
        self.waiting: dict[int, list[int]] = {}  # candidates that a vertex is in the way of
        self.queue: list[tuple[float, int, int]] = []
        self.stamp = [0] * len(xy)

    def run(self) -> tuple[Ints, Floats]:
        for vertex in range(len(self.points)):
            self.put(vertex)
        order, areas = [], []
        while self.queue:
            area, vertex, stamp = heapq.heappop(self.queue)
            ring = self.ring[vertex]
            if not self.alive[vertex] or stamp != self.stamp[vertex] or self.left[ring] <= 3:
                continue
            other = self.in_the_way(vertex)
            if other is not None:
                self.waiting.setdefault(other, []).append(vertex)
                continue
            order.append(vertex)
            areas.append(area / 2)
            a, c = self.before[vertex], self.after[vertex]
            self.after[a], self.before[c] = c, a
            self.alive[vertex] = False
            self.left[ring] -= 1
            if self.near is not None:
                self.near.remove()
            for changed in (a, c, *self.waiting.pop(vertex, ())):
                self.put(changed)
        return np.array(order, dtype=np.int64), np.array(areas)

    def put(self, b: int) -> None:
        """Put a candidate in the queue; what was there before counts no more."""
        if not self.alive[b]:
            return
        (ax, ay), (bx, by), (cx, cy) = (self.points[k] for k in (self.before[b], b, self.after[b]))
        area = abs((ax - bx) * (cy - by) - (ay - by) * (cx - bx))
        self.stamp[b] += 1
        heapq.heappush(self.queue, (area, b, self.stamp[b]))

    def in_the_way(self, b: int) -> int | None:
        """Return a vertex that forbids to leave out vertex b, None if there is none."""
        if self.near is None:
            return None
        i, k = self.before[b], self.after[b]
        a, c = self.points[i], self.points[k]
        middle = self.points[b]
        if middle in (a, c):  # repeated
            return None
        side = _turn(a, middle, c)
        for near in self.near.find(a, middle, c):
            if near in (i, b, k):
                continue
            point = self.points[near]
            if side == 0:  # nothing moves, but rings have to touch at vertices of both
                if point == middle:
                    return near
            elif point in (a, c):
                if self.runs_along(near, a, c):
                    return near
            elif (
                _turn(a, middle, point) * side >= 0
                and _turn(middle, c, point) * side >= 0
                and _turn(c, a, point) * side >= 0
            ):
                return near
        return None

    def runs_along(self, vertex: int, a: Point, c: Point) -> bool:
        """Tell whether an edge at a vertex that lies on a or c runs along the edge a c."""
        here = self.points[vertex]
        there = c if here == a else a
        for neighbour in (self.before[vertex], self.after[vertex]):
            x, y = self.points[neighbour]
            forward = (x - here[0]) * (there[0] - here[0]) + (y - here[1]) * (there[1] - here[1])
            if forward > 0 and _turn(a, c, (x, y)) == 0:
                return True
        return False


class _Near:
    """Vertices by place: those left that may lie in a triangle."""

    def __init__(self, xy: Floats, alive: NDArray[np.bool_]) -> None:
        self.xy, self.alive = xy, alive
        self.index = np.arange(len(xy))
        self.removed = 0
        self.plant()

    def plant(self) -> None:
        import shapely

        self.index = self.index[self.alive[self.index]]
        self.tree = shapely.STRtree(shapely.points(self.xy[self.index]))
        self.removed = 0

    def remove(self) -> None:
        """Take notice that a vertex has gone: a tree that is mostly dead is planted anew."""
        self.removed += 1
        if self.removed > len(self.index) // 2 + FEW:
            self.plant()

    def find(self, a: Point, b: Point, c: Point) -> list[int]:
        """Return vertices in the upright box of a triangle, but for those surely outside of it."""
        import shapely

        xs, ys = (a[0], b[0], c[0]), (a[1], b[1], c[1])
        found = self.index[self.tree.query(shapely.box(min(xs), min(ys), max(xs), max(ys)))]
        found = found[self.alive[found]]
        if len(found) > FEW:
            sides = [_sides(*edge, self.xy[found]) for edge in ((a, b), (b, c), (c, a))]
            right = np.logical_or.reduce([side < 0 for side in sides])
            left = np.logical_or.reduce([side > 0 for side in sides])
            found = found[~(left & right)]
        result: list[int] = found.tolist()
        return result


def _sides(a: Point, b: Point, points: Floats) -> Floats:
    """Return on which side of a line points lie, shape (n,); 0 where that is uncertain."""
    left = (a[0] - points[:, 0]) * (b[1] - points[:, 1])
    right = (a[1] - points[:, 1]) * (b[0] - points[:, 0])
    side = left - right
    side[np.abs(side) <= CERTAIN * (np.abs(left) + np.abs(right))] = 0.0
    return np.asarray(side)


def _turn(a: Point, b: Point, c: Point) -> int:
    """Return the sign of the turn at b on the way from a to c, exactly."""
    left = (a[0] - c[0]) * (b[1] - c[1])
    right = (a[1] - c[1]) * (b[0] - c[0])
    determinant = left - right
    if abs(determinant) <= CERTAIN * (abs(left) + abs(right)):
        ax, ay, bx, by, cx, cy = map(Fraction, (*a, *b, *c))
        exact = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx)
        return (exact > 0) - (exact < 0)
    return 1 if determinant > 0 else -1
