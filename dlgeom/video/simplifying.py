"""Fewer key frames: those that interpolation reproduces within a tolerance are left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions import Box, Cube, Cube3d, Definition, Ellipse, Point, Pose
from dlgeom.errors import UsageError
from dlgeom.video.interpolation import interpolate
from dlgeom.video.track import Keyframe, Track

__all__ = ["deviation", "simplify"]

TURNS = 32
"""Places between two key frames at which turning cuboids are compared: they move on no line."""

Floats = NDArray[np.float64]


def simplify(track: Track, tolerance: float = 0.0) -> tuple[Track, float]:
    """Return a track with a subset of its key frames, and the largest deviation in pixels.

    Key frames at which label, attributes, description, visibility or type change stay, and so do
    the first and the last. Between them those stay from which the rest is met within the
    tolerance, measured at each key frame that is left out and in the middle between two of them
    (Douglas and Peucker 1973, with distances in the picture at the same frame).

    Raises
    ------
    UsageError
        If `tolerance` is negative.
    """
    if not tolerance >= 0:
        raise UsageError(f"tolerance is {tolerance!r}; it is a distance in pixels, >= 0")
    keyframes = track.keyframes
    kept: set[int] = {0, len(keyframes) - 1}
    worst = 0.0
    for first, last in _runs(track):
        kept |= {first, last}
        stack = [(first, last)]
        while stack:
            a, b = stack.pop()
            if b - a < 2:
                continue
            off = _deviations(track, a, b)
            place = int(np.argmax(off))
            if off[place] == np.inf:
                reach = _split(track, a, b, tolerance)
                kept.add(reach)
                stack += [(a, reach), (reach, b)]
            elif off[place] > tolerance:
                kept.add(a + 1 + place)
                stack += [(a, a + 1 + place), (a + 1 + place, b)]
            else:
                worst = max(worst, float(off[place]))
    thin = track.replace(keyframes=tuple(keyframes[k] for k in sorted(kept)))
    return thin, worst


def _split(track: Track, a: int, b: int, tolerance: float) -> int:
    """Return the key frame between two at which to divide, where nothing corresponds.

    Between outlines of different counts all frames have the vertices of both: a key frame differs
    from those beside it. Else it is as far from `a` as interpolation gives all.
    """
    shapes = [keyframe.definition for keyframe in track.keyframes[a : b + 1]]
    jumps = [deviation(one, other) == np.inf for one, other in pairwise(shapes)]
    inner = range(1, b - a)
    for k in inner:
        if jumps[k - 1] and jumps[k]:
            return a + k
    for k in inner:
        if (jumps[k - 1] or jumps[k]) and _met(track, a, a + k, tolerance) and k > 1:
            return a + k
    return _furthest(track, a, b, tolerance)


def _furthest(track: Track, a: int, b: int, tolerance: float) -> int:
    """Return the last key frame before `b` up to which `a` and it give all between them."""
    good, step = a + 1, 2
    while good + step < b and _met(track, a, good + step, tolerance):
        good, step = good + step, step * 2
    bad = min(good + step, b)
    while bad - good > 1:
        middle = (good + bad) // 2
        if _met(track, a, middle, tolerance):
            good = middle
        else:
            bad = middle
    return good


def _met(track: Track, a: int, b: int, tolerance: float) -> bool:
    return float(_deviations(track, a, b).max(initial=0.0)) <= tolerance


def _runs(track: Track) -> list[tuple[int, int]]:
    """Return first and last index of runs of key frames that differ in geometry only."""
    found: list[tuple[int, int]] = []
    begin = 0
    keyframes = track.keyframes
    for index in range(1, len(keyframes)):
        if not _alike(keyframes[index - 1], keyframes[index]):
            found.append((begin, index - 1))
            begin = index
    return [*found, (begin, len(keyframes) - 1)]


def _alike(a: Keyframe, b: Keyframe) -> bool:
    one, other = a.definition, b.definition
    return (
        a.visible == b.visible
        and type(one) is type(other)
        and one.label == other.label
        and one.attributes == other.attributes
        and one.description == other.description
    )


def _deviations(track: Track, a: int, b: int) -> Floats:
    """Return how far each key frame between two is from what they would give, shape (b - a - 1,).

    Between two key frames both ways move evenly where geometry is interpolated number by number,
    so that the largest distance is met at a key frame; elsewhere the middle is looked at too.
    """
    keyframes = track.keyframes[a : b + 1]
    if track.mode == "hold" or not keyframes[0].visible:
        first = keyframes[0].definition
        return np.array([deviation(first, other.definition) for other in keyframes[1:-1]])
    rule = _VECTORS.get(type(keyframes[0].definition))
    if rule is not None:
        found = rule([keyframe.definition for keyframe in keyframes])
        if found is not None:
            frames = np.array([keyframe.frame for keyframe in keyframes], dtype=np.float64)
            parts = ((frames - frames[0]) / (frames[-1] - frames[0]))[1:-1, None, None]
            between = found[0] + (found[-1] - found[0]) * parts
            off: Floats = np.hypot(*(between - found[1:-1]).transpose(2, 0, 1)).max(axis=1)
            return off
    return np.array([_off(track, a, b, k) for k in range(a + 1, b)])


def _off(track: Track, a: int, b: int, k: int) -> float:
    """Return how far key frame `k`, and the middles beside it, are from what `a` and `b` give."""
    keyframes = track.keyframes
    start, end = keyframes[a], keyframes[b]
    settings: dict[str, Any] = {"masks": track.masks, "symmetric": track.symmetric}

    def given(left: Keyframe, right: Keyframe, frame: float) -> Definition:
        part = (frame - left.frame) / (right.frame - left.frame)
        return interpolate(left.definition, right.definition, part, **settings)

    here = keyframes[k]
    off = deviation(given(start, end, here.frame), here.definition)
    for left, right in ((keyframes[k - 1], here), (here, keyframes[k + 1])):
        for frame in _between(left, right):
            off = max(off, deviation(given(start, end, frame), given(left, right, frame)))
    return off


def _between(left: Keyframe, right: Keyframe) -> list[float]:
    """Return where two ways between key frames are compared: the middle, of turns in space more."""
    parts = TURNS if isinstance(left.definition, Cube3d) else 2
    gap = right.frame - left.frame
    return [left.frame + gap * k / min(parts, gap) for k in range(1, min(parts, gap))]


def deviation(first: Definition, second: Definition) -> float:
    """Return the largest distance between corresponding points of two shapes.

    In pixels; that of the corners of cuboids in space in their own unit.

    0 for equal ones, infinity where nothing corresponds: other types, numbers of vertices,
    visibilities or pixels.
    """
    if type(first) is not type(second):
        return np.inf
    if first._same_geometry(second):
        return 0.0
    if isinstance(first, Ellipse):
        return _ellipses(first, second)
    if isinstance(first, Box) and (first.angle or second.angle):
        return _turned(first, second)
    if isinstance(first, Cube3d) and isinstance(second, Cube3d):
        return float(np.linalg.norm(first.corners - second.corners, axis=1).max())
    if isinstance(first, Point | Pose) and not _seen_alike(first, second):
        return np.inf
    if isinstance(first.geo, list):
        return _rings(first, second)
    points = [_points(shape) for shape in (first, second)]
    if points[0] is None or points[1] is None or points[0].shape != points[1].shape:
        return np.inf
    return float(np.hypot(*(points[0] - points[1]).T).max(initial=0.0))


def _seen_alike(first: Any, second: Any) -> bool:
    """Whether points are equally visible; of poses also whether they have the same names."""
    if isinstance(first, Point):
        return first.visibility == second.visibility  # type: ignore[no-any-return]
    return list(first.names) == list(second.names) and np.array_equal(
        first.keypoints[:, 2], second.keypoints[:, 2]
    )


def _ellipses(first: Ellipse, second: Any) -> float:
    """Return a bound of the distance of corresponding points: centres, radii, then the turn."""
    from dlgeom.video.interpolation.angles import arc

    rx, ry, angle = second.rx, second.ry, second.angle or 0.0
    centre = math.hypot(first.x - second.x, first.y - second.y)
    radii = max(abs(first.rx - rx), abs(first.ry - ry))
    turn = math.radians(abs(arc(first.angle or 0.0, angle, 180.0)))
    return float(centre + radii + max(abs(rx - ry), abs(first.rx - first.ry)) * turn)


def _turned(first: Box, second: Any) -> float:
    """Return a bound of the distance of corresponding corners: centres, sizes, then the turn."""
    from dlgeom.video.interpolation.angles import arc

    centre: float = math.dist(first.center, second.center)
    sizes = math.hypot(first.width - second.width, first.height - second.height) / 2
    reach = max(math.hypot(box.width, box.height) / 2 for box in (first, second))
    turn = math.radians(abs(arc(first.angle or 0.0, second.angle or 0.0)))
    return centre + sizes + reach * turn


def _rings(first: Any, second: Any) -> float:
    """Return the distance of polygons or polylines of several rings or lines."""
    pieces = [
        shape.geo if isinstance(shape.geo, list) else [shape.geo] for shape in (first, second)
    ]
    parts = [[len(part) for part in getattr(shape, "parts", [])] for shape in (first, second)]
    if parts[0] != parts[1] or [len(ring) for ring in pieces[0]] != [len(r) for r in pieces[1]]:
        return np.inf
    whole = np.concatenate(pieces[0]) - np.concatenate(pieces[1])
    return float(np.hypot(*whole.T).max())


def _points(shape: Any) -> Floats | None:
    """Return the points whose distance counts, shape (n, 2); None for what has none."""
    if isinstance(shape, Box):
        return np.asarray(shape.corners)
    if isinstance(shape, Point):
        points: Floats = shape.geo[None]
        return points
    geo = shape.geo
    if isinstance(geo, np.ndarray) and geo.ndim == 2 and geo.shape[1] == 2 and len(geo):
        return geo
    return None


def _box_corners(shapes: list[Any]) -> Floats | None:
    """Return the corners of upright boxes, which move evenly; None if one is turned."""
    if any(shape.angle for shape in shapes):
        return None
    return np.array([shape.corners for shape in shapes])


def _places(points: list[Any]) -> Floats | None:
    """Return where points are; None if their visibility changes."""
    if any(point.visibility != points[0].visibility for point in points):
        return None
    return np.array([[[point.x, point.y]] for point in points])


_VECTORS: dict[type[Any], Callable[[list[Any]], Floats | None]] = {
    Box: _box_corners,
    Point: _places,
    Cube: lambda shapes: np.array([shape.geo for shape in shapes]),
}
