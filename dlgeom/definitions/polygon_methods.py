"""What polygons can do with their region: each method says it in short and delegates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from dlgeom.definitions.base import Definition
    from dlgeom.definitions.box import Box
    from dlgeom.definitions.polygon import Polygon
    from dlgeom.geometry.validity import Validity

__all__ = ["PolygonMethods"]


class PolygonMethods:
    """Validity, set operations, containment and other outlines of a `Polygon`.

    All of them work on what the polygon covers: the OR over its parts of (exterior XOR holes),
    rings filled even-odd, as its mask is. Polygons may cross themselves; results never do.
    Where nothing is left, the result is None. Label, attributes and description are kept.
    """

    __slots__ = ()

    @property
    def is_valid(self) -> bool:
        """Whether it is valid in the sense of OGC's simple features, as shapely says."""
        return self.validity().valid

    def validity(self) -> Validity:
        """Return whether it is valid and, if not, the reason, the place, the part and the ring.

        Examples
        --------
        >>> from dlgeom import Polygon
        >>> fault = Polygon([[0, 0], [4, 4], [4, 0], [0, 4]], "bow").validity()
        >>> fault.valid, fault.reason, fault.place, fault.part, fault.ring
        (False, 'self_intersection', (2.0, 2.0), 0, 0)
        """
        from dlgeom.conversions import polygons

        return polygons.validity(_polygon(self))

    def repair(self) -> Polygon:
        """Return a valid polygon that covers the same; itself if it is valid.

        Raises
        ------
        GeometryError
            If it covers nothing.

        Examples
        --------
        >>> from dlgeom import Polygon
        >>> bow = Polygon([[0, 0], [4, 4], [4, 0], [0, 4]], "bow")
        >>> bow.repair(), bow.repair().area
        (Polygon(2 parts, 6 vertices, label='bow'), 8.0)
        """
        from dlgeom.conversions import polygons

        return polygons.repair(_polygon(self))

    def orient(self, *, clockwise: bool = True) -> Polygon:
        """Return it with exteriors clockwise on screen (or not) and holes the other way."""
        from dlgeom.conversions import polygons

        return polygons.orient(_polygon(self), clockwise=clockwise)

    def contains(self, other: Definition | ArrayLike) -> Any:
        """Tell whether something lies inside; points on the outline do not (DE-9IM).

        Parameters
        ----------
        other : Definition, or array_like of float, shape (2,) or (N, 2)
            A shape, a point x, y, or N points.

        Returns
        -------
        bool, or ndarray of bool, shape (N,)
            For N points one answer each.

        Raises
        ------
        GeometryError
            If a definition has no place in the image, or an array another shape.

        See Also
        --------
        covers : Points on the outline are covered.
        """
        from dlgeom.conversions import polygons

        return polygons.contains(_polygon(self), other)

    def covers(self, other: Definition | ArrayLike) -> Any:
        """Tell whether no part of something lies outside; as `contains`, outline included."""
        from dlgeom.conversions import polygons

        return polygons.covers(_polygon(self), other)

    def union(self, other: Definition) -> Polygon:
        """Return what it or another shape covers; also ``|``."""
        from dlgeom.conversions import polygons

        return polygons.union(_polygon(self), other)

    def intersection(self, other: Definition) -> Polygon | None:
        """Return what both cover; also ``&``. None if they share no area."""
        from dlgeom.conversions import polygons

        return polygons.combine(_polygon(self), other, "intersection")

    def difference(self, other: Definition) -> Polygon | None:
        """Return what it covers and another shape does not; also ``-``. None if nothing."""
        from dlgeom.conversions import polygons

        return polygons.combine(_polygon(self), other, "difference")

    def symmetric_difference(self, other: Definition) -> Polygon | None:
        """Return what exactly one of both covers; also ``^``. None if nothing."""
        from dlgeom.conversions import polygons

        return polygons.combine(_polygon(self), other, "symmetric_difference")

    def __or__(self, other: object) -> Any:
        return self.union(other) if _is_shape(other) else NotImplemented

    def __and__(self, other: object) -> Any:
        return self.intersection(other) if _is_shape(other) else NotImplemented

    def __sub__(self, other: object) -> Any:
        return self.difference(other) if _is_shape(other) else NotImplemented

    def __xor__(self, other: object) -> Any:
        return self.symmetric_difference(other) if _is_shape(other) else NotImplemented

    def clip(self, box: Box | Sequence[float] | NDArray[np.float64]) -> Polygon | None:
        """Return what lies in a box (also a turned one) or in left, top, right, bottom.

        No vertex lies outside of an upright box, and a polygon in several pieces keeps them all.
        None if nothing does.
        """
        from dlgeom.conversions import polygons

        return polygons.clip(_polygon(self), box)

    def resample(self, count: int, *, keep_corners: bool = False) -> Polygon:
        """Return it with `count` vertices in all, equally spaced along each ring.

        Vertices are shared out to the rings so that the largest step is smallest; the first
        vertex of each ring stays. With `keep_corners`, so does each vertex where the outline
        turns.

        Raises
        ------
        GeometryError
            If there are fewer than three for each ring, or fewer than corners to keep.
        """
        from dlgeom.conversions import polygons

        return polygons.resample(_polygon(self), count, keep_corners=keep_corners)

    def simplify(
        self,
        tolerance: float | None = None,
        *,
        min_iou: float | None = None,
        vertices: int | None = None,
    ) -> Polygon:
        """Return it with fewer vertices; rings never cross, parts and holes all stay.

        Parameters
        ----------
        tolerance : float, optional
            Largest distance in pixels that a point of the outline may move.
        min_iou : float, optional
            Smallest intersection over union with this polygon, by exact areas.
        vertices : int, optional
            How many vertices to have, exactly; more than there are come on the longest edges.

        Raises
        ------
        GeometryError
            If none or several of them are given, one is out of its range, or the polygon cannot
            have so few vertices without a crossing.

        See Also
        --------
        dlgeom.conversions.simplify : The same function; says how it is done.

        Examples
        --------
        >>> from dlgeom import Ellipse, conversions
        >>> disc = conversions.to_polygon(Ellipse(50, 50, 40, 40, 0, "coin"))
        >>> len(disc.x), len(disc.simplify(vertices=12).x), len(disc.simplify(min_iou=0.9).x)
        (64, 12, 9)
        """
        from dlgeom.conversions.simplifying import simplify

        return simplify(_polygon(self), tolerance, min_iou=min_iou, vertices=vertices)

    def buffer(self, distance: float) -> Polygon | None:
        """Return it grown by `distance` pixels with round corners; negative shrinks it.

        The new outline lies between the true ones for `distance` and for 0.05 pixels less of
        it. None if nothing is left.
        """
        from dlgeom.conversions import polygons

        return polygons.buffer(_polygon(self), distance)

    def hull(self) -> Polygon:
        """Return its convex hull, clockwise on screen; a GeometryError if that has no area."""
        from dlgeom.conversions import to_hull

        return to_hull(_polygon(self))

    def rotated_box(self) -> Box:
        """Return the rotated box of the smallest area that holds it."""
        from dlgeom.conversions import polygons

        return polygons.rotated_box(_polygon(self))


def _polygon(methods: PolygonMethods) -> Polygon:
    from dlgeom.definitions.polygon import Polygon

    assert isinstance(methods, Polygon)
    return methods


def _is_shape(value: object) -> TypeGuard[Definition]:
    from dlgeom.definitions.base import Definition

    return isinstance(value, Definition)
