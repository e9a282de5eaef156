"""Cuboids, N at once: boxes turned about their centre, corners in space, pictures, outlines.

Corners come as front_tl, front_tr, front_br, front_bl, back_tl, back_tr, back_br, back_bl (t top,
b bottom, l left, r right). Seen along the cuboid's own z axis with y down, the front is at the
lower z, left at the lower x and top at the lower y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry.rotated import hull, turns

__all__ = [
    "corners",
    "directions",
    "project",
    "rotation_matrices",
    "silhouette",
    "silhouette_areas",
    "turned_boxes",
]

Floats = NDArray[np.float64]

_SIDES = np.array(
    [
        [-1.0, -1.0, -1.0],
        [1.0, -1.0, -1.0],
        [1.0, 1.0, -1.0],
        [-1.0, 1.0, -1.0],
        [-1.0, -1.0, 1.0],
        [1.0, -1.0, 1.0],
        [1.0, 1.0, 1.0],
        [-1.0, 1.0, 1.0],
    ]
)


def turned_boxes(boxes: ArrayLike, angles: ArrayLike) -> Floats:
    """Return the corners of boxes, each turned about its own centre, shape (N, 4, 2).

    Parameters
    ----------
    boxes : array_like of float, shape (N, 4)
        Left, top, right, bottom before turning, in pixels.
    angles : array_like of float, shape (N,)
        Degrees, clockwise on the screen.

    Returns
    -------
    ndarray of float64, shape (N, 4, 2)
        What was left-top, right-top, right-bottom, left-bottom before turning. The edges
        themselves where the angle is a multiple of 360.
    """
    edges = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    degrees = np.asarray(angles, dtype=np.float64).reshape(-1)
    points = edges[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    center = (edges[:, None, :2] / 2) + (edges[:, None, 2:] / 2)
    away = points - center
    cosine, sine = (part[:, None] for part in turns(degrees))
    x = away[..., 0] * cosine - away[..., 1] * sine
    y = away[..., 0] * sine + away[..., 1] * cosine
    turned = center + np.stack((x, y), axis=2)
    straight = (degrees % 360.0 == 0.0)[:, None, None]
    return np.where(straight, points, turned)


def directions(points: ArrayLike) -> Floats:
    """Return the direction of front_tl -> front_tr of each cube in degrees, [0, 360), shape (N,).

    Clockwise on the screen, 0 is to the right; 0 where the two points are one.

    Parameters
    ----------
    points : array_like of float, shape (N, 8, 2)
        Corners x, y in pixels.
    """
    values = np.asarray(points, dtype=np.float64).reshape(-1, 8, 2)
    way = values[:, 1] - values[:, 0] + 0.0
    degrees = np.degrees(np.arctan2(way[:, 1], way[:, 0])) % 360.0
    # The remainder of a tiny negative angle rounds up to 360.
    return np.where(degrees >= 360.0, 0.0, degrees)


def rotation_matrices(angles: ArrayLike) -> Floats:
    """Return the matrices of Euler angles, order XYZ: ``Rx @ Ry @ Rz``, shape (N, 3, 3).

    Parameters
    ----------
    angles : array_like of float, shape (N, 3)
        About x, y, z in radians; each turns the axes that the one before it has turned.
    """
    values = np.asarray(angles, dtype=np.float64).reshape(-1, 3)
    a, b, c = np.cos(values).T
    d, e, f = np.sin(values).T  # sines of x, y, z
    rows = (
        (b * c, -b * f, e),
        (a * f + d * e * c, a * c - d * e * f, -d * b),
        (d * f - a * e * c, d * c + a * e * f, a * b),
    )
    return np.stack([np.stack(row, axis=1) for row in rows], axis=1)


def corners(cuboids: ArrayLike) -> Floats:
    """Return the corners of cuboids in space, shape (N, 8, 3).

    Parameters
    ----------
    cuboids : array_like of float, shape (N, 3, 3)
        Of each: centre, full size along its own axes, Euler angles in radians (order XYZ).
    """
    values = np.asarray(cuboids, dtype=np.float64).reshape(-1, 3, 3)
    own = _SIDES * (values[:, 1:2] / 2)
    turned = own @ rotation_matrices(values[:, 2]).transpose(0, 2, 1)
    return np.asarray(values[:, :1] + turned)


def project(
    points: ArrayLike,
    camera: ArrayLike,
    rotation: ArrayLike | None = None,
    translation: ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Return where a camera sees points of the scene, and how far away they are.

    Parameters
    ----------
    points : array_like of float, shape (..., 3)
        x, y, z in the units of the scene.
    camera : array_like of float, shape (3, 4) or (3, 3)
        The whole projection ``K [R | t]``, or the intrinsic matrix K.
    rotation : array_like of float, shape (3, 3), optional
        R, with a (3, 3) camera; the identity if None.
    translation : array_like of float, shape (3,), (3, 1) or (1, 3), optional
        t, with a (3, 3) camera; zero if None.

    Returns
    -------
    pixels : ndarray of float64, shape (..., 2)
        x, y; NaN or infinite at depth 0, and of no meaning at a negative one.
    depths : ndarray of float64, shape (...)
        The third coordinate, which is the distance from the image plane where the last row of K
        is 0, 0, 1. Points with a depth <= 0 are not in front of the camera.

    Raises
    ------
    GeometryError
        If a matrix has another shape or a number that is not finite, or rotation or translation
        come with a (3, 4) camera, which holds them already.
    """
    matrix = _matrix(camera, "camera", ((3, 4), (3, 3)))
    if matrix.shape == (3, 4):
        if rotation is not None or translation is not None:
            raise GeometryError(
                "camera is (3, 4), which holds rotation and translation already. Give a (3, 3) "
                "camera with them, or leave them out"
            )
        turn, move = matrix[:, :3], matrix[:, 3]
    else:
        turn, move = matrix, np.zeros(3)
        if rotation is not None:
            turn = matrix @ _matrix(rotation, "rotation", ((3, 3),))
        if translation is not None:
            shift = _matrix(translation, "translation", ((3,), (3, 1), (1, 3)))
            move = matrix @ shift.reshape(3)
    seen = np.asarray(points, dtype=np.float64) @ turn.T + move
    depths = seen[..., 2]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        pixels = seen[..., :2] / depths[..., None]
    return pixels, depths


