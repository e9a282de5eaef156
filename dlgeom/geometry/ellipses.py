"""Ellipses, N at once: extent, points, outlines within a given distance.

An ellipse is (x, y, rx, ry, angle), float64 of shape (N, 5): centre and semi-axes in pixels,
angle in degrees clockwise on the screen (from +x towards +y) about the centre.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry.rotated import turns

__all__ = ["DISTANCE", "extent", "outline", "vertex_counts"]

Floats = NDArray[np.float64]

DISTANCE = 0.05
"""Pixels that the outline of an ellipse may differ from it."""
FEWEST = 8
MOST = 1 << 16


def extent(ellipses: ArrayLike) -> Floats:
    """Return left, top, right, bottom of ellipses, shape (N, 4), in pixels.

    Half the width is ``hypot(rx cos a, ry sin a)``, half the height ``hypot(rx sin a, ry cos a)``;
    exact, as far as centre plus half size is, at multiples of 90 degrees.
    """
    values = np.asarray(ellipses, dtype=np.float64).reshape(-1, 5)
    cosine, sine = turns(values[:, 4])
    rx, ry = values[:, 2], values[:, 3]
    half = np.column_stack((np.hypot(rx * cosine, ry * sine), np.hypot(rx * sine, ry * cosine)))
    return np.hstack((values[:, :2] - half, values[:, :2] + half))


def vertex_counts(ellipses: ArrayLike, *, distance: float = DISTANCE) -> NDArray[np.int64]:
    """Return how many vertices keep an outline within `distance` pixels, multiples of 4, (N,).

    Parameters
    ----------
    ellipses : array_like of float, shape (N, 5)
        x, y, rx, ry, angle.
    distance : float, default 0.05
        Largest distance in pixels between the ellipse and its outline, greater than 0.

    Raises
    ------
    GeometryError
        If the distance is not greater than 0, or would take more than 65,536 vertices.

    Notes
    -----
    A polygon of n points at equal steps on a circle of radius r leaves it by the sagitta
    ``r (1 - cos(pi / n))``. An ellipse with semi-axes a >= b is that of a circle of radius a
    pressed together along one axis, which makes no distance greater, so that radius a is on the
    safe side. At least 8 vertices; 65,536 are enough for a radius of 43 million pixels at 0.05.
    """
    if not 0 < distance < np.inf:
        raise GeometryError(f"distance is {distance}; it is greater than 0, in pixels")
    values = np.asarray(ellipses, dtype=np.float64).reshape(-1, 5)
    radius = values[:, 2:4].max(axis=1, initial=0.0)
    # 1 - cos(t) = 2 sin(t / 2)^2, which keeps its digits for large radii.
    share = np.sqrt(np.minimum(distance / 2 / np.maximum(radius, distance), 0.5))
    counts = np.ceil(np.pi / (2 * np.arcsin(share)) / 4) * 4
    if (counts > MOST).any():
        raise GeometryError(
            f"a semi-axis of {radius.max():g} pixels takes more than {MOST} vertices to stay "
            f"within {distance:g} pixels. Give a greater distance"
        )
    return np.asarray(np.maximum(counts, FEWEST).astype(np.int64))


def outline(ellipse: ArrayLike, *, distance: float = DISTANCE) -> Floats:
    """Return the vertices of a polygon that stands for one ellipse, shape (n, 2).

    No point of the ellipse or of the polygon is farther than `distance` pixels from the other
    one. Vertices lie on the ellipse, clockwise on the screen from the end of its first axis; the
    ends of both axes are among them.

    Parameters
    ----------
    ellipse : array_like of float, shape (5,)
        x, y, rx, ry, angle.
    distance : float, default 0.05
        Largest distance in pixels, greater than 0.
    """
    values = np.asarray(ellipse, dtype=np.float64).reshape(1, 5)
    count = int(vertex_counts(values, distance=distance)[0])
    x, y, rx, ry, _ = values[0].tolist()
    # Multiples of 90 degrees come out exact, so that axes end where they should.
    along, across = turns(np.arange(count, dtype=np.float64) * (360.0 / count))
    cosine, sine = turns(values[:, 4])
    along, across = rx * along, ry * across
    return np.column_stack(
        (x + (along * cosine - across * sine), y + (along * sine + across * cosine))
    )
