"""Poses: key points of one thing, in the order of their template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index as whole
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    NO_BOUNDS,
    ArrayDefinition,
    AttributesLike,
    Bounds,
    checked_text,
    read_only,
)
from dlgeom.definitions.moving import MovingPose
from dlgeom.definitions.point import Point
from dlgeom.errors import GeometryError

__all__ = ["Pose"]

Floats = NDArray[np.float64]
VISIBLE = 2.0


class Pose(MovingPose, ArrayDefinition):
    """Key points of one thing.

    Parameters
    ----------
    label : str
        Name of its class.
    template_id : str
        Id of the template that says which points there are; None where nobody gave one.
    instance_id : str, optional
        Id of this one.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    points : iterable of Point, optional
        The key points in the template's order, each with its `visibility` (None is visible).
    description : str, optional
        Free text.
    skeleton : sequence of (int, int)
        Edges between points, counted from 0.

    Raises
    ------
    GeometryError
        If an entry of `points` is no Point, or an edge names no point.

    Notes
    -----
    Bounds are those of all points with a visibility other than 0; NaN if there are none. To say
    that a point is visible (2) and to say nothing (None) is the same: such poses are equal.

    Examples
    --------
    >>> Pose("person", "t1", points=[Point(3, 4, "nose"), Point(1, 2, "eye")], skeleton=[(0, 1)])
    Pose(2 points, label='person')
    """

    type: ClassVar[str] = "pose"

    # _xyv (K, 3): x, y, visibility. _points is None for a view on columns until it is asked for.
    __slots__ = ("_names", "_points", "_xyv", "instance_id", "skeleton", "template_id")
    _geometry = ("_xyv", "_names", "_points", "skeleton", "template_id", "instance_id")

    _xyv: Floats
    _names: tuple[str, ...]
    _points: tuple[Point, ...] | None
    skeleton: tuple[tuple[int, int], ...]
    template_id: str | None
    instance_id: str | None

    def __init__(
        self,
        label: str | None,
        template_id: str | None,
        instance_id: str | None = None,
        attributes: AttributesLike = None,
        points: Iterable[Point] | None = None,
        description: str | None = None,
        *,
        skeleton: Sequence[tuple[int, int]] = (),
    ) -> None:
        try:
            given = () if points is None else tuple(points)
        except TypeError as error:
            raise GeometryError(
                f"Pose: points is {points!r}; it is a list of Point(x, y, label)"
            ) from error
        for index, point in enumerate(given):
            if not isinstance(point, Point):
                raise GeometryError(
                    f"Pose: point {index} is {point!r}; points are Point(x, y, label)"
                )
        xyv = np.array(
            [(p.x, p.y, VISIBLE if p.visibility is None else p.visibility) for p in given],
            dtype=np.float64,
        ).reshape(-1, 3)
        put = object.__setattr__
        put(self, "_xyv", read_only(xyv))
        put(self, "_names", tuple(point.label or "" for point in given))
        put(self, "_points", given)
        put(self, "skeleton", _edges(skeleton, len(given)))
        put(self, "template_id", checked_text(template_id, "Pose: template_id"))
        put(self, "instance_id", checked_text(instance_id, "Pose: instance_id"))
        self._fill(label, attributes, description)

    @classmethod
    def from_points(
        cls,
        points: Iterable[Point],
        label: str | None,
        template_id: str | None = None,
        instance_id: str | None = None,
        attributes: AttributesLike = None,
        description: str | None = None,
        *,
        names: Sequence[str] | None = None,
        skeleton: Sequence[tuple[int | str, int | str]] = (),
    ) -> Pose:
        """Join points into a pose, in the order of a template; `points` splits it again.

        Parameters
        ----------
        points : iterable of Point
            In any order; the label of each says which key point it is.
        label, template_id, instance_id, attributes, description
            As for `Pose`.
        names : sequence of str, optional
            Names of all key points in the template's order. Those without a point become points
            at 0, 0 with visibility 0. If None, the points stay in the order given.
        skeleton : sequence of (int or str, int or str)
            Edges between points, which are counted from 0 or named.

        Raises
        ------
        GeometryError
            If a name comes twice, a point's label is not among the names, or an edge names no
            point.

        Examples
        --------
        >>> pose = Pose.from_points(
        ...     [Point(3, 4, "nose"), Point(1, 2, "eye")],
        ...     "cat",
        ...     names=["eye", "ear", "nose"],
        ...     skeleton=[("eye", "nose")],
        ... )
        >>> pose.keypoints.tolist(), pose.skeleton
        ([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0], [3.0, 4.0, 2.0]], ((0, 2),))
        """
        given = list(points)
        if names is not None:
            given = _in_order(given, list(names))
        places = {point.label: index for index, point in enumerate(given)}
        edges = [(_place(places, a), _place(places, b)) for a, b in skeleton]
        return cls(label, template_id, instance_id, attributes, given, description, skeleton=edges)

    @classmethod
    def _view(
        cls,
        xyv: Floats,
        names: tuple[str, ...],
        skeleton: tuple[tuple[int, int], ...],
        label: str | None,
        attributes: Any,
        description: str | None = None,
    ) -> Pose:
        """Build from checked, read-only columns, without copies."""
        self: Pose = object.__new__(cls)
        put = object.__setattr__
        put(self, "_xyv", xyv)
        put(self, "_names", names)
        put(self, "_points", None)
        put(self, "skeleton", skeleton)
        put(self, "template_id", None)
        put(self, "instance_id", None)
        put(self, "label", label)
        put(self, "attributes", attributes)
        put(self, "description", description)
        return self

    @property
    def points(self) -> tuple[Point, ...]:
        """The key points in the template's order."""
        if self._points is None:
            made = tuple(
                Point(x, y, name, NO_ATTRIBUTES, None, _known(visibility))
                for (x, y, visibility), name in zip(self._xyv.tolist(), self.names, strict=True)
            )
            # Filled in when first read; nothing that can be seen from outside changes.
            object.__setattr__(self, "_points", made)
            return made
        return self._points

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each key point; its position as text where the template has none."""
        known = self._names
        if len(known) == len(self._xyv):
            return known
        count = len(self._xyv)
        return (known + tuple(str(k) for k in range(len(known), count)))[:count]

    @property
    def keypoints(self) -> Floats:
        """x, y, visibility (0, 1, 2) of each key point; read-only, shape (K, 3)."""
        return self._xyv

    @property
    def geo(self) -> Floats:
        """x, y of each key point, shape (K, 2)."""
        return self._xyv[:, :2]

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom of the labelled points, in pixels; NaN if there are none."""
        seen = self._xyv[self._xyv[:, 2] > 0, :2]
        if len(seen) == 0:
            return NO_BOUNDS
        left, top = seen.min(axis=0).tolist()
        right, bottom = seen.max(axis=0).tolist()
        return left, top, right, bottom

    def _identity(self) -> tuple[Any, ...]:
        return self.template_id, self.instance_id, self.skeleton

    def _geometry_key(self) -> Any:
        return (self._xyv + 0.0).tobytes(), self.names

    def _same_geometry(self, other: Any) -> bool:
        return self._says_the_same(other) and np.array_equal(self._xyv, other._xyv)

    def _close_geometry(self, other: Any, atol: float) -> bool:
        if not self._says_the_same(other) or len(self._xyv) != len(other._xyv):
            return False
        off = np.abs(self._xyv - other._xyv)
        return bool((off[:, :2] <= atol).all() and not off[:, 2].any())

    def _says_the_same(self, other: Any) -> bool:
        """Whether all is equal but places and visibilities.

        A point without a visibility is visible, one without a label has the name "": what a pose
        says is what its arrays say, so that it comes back from columns.
        """
        return bool(
            self._identity() == other._identity()
            and self.names == other.names
            and self._details() == other._details()
        )

    def _details(self) -> dict[int, Any]:
        """Return what points say beside place, name and visibility, by their position."""
        return {
            index: (point.attributes, point.description)
            for index, point in enumerate(self._points or ())
            if point.attributes or point.description is not None
        }

    def _summary(self) -> list[str]:
        return [f"{len(self._xyv)} points"]