def _matrix(values: ArrayLike, what: str, shapes: tuple[tuple[int, ...], ...]) -> Floats:
    rule = " or ".join(str(shape) for shape in shapes)
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError(
            f"{what} is no array of numbers ({error}); its shape is {rule}"
        ) from error
    if matrix.shape not in shapes:
        raise GeometryError(f"{what} has shape {matrix.shape}; it has to be {rule}")
    if not np.isfinite(matrix).all():
        raise GeometryError(f"{what} has a number that is not finite; correct it")
    return matrix


def silhouette(points: ArrayLike) -> Floats:
    """Return the convex hull of the corners of one cube in the image, shape (n, 2).

    Clockwise on the screen; one or two vertices if all corners lie on one point or line.

    Parameters
    ----------
    points : array_like of float, shape (8, 2)
        Corners x, y in pixels.
    """
    around = hull(np.asarray(points, dtype=np.float64).reshape(-1, 2))
    if len(around) < 3:
        return around
    return np.ascontiguousarray(around[::-1]) if _area(around) < 0 else around


def silhouette_areas(points: ArrayLike) -> Floats:
    """Return the area of the convex hull of each cube's corners in square pixels, shape (N,).

    Parameters
    ----------
    points : array_like of float, shape (N, 8, 2)
        Corners x, y in pixels.
    """
    values = np.asarray(points, dtype=np.float64).reshape(-1, 8, 2)
    return np.array([_area(silhouette(corners)) for corners in values], dtype=np.float64)


def _area(ring: Floats) -> float:
    """Return the shoelace area, positive where the ring runs clockwise on the screen."""
    if len(ring) < 3:
        return 0.0
    x, y = (ring - ring[0]).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
