"""Angles between angles: shortest arcs in the plane, and turns in space."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry import cuboids

__all__ = ["arc", "slerp"]

Floats = NDArray[np.float64]


def arc(first: float, second: float, period: float = 360.0) -> float:
    """Return the shortest turn from one angle to another, in (-period / 2, period / 2].

    Exactly half a period is always a turn in the positive direction, so that two tracks that
    differ by whole turns move alike.

    Examples
    --------
    >>> arc(170, -170), arc(0, 180), arc(180, 0), arc(0, -180)
    (20.0, 180.0, 180.0, 180.0)
    >>> arc(10, 170, period=180)
    -20.0
    """
    turn = math.remainder(second - first, period)
    return period / 2 if turn == -period / 2 else turn


def slerp(first: Floats, second: Floats, t: float) -> Floats:
    """Return Euler angles between two, on the shorter way about one axis.

    Parameters
    ----------
    first, second : ndarray of float64, shape (3,)
        Euler angles about x, y, z in radians, as `dlgeom.geometry.cuboids.rotation_matrices`.
    t : float
        0 gives the first, 1 the second rotation.

    Returns
    -------
    ndarray of float64, shape (3,)
        The angles of the rotation between them; of several triples for one rotation the one in
        [-pi, pi] x [-pi / 2, pi / 2] x [-pi, pi].

    References
    ----------
    K. Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985. The turn from the first
    to the second rotation is taken apart into axis and angle, which is the same curve.
    """
    start, end = cuboids.rotation_matrices(np.stack((first, second)))
    turn = start.T @ end
    cosine = min(max((float(np.trace(turn)) - 1) / 2, -1.0), 1.0)
    angle = math.acos(cosine)
    if angle < 1e-9:
        return np.array(first) + (np.array(second) - np.array(first)) * t
    part = start @ _about(_axis(turn, angle), angle * t)
    return _euler(part)


def _axis(turn: Floats, angle: float) -> Floats:
    """Return the unit axis of a rotation matrix."""
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    length = float(np.linalg.norm(axis))
    if length > 1e-6:
        unit: Floats = axis / length
        return unit
    # Half a turn: the matrix is 2 a a' - 1, whose largest column gives the axis; its first
    # component that is not zero is positive, so that the way is always the same.
    outer = (turn + np.eye(3)) / 2
    column: Floats = outer[:, int(np.argmax(np.diag(outer)))]
    column /= float(np.linalg.norm(column))
    lead = float(column[np.flatnonzero(np.abs(column) > 1e-9)[0]])
    return column if lead > 0 else np.negative(column)


def _about(axis: Floats, angle: float) -> Floats:
    """Return the matrix of a turn about an axis (Rodrigues)."""
    x, y, z = axis.tolist()
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Floats = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * (cross @ cross)
    return turn


def _euler(matrix: Floats) -> Floats:
    """Return the angles whose ``Rx @ Ry @ Rz`` is the matrix."""
    sine = min(max(float(matrix[0, 2]), -1.0), 1.0)
    y = math.asin(sine)
    if abs(sine) < 1 - 1e-12:
        x = math.atan2(-matrix[1, 2], matrix[2, 2])
        z = math.atan2(-matrix[0, 1], matrix[0, 0])
    else:
        # Gimbal lock: x and z turn about the same axis, all of it is given to x.
        x, z = math.atan2(matrix[2, 1], matrix[1, 1]), 0.0
    return np.array([x, y, z])
