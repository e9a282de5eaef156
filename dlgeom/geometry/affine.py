"""Affine maps of the plane, and what they do to points, boxes, ellipses and key points.

A map is a float64 matrix of shape (3, 3) with the last row 0, 0, 1: a point x, y in continuous
pixels (y down) goes to ``m @ (x, y, 1)``. Angles are degrees, clockwise on the screen. Whole
numbers stay whole: quarter turns, mirrors and shifts by pixels give results without rounding, as
far as the sums themselves have none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import boxes as upright
from dlgeom.geometry.rotated import turns

__all__ = [
    "apply",
    "box_bounds",
    "box_corners",
    "determinant",
    "directions",
    "ellipses",
    "inverse",
    "is_similarity",
    "keeps_axes",
    "keypoints",
    "matrix_of",
    "product",
    "rotated_boxes",
    "rotation",
    "scaling",
    "shearing",
    "translation",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Point = tuple[float, float]

NEARLY = 1e-12
"""How much, of its own length, an axis may lean over and still count as at a right angle."""
SNAP = 1e-13
"""Degrees within which an angle takes a nearby number of ten decimals: 30.000000000000004 is 30."""


def matrix_of(values: ArrayLike) -> Floats:
    """Return a checked matrix of shape (3, 3) from one of shape (2, 3) or (3, 3).

    Raises
    ------
    GeometryError
        If the shape is another, a number is not finite, or the last row is not 0, 0, 1.
    """
    try:
        given = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"Affine: matrix is no array of numbers ({error})") from error
    if given.shape == (2, 3):
        given = np.vstack((given, [0.0, 0.0, 1.0]))
    if given.shape != (3, 3):
        raise GeometryError(f"Affine: matrix has shape {given.shape}; expected (3, 3) or (2, 3)")
    if not np.isfinite(given).all():
        raise GeometryError("Affine: matrix has NaN or infinity; its numbers are finite")
    if given[2].tolist() != [0.0, 0.0, 1.0]:
        raise GeometryError(
            f"Affine: the last row is {given[2].tolist()}; that of an affine map is [0, 0, 1]. "
            "Perspective is none"
        )
    return given + 0.0  # -0.0 becomes 0.0, so that equal maps have equal bytes


def _about(linear: Floats, center: Point) -> Floats:
    """Return the map with the given linear part that leaves `center` where it is."""
    x, y = center
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[0, 2] = x - (linear[0, 0] * x + linear[0, 1] * y)
    matrix[1, 2] = y - (linear[1, 0] * x + linear[1, 1] * y)
    return matrix_of(matrix)


def translation(dx: float, dy: float) -> Floats:
    """Return the shift by dx, dy pixels, shape (3, 3)."""
    return matrix_of([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])


def scaling(sx: float, sy: float, center: Point = (0.0, 0.0)) -> Floats:
    """Return the map that stretches by sx along x and sy along y about `center`, shape (3, 3)."""
    return _about(np.array([[sx, 0.0], [0.0, sy]], dtype=np.float64), center)


def rotation(angle: float, center: Point = (0.0, 0.0)) -> Floats:
    """Return the turn by `angle` degrees, clockwise on screen, about `center`, shape (3, 3).

    Exact at multiples of 90 degrees.
    """
    cosine, sine = turns(np.array([angle], dtype=np.float64))
    c, s = float(cosine[0]), float(sine[0])
    return _about(np.array([[c, -s], [s, c]]), center)


def shearing(x: float, y: float, center: Point = (0.0, 0.0)) -> Floats:
    """Return the shear by `x` degrees along x and `y` degrees along y, shape (3, 3).

    Upright lines lean over by `x` degrees: ``x' = x + tan(x angle) * y``; level ones by `y`.

    Raises
    ------
    GeometryError
        If an angle is not between -90 and 90.
    """
    for name, value in (("x", x), ("y", y)):
        if not -90 < value < 90:
            raise GeometryError(
                f"shear: {name} is {value}; a shear lies between -90 and 90 degrees"
            )
    return _about(
        np.array([[1.0, math.tan(math.radians(x))], [math.tan(math.radians(y)), 1.0]]), center
    )


def product(second: Floats, first: Floats) -> Floats:
    """Return the map that does `first` and then `second`, shape (3, 3)."""
    linear = second[:2, :2]
    a, b = first[0], first[1]
    rows = [linear[k, 0] * a + linear[k, 1] * b for k in (0, 1)]
    result = np.vstack((*rows, [0.0, 0.0, 1.0]))
    result[:2, 2] += second[:2, 2]
    return matrix_of(result)


def determinant(matrix: Floats) -> float:
    """Return by what factor areas grow; negative for a map that mirrors."""
    (a, b), (c, d) = matrix[:2, :2].tolist()
    return float(a * d - b * c)


def inverse(matrix: Floats) -> Floats:
    """Return the map that undoes another one, shape (3, 3).

    Raises
    ------
    GeometryError
        If it presses the plane onto a line or a point, which nothing undoes.
    """
    (a, b, x), (c, d, y) = matrix[:2].tolist()
    size = max(abs(a), abs(b), abs(c), abs(d))
    if size > 0:
        p, q, r, s = a / size, b / size, c / size, d / size
        scaled = p * s - q * r
        if abs(scaled) > 1e-15 * (abs(p * s) + abs(q * r)):
            with np.errstate(over="ignore"):
                # Powers of two and whole maps come out exactly: divided only once.
                det = a * d - b * c
                parts = (
                    np.array([[d, -b], [-c, a]]) / det
                    if 1e-150 < abs(det) < 1e150
                    else np.array([[s, -q], [-r, p]]) / scaled / size
                )
                shift = -(parts[:, 0] * x + parts[:, 1] * y)
            if np.isfinite(parts).all() and np.isfinite(shift).all():
                return matrix_of(np.column_stack((parts, shift)))
    raise GeometryError(
        f"the map [[{a}, {b}], [{c}, {d}]] has no inverse; it presses the plane onto a line or a "
        "point. Scale by numbers other than 0"
    )


def keeps_axes(matrix: Floats) -> bool:
    """Whether upright boxes stay upright: scales, mirrors, quarter turns, shifts."""
    (a, b), (c, d) = matrix[:2, :2].tolist()
    return bool((b == 0 and c == 0) or (a == 0 and d == 0))


def is_similarity(matrix: Floats) -> bool:
    """Whether shapes keep their form: turns, mirrors, equal scales along x and y, shifts."""
    (a, b), (c, d) = matrix[:2, :2].tolist()
    size = math.hypot(a, c)
    near = NEARLY * size
    turned = abs(a - d) <= near and abs(b + c) <= near
    mirrored = abs(a + d) <= near and abs(b - c) <= near
    return bool(size > 0 and (turned or mirrored))


def apply(matrix: Floats, points: ArrayLike) -> Floats:
    """Return where points go, a new array of the same shape.

    Parameters
    ----------
    matrix : ndarray of float64, shape (3, 3)
        The map.
    points : array_like of float, shape (..., 2)
        x, y in pixels.

    Raises
    ------
    GeometryError
        If a point goes beyond what a float holds.
    """
    given = np.asarray(points, dtype=np.float64)
    (a, b, x), (c, d, y) = matrix[:2].tolist()
    result = np.empty(given.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        # Term by term: a product with 0 and a sum with 0 change nothing.
        result[..., 0] = a * given[..., 0] + b * given[..., 1] + x
        result[..., 1] = c * given[..., 0] + d * given[..., 1] + y
    if not np.isfinite(result).all() and np.isfinite(given).all():
        raise GeometryError(
            "the map moves a point beyond what a float holds; coordinates are finite. "
            "Use a smaller scale"
        )
    return result


def box_corners(matrix: Floats, boxes: ArrayLike) -> Floats:
    """Return where the corners of upright boxes (N, 4) go, shape (N, 4, 2), in their order."""
    return apply(matrix, upright.box_rings(boxes))


def box_bounds(matrix: Floats, boxes: ArrayLike) -> Floats:
    """Return the smallest upright boxes around mapped upright boxes (xyxy), shape (N, 4).

    Exactly the mapped boxes where the map `keeps_axes`.
    """
    corners = box_corners(matrix, boxes)
    return np.hstack((corners.min(axis=1), corners.max(axis=1)))


def _snapped(degrees: Floats) -> Floats:
    """Return angles, those next to a number of ten decimals as that number."""
    near = np.round(degrees, 10)
    return np.where(np.abs(degrees - near) <= SNAP, near, degrees) + 0.0


def _wrapped(degrees: Floats) -> Floats:
    """Return angles in (-180, 180]; those in it stay as they are."""
    rest = np.fmod(degrees, 360.0)
    rest = np.where(rest > 180.0, rest - 360.0, rest)
    return np.where(rest <= -180.0, rest + 360.0, rest) + 0.0


@np.errstate(over="ignore", invalid="ignore")
def directions(matrix: Floats, angles: ArrayLike) -> Floats:
    """Return the angles of mapped directions, degrees in (-180, 180], shape (N,).

    A map that turns nothing leaves angles as they are. Exact at quarter turns and mirrors.
    """
    given = np.asarray(angles, dtype=np.float64).reshape(-1)
    (a, b), (c, d) = matrix[:2, :2].tolist()
    if b == 0 and c == 0 and a == d and a > 0:
        return given + 0.0
    if is_similarity(matrix):
        turned = _snapped(np.degrees(np.arctan2([c], [a])))
        mirrored = a * d - b * c < 0
        return _wrapped(_snapped(turned - given if mirrored else turned + given))
    cosine, sine = turns(given)
    return _wrapped(_snapped(np.degrees(np.arctan2(c * cosine + d * sine, a * cosine + b * sine))))


def _axes(matrix: Floats, angles: Floats) -> tuple[Floats, Floats]:
    """Return where the unit vectors along and across each angle go, two arrays (N, 2)."""
    cosine, sine = turns(angles)
    (a, b), (c, d) = matrix[:2, :2].tolist()
    with np.errstate(over="ignore"):
        along = np.column_stack((a * cosine + b * sine, c * cosine + d * sine))
        across = np.column_stack((b * cosine - a * sine, d * cosine - c * sine))
    return along, across


def _square(along: Floats, across: Floats) -> Bools:
    """Tell which pairs of axes (N, 2) are at a right angle."""
    lengths = np.hypot(*along.T) * np.hypot(*across.T)
    return np.asarray(np.abs((along * across).sum(axis=1)) <= NEARLY * lengths)


@np.errstate(over="ignore", invalid="ignore")
def rotated_boxes(matrix: Floats, boxes: ArrayLike) -> tuple[Floats, Bools]:
    """Map rotated boxes (cx, cy, w, h, angle).

    Parameters
    ----------
    matrix : ndarray of float64, shape (3, 3)
        The map.
    boxes : array_like of float, shape (N, 5)
        Rotated boxes, angles in degrees.

    Returns
    -------
    boxes : ndarray of float64, shape (N, 5)
        The mapped box where it is a rectangle again; else the rotated box of the smallest area
        around the parallelogram that it became.
    exact : ndarray of bool, shape (N,)
        Where it is a rectangle again.
    """
    given = np.asarray(boxes, dtype=np.float64).reshape(-1, 5)
    result = given.copy()
    result[:, :2] = apply(matrix, given[:, :2])
    width, height = given[:, 2], given[:, 3]
    along, across = _axes(matrix, given[:, 4])
    exact = _square(along, across) | (width == 0) | (height == 0)
    if is_similarity(matrix):
        exact[:] = True
    long, tall = np.hypot(*along.T), np.hypot(*across.T)
    result[:, 2], result[:, 3] = width * long, height * tall
    result[:, 4] = directions(matrix, given[:, 4])
    # A flat box takes its direction from the side that it has.
    upright_only = (width == 0) & (height > 0) & ~_square(along, across)
    result[upright_only, 4] = _wrapped(directions(matrix, given[upright_only, 4] + 90.0) - 90.0)
    leaning = np.flatnonzero(~exact)
    if len(leaning):
        u, v = along[leaning] * width[leaning, None], across[leaning] * height[leaning, None]
        result[leaning, 2:] = _around_parallelograms(u, v)
    if not np.isfinite(result).all():
        raise GeometryError(
            "the map makes a box larger than what a float holds; coordinates are finite. "
            "Use a smaller scale"
        )
    return result, exact


def _around_parallelograms(u: Floats, v: Floats) -> Floats:
    """Return width, height, angle of the smallest rectangles around parallelograms, (N, 3).

    One side of the smallest rectangle lies on an edge of the hull (Freeman and Shapira, 1975),
    so there are two to try; both have the centre of the parallelogram.
    """
    cross = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    dot = np.abs((u * v).sum(axis=1))
    long, tall = np.hypot(*u.T), np.hypot(*v.T)
    on_u = (long + dot / long) * (cross / long) <= (tall + dot / tall) * (cross / tall)
    width = np.where(on_u, long + dot / long, cross / tall)
    height = np.where(on_u, cross / long, tall + dot / tall)
    across = np.column_stack((v[:, 1], -v[:, 0]))
    # The turn of v by a quarter that goes along with u.
    across *= np.where((across * u).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    way = np.where(on_u[:, None], u, across)
    return np.column_stack((width, height, _snapped(np.degrees(np.arctan2(way[:, 1], way[:, 0])))))


@np.errstate(over="ignore", invalid="ignore")
def ellipses(matrix: Floats, ellipses: ArrayLike) -> Floats:
    """Map ellipses (x, y, rx, ry, angle), shape (N, 5): an ellipse stays an ellipse.

    The semi-axes are the singular values of the map times the old axes. Of the two names for the
    new axes the first is the one nearer to where the old first axis went.
    """
    given = np.asarray(ellipses, dtype=np.float64).reshape(-1, 5)
    result = given.copy()
    result[:, :2] = apply(matrix, given[:, :2])
    along, across = _axes(matrix, given[:, 4])
    result[:, 2] = given[:, 2] * np.hypot(*along.T)
    result[:, 3] = given[:, 3] * np.hypot(*across.T)
    result[:, 4] = directions(matrix, given[:, 4])
    leaning = np.flatnonzero(~_square(along, across))
    if len(leaning) and not is_similarity(matrix):
        first = along[leaning] * given[leaning, 2:3]
        second = across[leaning] * given[leaning, 3:4]
        vectors, values, _ = np.linalg.svd(np.stack((first, second), axis=2))
        values = np.abs(values)  # no -0.0
        # An axis without length points nowhere: it stays across the other one.
        flat = ~first.any(axis=1)
        first[flat] = np.column_stack((second[:, 1], -second[:, 0]))[flat]
        # Columns of `vectors` are the new axes, the longer first.
        swap = np.abs((vectors[:, :, 0] * first).sum(axis=1)) < np.abs(
            (vectors[:, :, 1] * first).sum(axis=1)
        )
        way = np.where(swap[:, None], vectors[:, :, 1], vectors[:, :, 0])
        way *= np.where((way * first).sum(axis=1) < 0, -1.0, 1.0)[:, None]
        result[leaning, 2:4] = np.where(swap[:, None], values[:, ::-1], values)
        result[leaning, 4] = _snapped(np.degrees(np.arctan2(way[:, 1], way[:, 0])))
    if not np.isfinite(result).all():
        raise GeometryError(
            "the map makes an ellipse larger than what a float holds; coordinates are finite. "
            "Use a smaller scale"
        )
    return result


def keypoints(
    matrix: Floats,
    keypoints: ArrayLike,
    *,
    size: tuple[int, int] | None = None,
    source: tuple[int, int] | None = None,
    flip_idx: ArrayLike | None = None,
) -> Floats:
    """Map key points (x, y, visibility), shape (..., K, 3), into a new array.

    Parameters
    ----------
    matrix : ndarray of float64, shape (3, 3)
        The map.
    keypoints : array_like of float, shape (..., K, 3)
        x, y in pixels and visibility (0 not labelled, 1 hidden, 2 visible).
    size : tuple of int, optional
        (width, height) of the new image: points that leave it get visibility 0 and keep their
        place, so that the inverse map knows it.
    source : tuple of int, optional
        (width, height) of the old image: points that were outside of it did not leave.
    flip_idx : array_like of int, shape (K,), optional
        For each key point the one that it becomes when the image is mirrored; used where the map
        mirrors.

    Notes
    -----
    A point at exactly (0, 0) with visibility 0 is COCO's way to say that nobody labelled it. It
    stays there.
    """
    given = np.asarray(keypoints, dtype=np.float64)
    if given.ndim == 0 or given.shape[-1] != 3:
        raise GeometryError(
            f"key points have shape {given.shape}; expected (..., K, 3): x, y, visibility"
        )
    result = given.copy()
    result[..., :2] = apply(matrix, given[..., :2])
    nowhere = (given == 0).all(axis=-1)
    result[nowhere] = 0.0
    if size is not None:
        left = ~inside(result[..., :2], size)
        if source is not None:
            left &= inside(given[..., :2], source)
        result[..., 2][left] = 0.0
    if flip_idx is not None and determinant(matrix) < 0:
        result = result[..., np.asarray(flip_idx, dtype=np.intp), :]
    return result


def inside(points: Floats, size: tuple[int, int]) -> Bools:
    """Tell which points (..., 2) lie in an image of (width, height), its edges included."""
    x, y = points[..., 0], points[..., 1]
    return np.asarray((x >= 0) & (y >= 0) & (x <= size[0]) & (y <= size[1]))
