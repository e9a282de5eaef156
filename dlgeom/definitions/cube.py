"""Cubes: the eight corners of a cuboid as they are seen in the image."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.base import (
    ArrayDefinition,
    AttributesLike,
    Bounds,
    float_array,
    number,
    read_only,
)
from dlgeom.definitions.box import Box
from dlgeom.errors import GeometryError
from dlgeom.geometry import cuboids

__all__ = ["Cube"]

Floats = NDArray[np.float64]

CORNERS = (
    "front_tl",
    "front_tr",
    "front_br",
    "front_bl",
    "back_tl",
    "back_tr",
    "back_br",
    "back_bl",
)
"""Names of the corners in the order of `Cube.geo` (t top, b bottom, l left, r right)."""


class Cube(ArrayDefinition):
    """The eight corners of a cuboid as seen in the image, in continuous pixels.

    Parameters
    ----------
    label : str
        Name of its class.
    front_tl, front_tr, front_br, front_bl : array_like of float, shape (2,)
        Corners x, y of the front: top-left, top-right, bottom-right, bottom-left.
    back_tl, back_tr, back_br, back_bl : array_like of float, shape (2,)
        Those of the back.
    angle : float, optional
        Degrees, clockwise on screen. The points are turned already: it tells, and turns
        nothing. If None it is the direction of front_tl -> front_tr, in [0, 360).
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If a point has another shape, or a number is NaN or infinite.

    Examples
    --------
    >>> cube = Cube.from_boxes_and_angle(0, 0, 4, 4, 2, 2, 8, 8, "crate")
    >>> cube.bounds, cube.angle, cube.geo[5].tolist()
    ((0.0, 0.0, 8.0, 8.0), 0.0, [8.0, 2.0])
    """

    type: ClassVar[str] = "cube"

    __slots__ = ("_angle", "_points")
    _geometry = ("_points", "_angle")

    _points: Floats
    _angle: float

    def __init__(
        self,
        label: str | None,
        front_tl: ArrayLike,
        front_tr: ArrayLike,
        front_br: ArrayLike,
        front_bl: ArrayLike,
        back_tl: ArrayLike,
        back_tr: ArrayLike,
        back_br: ArrayLike,
        back_bl: ArrayLike,
        angle: float | None = None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> None:
        given = (front_tl, front_tr, front_br, front_bl, back_tl, back_tr, back_br, back_bl)
        points = np.array([_point(value, name) for value, name in zip(given, CORNERS, strict=True)])
        if angle is None:
            turned = float(cuboids.directions(points[None])[0])
        else:
            turned = number(angle, "Cube: angle")
        put = object.__setattr__
        put(self, "_points", read_only(points))
        put(self, "_angle", turned)
        self._fill(label, attributes, description)

    @classmethod
    def from_boxes_and_angle(
        cls,
        front_left: float,
        front_top: float,
        front_right: float,
        front_bottom: float,
        back_left: float,
        back_top: float,
        back_right: float,
        back_bottom: float,
        label: str | None,
        angle: float | None = 0,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Cube:
        """Build from the boxes of front and back, each turned about its own centre.

        Parameters
        ----------
        front_left, front_top, front_right, front_bottom : float
            Edges of the front before turning, in pixels.
        back_left, back_top, back_right, back_bottom : float
            Edges of the back before turning.
        label : str
            Name of its class.
        angle : float, default 0
            Degrees, clockwise on screen; None is 0.
        attributes, description
            As for `Cube`.

        Raises
        ------
        GeometryError
            If a number is NaN or infinite, or a pair of edges is in the wrong order.
        """
        degrees = 0.0 if angle is None else number(angle, "Cube: angle")
        edges = []
        for side, given in (
            ("front", (front_left, front_top, front_right, front_bottom)),
            ("back", (back_left, back_top, back_right, back_bottom)),
        ):
            try:
                edges.append(Box(*given).bounds)
            except GeometryError as error:
                raise GeometryError(f"Cube: {side} box: {error}") from error
        points = cuboids.turned_boxes(np.array(edges), np.full(2, degrees))
        return cls.from_points(points.reshape(8, 2), label, degrees, attributes, description)

    @classmethod
    def from_points(
        cls,
        points: ArrayLike,
        label: str | None,
        angle: float | None = None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Cube:
        """Build from all corners at once, shape (8, 2), in the order of the constructor."""
        p = float_array(points, "Cube: points", "they are 8 corners [x, y] in pixels")
        if p.shape != (8, 2):
            raise GeometryError(f"Cube: points have shape {p.shape}; a cube has 8 corners, (8, 2)")
        corners = (p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7])
        return cls(label, *corners, angle, attributes, description)

    @property
    def angle(self) -> float:
        """Degrees, clockwise on screen: as given, or the direction of front_tl -> front_tr."""
        return self._angle

    @property
    def geo(self) -> Floats:
        """Corners in the order of the constructor; read-only, shape (8, 2)."""
        return self._points

    def _corner(self, index: int) -> Floats:
        corner: Floats = self._points[index]
        return corner

    @property
    def front_tl(self) -> Floats:
        """Top-left corner of the front; read-only, shape (2,)."""
        return self._corner(0)

    @property
    def front_tr(self) -> Floats:
        """Top-right corner of the front; read-only, shape (2,)."""
        return self._corner(1)

    @property
    def front_br(self) -> Floats:
        """Bottom-right corner of the front; read-only, shape (2,)."""
        return self._corner(2)

    @property
    def front_bl(self) -> Floats:
        """Bottom-left corner of the front; read-only, shape (2,)."""
        return self._corner(3)

    @property
    def back_tl(self) -> Floats:
        """Top-left corner of the back; read-only, shape (2,)."""
        return self._corner(4)

    @property
    def back_tr(self) -> Floats:
        """Top-right corner of the back; read-only, shape (2,)."""
        return self._corner(5)

    @property
    def back_br(self) -> Floats:
        """Bottom-right corner of the back; read-only, shape (2,)."""
        return self._corner(6)

    @property
    def back_bl(self) -> Floats:
        """Bottom-left corner of the back; read-only, shape (2,)."""
        return self._corner(7)

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom of the corners, in pixels."""
        left, top = self._points.min(axis=0).tolist()
        right, bottom = self._points.max(axis=0).tolist()
        return left, top, right, bottom

    @property
    def area(self) -> float:
        """Area of what it covers, the convex hull of its corners, in square pixels."""
        return float(cuboids.silhouette_areas(self._points[None])[0])

    def _geometry_key(self) -> Any:
        # Adding 0.0 turns -0.0 into 0.0, which compare equal but differ in their bytes.
        return (self._points + 0.0).tobytes(), self._angle

    def _same_geometry(self, other: Any) -> bool:
        return self._angle == other._angle and np.array_equal(self._points, other._points)

    def _close_geometry(self, other: Any, atol: float) -> bool:
        return abs(self._angle - other._angle) <= atol and bool(
            (np.abs(self._points - other._points) <= atol).all()
        )

    def _summary(self) -> list[str]:
        left, top, right, bottom = self.bounds
        return [f"8 points in ({left:g}, {top:g}, {right:g}, {bottom:g})"]


def _point(value: ArrayLike, name: str) -> list[float]:
    """Return x, y of a corner."""
    numbers = float_array(value, f"Cube: {name}", "a corner is [x, y] in pixels")
    if numbers.shape != (2,):
        raise GeometryError(f"Cube: {name} has shape {numbers.shape}; a corner is [x, y], (2,)")
    return [number(entry, f"Cube: {name}") for entry in numbers.tolist()]
