"""Vertices in other places of the same rings: equally spaced, or more of them.

A ring is float64 of shape (n, 2), x then y, in pixels, closed without repeating its first vertex.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry.regions import check_near
from dlgeom.limits import DEFAULT_LIMITS

__all__ = ["check_count", "corners", "insert", "resample"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Parts = Sequence[Sequence[Floats]]


def check_count(count: object, rings: int, what: str) -> int:
    """Return the number of vertices asked for as an int.

    Raises
    ------
    GeometryError
        If it is no whole number, fewer than three for each ring, or more than the limit `points`.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise GeometryError(f"{what} is {count!r}; it is a whole number of vertices")
    if count < 3 * rings:
        raise GeometryError(
            f"{what} is {count}; each of the {rings} rings needs three, so it is {3 * rings} or "
            "more. Leave out rings first"
        )
    if count > DEFAULT_LIMITS.points:
        raise GeometryError(f"{what} is {count}; the limit is {DEFAULT_LIMITS.points} vertices")
    return int(count)


def resample(parts: Parts, count: int, *, keep_corners: bool = False) -> list[list[Floats]]:
    """Return the rings with `count` vertices in all, equally spaced along each ring.

    Parameters
    ----------
    parts : sequence of sequence of ndarray, shape (n, 2)
        Rings. Vertex 0 of each stays where it is.
    count : int
        Vertices of all rings together. They are shared out so that the largest step is as small
        as it can be, at least three to a ring.
    keep_corners : bool, default False
        Keep vertex 0 and each vertex where the outline turns, and space the others equally
        between them.

    Raises
    ------
    GeometryError
        If there are fewer than three vertices for each ring, or fewer than there are corners.
    """
    rings = _near(parts)
    count = check_count(count, len(rings), "the number of vertices")
    stops = [corners(ring) if keep_corners else np.zeros(1, dtype=np.int64) for ring in rings]
    return _grouped(_placed(rings, stops, count), parts)


def insert(parts: Parts, count: int) -> list[list[Floats]]:
    """Return the rings with vertices added on their longest edges, `count` vertices in all.

    All vertices stay; each edge is divided into equal steps.
    """
    rings = _near(parts)
    return _grouped(_placed(rings, [np.arange(len(ring)) for ring in rings], count), parts)


def corners(ring: Floats) -> Ints:
    """Return the positions of vertex 0 and of all vertices where the outline turns, in order.

    Vertices on a straight piece, and repeated ones, are no corners. A turn is what differs from
    straight by more than rounding.
    """
    distinct = np.flatnonzero((ring != np.roll(ring, 1, axis=0)).any(axis=1))
    if len(distinct) < 3:
        return np.zeros(1, dtype=np.int64)
    points = ring[distinct]
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(points, -1, axis=0) - points
    before /= np.hypot(*before.T)[:, None]
    after /= np.hypot(*after.T)[:, None]
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    straight = (np.abs(cross) <= 1e-12) & ((before * after).sum(axis=1) > 0)
    return np.union1d(np.zeros(1, dtype=np.int64), distinct[~straight])


def _placed(rings: list[Floats], stops: list[Ints], count: int) -> list[Floats]:
    """Return rings through their stops, with the other vertices equally spaced in between."""
    along = [_lengths(ring) for ring in rings]
    # One piece from each stop to the next, the last one to the end of the ring.
    begins = [reach[stop] for reach, stop in zip(along, stops, strict=True)]
    ends = [np.append(b[1:], reach[-1]) for b, reach in zip(begins, along, strict=True)]
    steps = _shares([e - b for b, e in zip(begins, ends, strict=True)], count)
    found = []
    for ring, reach, begin, end, own in zip(rings, along, begins, ends, steps, strict=True):
        first = np.cumsum(own) - own
        nth = np.arange(own.sum()) - np.repeat(first, own)
        where = np.repeat(begin, own) + nth * np.repeat((end - begin) / own, own)
        closed = np.vstack((ring, ring[:1]))
        placed = np.column_stack([np.interp(where, reach, closed[:, k]) for k in (0, 1)])
        found.append(placed)
    for placed, ring, stop, own in zip(found, rings, stops, steps, strict=True):
        placed[np.cumsum(own) - own] = ring[stop]  # exactly, not as interpolated
    return found


def _near(parts: Parts) -> list[Floats]:
    """Return all rings, none of them too far out to have lengths."""
    rings = [ring for part in parts for ring in part]
    for ring in rings:
        check_near(ring)
    return rings


def _lengths(ring: Floats) -> Floats:
    """Return the length of the ring up to each vertex and, last, all around, shape (n + 1,)."""
    steps = np.roll(ring, -1, axis=0) - ring
    return np.concatenate(([0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))))


def _shares(lengths: list[Floats], count: int) -> list[Ints]:
    """Share steps out to the pieces of rings so that the longest step is as short as may be."""
    shares = [np.ones(len(pieces), dtype=np.int64) for pieces in lengths]
    rest = count - sum(map(len, lengths))
    if rest < 0:
        raise GeometryError(
            f"{count} vertices are fewer than the {count - rest} corners; give as many, or leave "
            "out vertices by simplify(vertices=)"
        )
    heaps = [[(-length, k) for k, length in enumerate(p.tolist())] for p in lengths]

    def give(ring: int, heap: list[tuple[float, int]]) -> None:
        _, piece = heapq.heappop(heap)
        shares[ring][piece] += 1
        heapq.heappush(heap, (-float(lengths[ring][piece]) / int(shares[ring][piece]), piece))

    for ring, heap in enumerate(heaps):
        heapq.heapify(heap)
        for _ in range(3 - len(heap)):
            give(ring, heap)
            rest -= 1
    if rest < 0:
        raise GeometryError(f"{count} vertices are too few; each ring needs three")
    top = [(heap[0][0], ring) for ring, heap in enumerate(heaps)]
    heapq.heapify(top)
    for _ in range(rest):
        ring = top[0][1]
        give(ring, heaps[ring])
        heapq.heapreplace(top, (heaps[ring][0][0], ring))
    return shares


def _grouped(rings: list[Floats], parts: Parts) -> list[list[Floats]]:
    remaining = iter(rings)
    return [[next(remaining) for _ in part] for part in parts]
