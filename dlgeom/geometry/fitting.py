"""Ellipses that stand for regions or points.

An ellipse is (x, y, rx, ry, angle), float64 of shape (5,): centre and semi-axes in pixels, angle
in degrees clockwise on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry import regions

__all__ = ["ellipse_of_region", "ellipse_through", "moments"]

Floats = NDArray[np.float64]
Parts = Sequence[Sequence[Floats]]

ROUND = 1e-9  # axes whose squares differ by less than this part make a circle
FEWEST = 5


def moments(parts: Parts) -> tuple[float, Floats, Floats]:
    """Return area, centre (2,) and covariance (2, 2) of a region, exactly by Green's theorem.

    Parameters
    ----------
    parts : sequence of sequence of ndarray, shape (n, 2)
        Rings; filled as `dlgeom.geometry.regions` says.

    Raises
    ------
    GeometryError
        If the region has no area.
    """
    rings = [ring for part in regions.parts_of(regions.region(parts)) for ring in part]
    if not rings:
        raise GeometryError(
            "the outline has no area, so it has no ellipse. Give it a width or area"
        )
    points = np.concatenate(rings)
    origin = (points.min(axis=0) + points.max(axis=0)) / 2
    scale = float(np.abs(points - origin).max())
    area, first, second = 0.0, np.zeros(2), np.zeros((2, 2))
    # Exteriors and holes run in opposite ways, so that the sums are those of the region.
    for ring in rings:
        p = (ring - origin) / scale
        q = np.roll(p, -1, axis=0)
        cross = p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1]
        area += cross.sum() / 2
        first += ((p + q) * cross[:, None]).sum(axis=0) / 6
        both = p + q
        second += (both.T * cross) @ both / 24 + ((p.T * cross) @ p + (q.T * cross) @ q) / 24
    if not area > 0:
        raise GeometryError(
            "the outline has no area, so it has no ellipse. Give it a width or area"
        )
    centre = first / area
    spread = second / area - np.outer(centre, centre)
    return area * scale**2, origin + centre * scale, spread * scale**2


def ellipse_of_region(parts: Parts) -> Floats:
    """Return the ellipse with the centre, the area and the directions of a region, shape (5,).

    The ratio of its axes is that of the region's second moments; so an ellipse comes out as it
    is, and a square as the circle of its area. The first axis is the longer one, its angle in
    [-90, 90).

    Raises
    ------
    GeometryError
        If the region has no area.
    """
    area, centre, spread = moments(parts)
    values, ways = np.linalg.eigh(spread)
    small, large = np.maximum(values, 0.0).tolist()
    if large - small <= ROUND * large:
        radius = float(np.sqrt(area / np.pi))
        return np.array([*centre, radius, radius, 0.0])
    if small <= 0:
        raise GeometryError("the outline is too thin for an ellipse. Use a line or a box")
    ratio = np.sqrt(large / small)
    rx = float(np.sqrt(area / np.pi * ratio))
    return np.array([*centre, rx, rx / float(ratio), _degrees(ways[:, 1])])


def _degrees(way: Floats) -> float:
    """Return the direction of a line in [-90, 90)."""
    degrees = float(np.degrees(np.arctan2(way[1], way[0])))
    return (degrees + 90.0) % 180.0 - 90.0


def ellipse_through(points: ArrayLike) -> Floats:
    """Return the ellipse that fits points best, shape (5,); exact for points on an ellipse.

    Parameters
    ----------
    points : array_like of float, shape (n, 2)
        Five or more points, not all on one line.

    Raises
    ------
    GeometryError
        If there are too few points, one is not finite, or no ellipse fits them.

    References
    ----------
    A. Fitzgibbon, M. Pilu, R. B. Fisher, Direct least square fitting of ellipses, 1999, in the
    stable form of R. Halir and J. Flusser, 1998. It minimises the algebraic distance.
    """
    xy = np.asarray(points, dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2 or len(np.unique(xy, axis=0)) < FEWEST:
        raise GeometryError(
            f"points of shape {xy.shape} make no ellipse; give {FEWEST} different points or more, "
            "(n, 2)"
        )
    if not np.isfinite(xy).all():
        raise GeometryError("a point is not finite; remove NaN and infinity")
    regions.check_near(xy)
    middle = xy.mean(axis=0)
    scale = float(np.abs(xy - middle).max())
    x, y = ((xy - middle) / scale).T
    quadratic = np.column_stack((x * x, x * y, y * y))
    linear = np.column_stack((x, y, np.ones_like(x)))
    conic = _conic(quadratic, linear)
    if conic is None:
        raise GeometryError("no ellipse fits the points; they lie on a line or an open curve")
    return _axes(conic, middle, scale)


def _conic(quadratic: Floats, linear: Floats) -> Floats | None:
    """Return a..f of the best ``a x² + b xy + c y² + d x + e y + f = 0`` with ``4 a c > b²``."""
    s1, s2, s3 = quadratic.T @ quadratic, quadratic.T @ linear, linear.T @ linear
    try:
        back = -np.linalg.solve(s3, s2.T)
        reduced = s1 + s2 @ back
        # The constraint matrix [[0, 0, 2], [0, -1, 0], [2, 0, 0]], inverted.
        values, vectors = np.linalg.eig(np.vstack((reduced[2] / 2, -reduced[1], reduced[0] / 2)))
    except np.linalg.LinAlgError:
        return None
    real = np.real(vectors[:, np.abs(values.imag) <= 1e-9])
    room = 4 * real[0] * real[2] - real[1] ** 2
    if not len(room) or not room.max() > 1e-14:
        return None
    best = real[:, int(room.argmax())]
    return np.concatenate((best, back @ best))


def _axes(conic: Floats, middle: Floats, scale: float) -> Floats:
    a, b, c, d, e, f = (conic if conic[0] > 0 else -conic).tolist()
    form = np.array([[a, b / 2], [b / 2, c]])
    centre = np.linalg.solve(2 * form, [-d, -e])
    level = float(centre @ form @ centre) - f
    values, ways = np.linalg.eigh(form)
    if not (level > 0 and values[0] > 0):
        raise GeometryError("no ellipse fits the points; they lie on a line or an open curve")
    long, short = np.sqrt(level / values) * scale
    angle = 0.0 if values[1] - values[0] <= ROUND * values[1] else _degrees(ways[:, 0])
    return np.array([*(middle + centre * scale), long, short, angle])
