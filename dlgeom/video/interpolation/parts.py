"""Polygons with parts and holes between two: parts by overlap, then distance; holes likewise.

What has no partner holds up to the middle, then goes; what is new appears in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.video.interpolation.rings import between_rings

__all__ = ["between_parts"]

Floats = NDArray[np.float64]
Part = Sequence[Floats]


def between_parts(first: Sequence[Part], second: Sequence[Part], t: float) -> list[list[Floats]]:
    """Return the parts ``[[exterior, hole, ...], ...]`` between two polygons; `t` in (0, 1)."""
    if len(first) == len(second) == 1:
        return [_between(first[0], second[0], t)]
    pairs = _pairs([part[0] for part in first], [part[0] for part in second])
    found = [_between(first[a], second[b], t) for a, b in pairs]
    found += [list(part) for part in _alone(first, second, pairs, t)]
    # Where nothing has a partner and the middle is passed, the other's parts are all there is.
    return found


def _between(first: Part, second: Part, t: float) -> list[Floats]:
    """Return one part, its exterior and its holes, between two."""
    exterior = between_rings(first[0], second[0], t)
    if len(first) == len(second) == 1:
        return [exterior]
    pairs = _pairs(first[1:], second[1:])
    holes = [between_rings(first[1 + a], second[1 + b], t) for a, b in pairs]
    return [exterior, *holes, *_alone(first[1:], second[1:], pairs, t)]


def _alone(
    first: Sequence[Any], second: Sequence[Any], pairs: list[tuple[int, int]], t: float
) -> list[Any]:
    """Return what has no partner: up to the middle of the first, then of the second."""
    if t < 0.5:
        used = {a for a, _ in pairs}
        return [entry for k, entry in enumerate(first) if k not in used]
    used = {b for _, b in pairs}
    return [entry for k, entry in enumerate(second) if k not in used]


def _pairs(first: Sequence[Floats], second: Sequence[Floats]) -> list[tuple[int, int]]:
    """Match rings: those that overlap most first, then those whose centres are nearest."""
    if not first or not second:
        return []
    from shapely import area, intersection, polygons

    shapes = [[_valid(polygons(ring)) for ring in rings] for rings in (first, second)]
    common = np.array([[float(area(intersection(a, b))) for b in shapes[1]] for a in shapes[0]])
    centres = [np.array([ring.mean(axis=0) for ring in rings]) for rings in (first, second)]
    apart = np.hypot(*(centres[0][:, None] - centres[1][None]).transpose(2, 0, 1))
    # Most overlap first, nearest first among equals; ties by position, so that it is stable.
    order = np.lexsort((apart.ravel(), -common.ravel()))
    pairs: list[tuple[int, int]] = []
    left, right = set(range(len(first))), set(range(len(second)))
    for place in order.tolist():
        a, b = divmod(place, len(second))
        if a in left and b in right:
            pairs.append((a, b))
            left.discard(a)
            right.discard(b)
    return sorted(pairs)


def _valid(shape: Any) -> Any:
    from shapely import is_valid, make_valid

    return shape if is_valid(shape) else make_valid(shape)
