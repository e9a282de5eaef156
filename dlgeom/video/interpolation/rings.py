"""Rings and lines between two: which point of the one belongs to which of the other.

Tools draw the same outline again with another first vertex, another direction or another number
of vertices. The correspondence is found so that none of that shows: rings are turned the same
way round, the start of the second is the one whose outline lies nearest when both are centred,
and rings of different counts are both cut at the vertices of the other. Every vertex of both is
kept, so that the ends are the outlines themselves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import rings as measures

__all__ = ["between_lines", "between_rings", "corresponding"]

Floats = NDArray[np.float64]

SAMPLES = 128
"""Points along each outline that are compared."""

CLEARLY = 2.0
"""How many times the best cost a start or direction as drawn may have to be kept: it is a hint."""


def between_rings(first: Floats, second: Floats, t: float) -> Floats:
    """Return the ring between two, each of shape (n, 2); `t` in (0, 1).

    The first ring where one of them has fewer than three different vertices.
    """
    a, b = _cleaned(first, closed=True), _cleaned(second, closed=True)
    if len(a) < 3 or len(b) < 3:
        return first
    start, end = corresponding(a, b)
    return start + (end - start) * t


def corresponding(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return both rings with the same number of vertices, in corresponding order, (m, 2)."""
    other = second
    reverse = _area(first) * _area(second) < 0
    if not reverse and len(first) == len(second) and bool((first == second).all(axis=1).any()):
        return first, second  # copied and edited: the vertices are the same ones
    if reverse:
        other = np.concatenate((second[:1], second[:0:-1]))
    other = _from_best_start(first, other, keep=not reverse)
    if len(first) == len(other):
        return first, other
    return _at_union(first, other, closed=True)


def between_lines(first: Floats, second: Floats, t: float) -> Floats:
    """Return the open line between two, each of shape (n, 2); `t` in (0, 1)."""
    a, b = _cleaned(first, closed=False), _cleaned(second, closed=False)
    if len(a) < 2 or len(b) < 2:
        return first
    same = len(a) == len(b) and bool((a == b).all(axis=1).any())
    if not same:
        along, back = _line_cost(a, b), _line_cost(a, b[::-1])
        # The direction may carry meaning: it is turned only where that fits clearly better.
        if along > CLEARLY * back:
            b = b[::-1]
    if len(a) != len(b):
        a, b = _at_union(a, b, closed=False)
    return a + (b - a) * t


def _cleaned(points: Floats, *, closed: bool) -> Floats:
    """Leave out vertices that repeat the one before, and a last one that repeats the first."""
    different = np.ones(len(points), dtype=np.bool_)
    different[1:] = (points[1:] != points[:-1]).any(axis=1)
    kept = points[different]
    if closed and len(kept) > 1 and (kept[0] == kept[-1]).all():
        kept = kept[:-1]
    return kept


def _area(ring: Floats) -> float:
    return float(measures.signed_areas(ring, np.array([0, len(ring)]))[0])


def _positions(points: Floats, *, closed: bool) -> Floats:
    """Return how far along the outline each vertex lies, 0..1; rings end at 1 where they began."""
    ends = np.concatenate((points, points[:1])) if closed else points
    steps = np.hypot(*np.diff(ends, axis=0).T)
    length = steps.sum()
    along = np.concatenate(([0.0], np.cumsum(steps)))
    result: Floats = along / length if length > 0 else np.linspace(0, 1, len(along))
    return result


def _at(points: Floats, along: Floats, places: Floats, *, closed: bool) -> Floats:
    """Return the points of an outline at some places along it."""
    ends = np.concatenate((points, points[:1])) if closed else points
    return np.stack([np.interp(places, along, ends[:, axis]) for axis in (0, 1)], axis=1)


def _from_best_start(first: Floats, second: Floats, *, keep: bool) -> Floats:
    """Return the second ring from the vertex that corresponds best to the first one's first."""
    places = np.arange(SAMPLES) / SAMPLES
    a = _at(first, _positions(first, closed=True), places, closed=True)
    a = a - a.mean(axis=0)
    along = _positions(second, closed=True)
    costs = np.empty(len(second))
    for k in range(len(second)):
        b = _at(second, along, (places + along[k]) % 1.0, closed=True)
        costs[k] = ((a - (b - b.mean(axis=0))) ** 2).sum()
    best = int(np.argmin(costs))
    if keep and costs[0] <= CLEARLY * costs[best]:
        return second
    return np.roll(second, -best, axis=0)


def _line_cost(first: Floats, second: Floats) -> float:
    places = np.linspace(0, 1, SAMPLES)
    a, b = (
        _at(line, _positions(line, closed=False), places, closed=False) for line in (first, second)
    )
    return float(((a - a.mean(axis=0) - b + b.mean(axis=0)) ** 2).sum())


def _at_union(first: Floats, second: Floats, *, closed: bool) -> tuple[Floats, Floats]:
    """Return both outlines cut at the places of the vertices of both."""
    one, two = (_positions(points, closed=closed) for points in (first, second))
    places = np.union1d(one, two)
    if closed:
        places = places[:-1]
    # Places that rounding alone keeps apart are one.
    places = places[np.concatenate(([True], np.diff(places) > 1e-12))]
    return _at(first, one, places, closed=closed), _at(second, two, places, closed=closed)