def _in_order(points: list[Point], names: list[str]) -> list[Point]:
    """Return a point for each name, those that nobody gave with visibility 0."""
    found: dict[str, Point | None] = dict.fromkeys(names)
    if len(found) < len(names):
        raise GeometryError(f"Pose: the names {names!r} hold one twice; key points have own names")
    for index, point in enumerate(points):
        name = point.label if isinstance(point, Point) else None
        if name not in found:
            raise GeometryError(
                f"Pose: point {index} is {point!r}; the template has {', '.join(names)}. "
                "Label it with one of these names"
            )
        if found[name] is not None:
            raise GeometryError(f"Pose: two points are {name!r}; a pose has one of each name")
        found[name] = point
    return [
        Point(0, 0, name, visibility=0) if point is None else point for name, point in found.items()
    ]


def _place(places: dict[str | None, int], end: int | str) -> int:
    """Return the position of one end of an edge."""
    if not isinstance(end, str):
        return int(end)
    if end not in places:
        raise GeometryError(f"Pose: the skeleton names {end!r}; there is no such point")
    return places[end]


def _known(visibility: float) -> int:
    """Return 0, 1 or 2; a file may say more, which `Pose.keypoints` keeps."""
    return int(min(max(visibility, 0), VISIBLE))


def _edges(skeleton: Sequence[tuple[int, int]], points: int) -> tuple[tuple[int, int], ...]:
    """Return the edges as a tuple, or raise `GeometryError` if one names no point."""
    try:
        edges = tuple((whole(a), whole(b)) for a, b in skeleton)
    except (TypeError, ValueError) as error:
        raise GeometryError(
            f"Pose: skeleton is {skeleton!r}; it is a list of edges (a, b), points counted from 0"
        ) from error
    for a, b in edges:
        if points and not (0 <= a < points and 0 <= b < points):
            raise GeometryError(
                f"Pose: edge ({a}, {b}) of the skeleton names no point; points are counted from 0 "
                f"to {points - 1}"
            )
    return edges
