"""Polygons: one or more parts, each an exterior with holes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.base import (
    ArrayDefinition,
    AttributesLike,
    points_array,
    read_only,
)
from dlgeom.definitions.polygon_methods import PolygonMethods
from dlgeom.definitions.vertices import VertexDefinition
from dlgeom.errors import GeometryError
from dlgeom.geometry.ragged import Rings, offsets_of

if TYPE_CHECKING:
    from dlgeom.definitions.segmentation import Segmentation

__all__ = ["Polygon", "rings_of", "split_geo"]

Floats = NDArray[np.float64]
Offsets = NDArray[np.int64]

_ONE_ROW = np.array([0, 1], dtype=np.int64)
_ONE_ROW.flags.writeable = False


def _is_number(value: object) -> bool:
    return np.ndim(value) == 0 if not isinstance(value, str) else False  # type: ignore[arg-type]


def split_geo(geo: Any, what: str, noun: str) -> list[Any]:
    """Return the single array_likes (N, 2) of one of them or of a sequence of them, unchecked.

    Raises
    ------
    GeometryError
        If it is neither; the message names `what` and `noun`.
    """
    if isinstance(geo, np.ndarray) and geo.dtype != object:
        return list(geo) if geo.ndim == 3 else [geo]
    try:
        given = list(geo)
        first = given[0] if given else None
        one = first is not None and len(first) > 0 and _is_number(first[0])
    except (TypeError, KeyError, IndexError) as error:
        raise GeometryError(
            f"{what}: geo is {geo!r}; it is one {noun} [[x, y], ...] or a list of {noun}s"
        ) from error
    return [given] if one else given


def rings_of(geo: Any, what: str = "Polygon") -> list[Floats]:
    """Return the checked rings of one ring (N, 2) or of a sequence of rings.

    Last vertices that repeat the first are left out: rings close by themselves.

    Raises
    ------
    GeometryError
        If there is no ring, or one has the wrong shape, fewer than three vertices, or a
        coordinate that is not finite.
    """
    rings = split_geo(geo, what, "ring")
    if not rings:
        raise GeometryError(f"{what} has no ring; it needs one of three vertices or more")
    return [_ring(ring, f"{what}: ring {k}") for k, ring in enumerate(rings)]


def _ring(values: ArrayLike, what: str) -> Floats:
    ring = points_array(values, what)
    given = len(ring)
    if given > 1 and (ring[0] == ring[-1]).all():
        # All of them, so that a ring is the same once more; `drop_closing` does so in columns.
        other = np.flatnonzero((ring != ring[0]).any(axis=1))
        # A box of a single point is a polygon all the same, of three vertices.
        ring = ring[: other[-1] + 1 if len(other) else 3]
    if len(ring) < 3:
        raise GeometryError(
            f"{what} has {len(ring)} vertices"
            + (f" ({given} with those at its end that repeat the first)" if given > 2 else "")
            + "; a ring has at least three. Use Point or Box for smaller things"
        )
    return ring


def _sequence(value: Any, what: str) -> Any:
    """Return a sequence or array as it is."""
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes):
        return value
    raise GeometryError(f"{what} is {value!r}; give parts as [[exterior, hole, ...], ...]")


class Polygon(PolygonMethods, VertexDefinition):
    """One or more parts; a part is an exterior with holes. Vertices in continuous pixels.

    Its mask is the OR over its parts of (exterior XOR holes).

    Parameters
    ----------
    geo : array_like of float, shape (N, 2), or sequence of such rings
        Vertices x, y of one ring, or rings read even-odd: a ring inside an odd number of others
        is a hole. Rings close by themselves; the first vertex repeated at the end is left out.
        `Polygon.from_parts` says explicitly what is a hole.
    label : str
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If a ring has the wrong shape, fewer than three vertices, or a number is not finite.

    Examples
    --------
    >>> square = Polygon([[0, 0], [4, 0], [4, 4], [0, 4]], "tile")
    >>> square.area, square.bounds
    (16.0, (0.0, 0.0, 4.0, 4.0))
    >>> Polygon([square.geo, [[1, 1], [2, 1], [2, 2], [1, 2]]], "tile")
    Polygon(1 part, 1 hole, 8 vertices, label='tile')
    """

    type: ClassVar[str] = "segment"

    # xy (V, 2); _rings offsets of the rings in it; _parts offsets of the parts in the rings.
    # Both offsets are None for a single ring, which most polygons are.
    __slots__ = ("_parts", "_rings")
    _geometry = ("_xy", "_rings", "_parts")

    _rings: Offsets | None
    _parts: Offsets | None

    def __init__(
        self,
        geo: ArrayLike | Sequence[ArrayLike],
        label: str | None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> None:
        rings = rings_of(geo)
        if len(rings) == 1:
            self._set([rings])
        else:
            from dlgeom.geometry import bridges

            self._set(bridges.nest(rings))
        self._fill(label, attributes, description)

    def _set(self, parts: Sequence[Sequence[Floats]]) -> None:
        put = object.__setattr__
        rings = [ring for part in parts for ring in part]
        single = len(rings) == 1
        put(self, "_xy", read_only(rings[0] if single else np.concatenate(rings)))
        lengths = None if single else read_only(offsets_of([len(ring) for ring in rings]))
        put(self, "_rings", lengths)
        sizes = None if single else read_only(offsets_of([len(part) for part in parts]))
        put(self, "_parts", sizes)

    @classmethod
    def from_parts(
        cls,
        parts: Sequence[Sequence[ArrayLike]],
        label: str | None,
        attributes: AttributesLike = None,
        description: str | None = None,
    ) -> Polygon:
        """Build from explicit parts ``[[exterior, hole, ...], ...]``, rings of shape (N, 2).

        Raises
        ------
        GeometryError
            As for `Polygon`, or if there is no part or one has no ring.
        """
        checked = []
        for number, part in enumerate(_sequence(parts, "Polygon: parts")):
            if len(_sequence(part, f"Polygon: part {number}")) == 0:
                raise GeometryError(f"Polygon: part {number} has no ring; it needs an exterior")
            checked.append(
                [_ring(ring, f"Polygon: part {number}, ring {k}") for k, ring in enumerate(part)]
            )
        if not checked:
            raise GeometryError("Polygon has no part; it needs one exterior of three vertices")
        self = object.__new__(cls)
        self._set(checked)
        self._fill(label, attributes, description)
        return self

    @classmethod
    def _view(
        cls,
        xy: Floats,
        rings: Offsets | None,
        parts: Offsets | None,
        label: str | None,
        attributes: Any,
        description: str | None = None,
    ) -> Polygon:
        """Build from checked, read-only columns, without copies."""
        self: Polygon = object.__new__(cls)
        _put_xy(self, xy)
        _put_rings(self, rings)
        _put_parts(self, parts)
        _put_label(self, label)
        _put_attributes(self, attributes)
        _put_description(self, description)
        return self

    @classmethod
    def _of_row(
        cls, outline: Rings, row: int, label: str | None, attributes: Any, description: Any = None
    ) -> Polygon:
        """Build a view of one row of an outline column that has at least one part."""
        p0, p1 = outline.rows[row : row + 2].tolist()
        r0, r1 = outline.parts[p0], outline.parts[p1]
        v0, v1 = outline.rings[r0], outline.rings[r1]
        xy = outline.xy[v0:v1]
        if r1 - r0 == 1:
            return cls._view(xy, None, None, label, attributes, description)
        rings = read_only(outline.rings[r0 : r1 + 1] - v0)
        parts = read_only(outline.parts[p0 : p1 + 1] - r0)
        return cls._view(xy, rings, parts, label, attributes, description)

    @overload
    @classmethod
    def from_segmentation(
        cls,
        mask: NDArray[Any] | Segmentation,
        label: str,
        attributes: AttributesLike = None,
        epsilon: float | None = None,
        max_instances: Literal[1] = 1,
        min_area: float = 0,
    ) -> Polygon: ...

    @overload
    @classmethod
    def from_segmentation(
        cls,
        mask: NDArray[Any] | Segmentation,
        label: str,
        attributes: AttributesLike = None,
        epsilon: float | None = None,
        max_instances: int | None = None,
        min_area: float = 0,
    ) -> Polygon | list[Polygon]: ...

    @classmethod
    def from_segmentation(
        cls,
        mask: NDArray[Any] | Segmentation,
        label: str,
        attributes: AttributesLike = None,
        epsilon: float | None = None,
        max_instances: int | None = 1,
        min_area: float = 0,
    ) -> Polygon | list[Polygon]:
        """Outline the separate (8-connected) components of a mask, largest first.

        Parameters
        ----------
        mask : ndarray, shape (H, W), or Segmentation
            Anything that is not zero is set.
        label, attributes
            As for `Polygon`.
        epsilon : float, optional
            Largest distance in pixels that simplification may move the outline; 0 keeps every
            pixel corner; None leaves out collinear vertices only, so that filling the polygon
            gives back the mask.
        max_instances : int or None, default 1
            How many components to return; None is all.
        min_area : float, default 0
            Components with fewer pixels are left out.

        Returns
        -------
        Polygon or list of Polygon
            One Polygon if `max_instances` is 1, else a list.

        Raises
        ------
        GeometryError
            If the mask is not two-dimensional, or one Polygon is asked for and there is none.
        """
        from dlgeom.conversions import mask_to_polygons

        found = mask_to_polygons(
            mask,
            label,
            attributes=attributes,
            epsilon=epsilon,
            max_instances=max_instances,
            min_area=min_area,
        )
        if max_instances != 1:
            return found
        if not found:
            raise GeometryError(
                f"the mask has no component of at least {max(min_area, 1)} pixels; one polygon "
                "was asked for. Pass max_instances=None for a list that may be empty"
            )
        return found[0]

    @property
    def outline(self) -> Rings:
        """The parts as one row of `Rings`, the form that `dlgeom.geometry` works on."""
        rings = self._rings
        if rings is None:
            rings = offsets_of([len(self._xy)])
        parts = _ONE_ROW if self._parts is None else self._parts
        return Rings(self._xy, rings, parts, offsets_of([len(parts) - 1]))

    @property
    def rings(self) -> list[Floats]:
        """All rings in order, exteriors and holes, as read-only arrays of shape (n, 2)."""
        if self._rings is None:
            return [self._xy]
        cuts = self._rings.tolist()
        return [self._xy[a:b] for a, b in pairwise(cuts)]

    @property
    def parts(self) -> list[list[Floats]]:
        """The parts, each a list of read-only rings of shape (n, 2), exterior first."""
        rings = self.rings
        if self._parts is None:
            return [rings]
        cuts = self._parts.tolist()
        return [rings[a:b] for a, b in pairwise(cuts)]

    @property
    def geo(self) -> Any:
        """Vertices, shape (N, 2), of a polygon with one ring; else a list of its rings."""
        return self._xy if self._rings is None else self.rings

    @property
    def signed_areas(self) -> Floats:
        """Area of each ring by the shoelace formula, shape (R,); positive if clockwise on screen.

        The two halves of a ring that crosses itself count against each other.
        """
        from dlgeom.geometry import rings

        outline = self.outline
        with np.errstate(over="ignore", invalid="ignore"):
            areas = rings.signed_areas(outline.xy, outline.rings)
        if not np.isfinite(areas).all():
            raise _too_large("area")
        return areas

    @property
    def is_clockwise(self) -> bool:
        """Whether all exteriors run clockwise on screen; false for those without signed area."""
        return bool((self.signed_areas[~self.outline.is_hole] > 0).all())

    @property
    def area(self) -> float:
        """Area of the exteriors less that of the holes, in square pixels (shoelace).

        Right where parts do not overlap, holes lie in their exterior and no ring crosses itself;
        `repair` first where that is not sure. GeometryError if it is beyond float64.
        """
        areas = np.abs(self.signed_areas)
        with np.errstate(over="ignore", invalid="ignore"):
            whole = float(np.where(self.outline.is_hole, -areas, areas).sum())
        if not math.isfinite(whole):
            raise _too_large("area")
        return whole

    @property
    def perimeter(self) -> float:
        """Length of all rings, holes included, in pixels; GeometryError if beyond float64."""
        with np.errstate(over="ignore", invalid="ignore"):
            whole = float(
                sum(np.hypot(*(np.roll(ring, -1, axis=0) - ring).T).sum() for ring in self.rings)
            )
        if not math.isfinite(whole):
            raise _too_large("perimeter")
        return whole

    @property
    def centroid(self) -> tuple[float, float]:
        """Centre of gravity x, y in pixels; the mean of the vertices if the area is 0.

        Of exteriors less holes, as `area` counts them.
        """
        from dlgeom.geometry import rings

        outline = self.outline
        return rings.centroid(outline.xy, outline.rings, outline.is_hole)

    def _summary(self) -> list[str]:
        vertices = f"{len(self._xy)} vertices"
        if self._rings is None or self._parts is None:
            return [vertices]
        parts = len(self._parts) - 1
        holes = len(self._rings) - 1 - parts
        texts = [_counted(parts, "part")]
        if holes:
            texts.append(_counted(holes, "hole"))
        return [*texts, vertices]

    def __copy__(self) -> Self:
        return self


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _too_large(what: str) -> GeometryError:
    return GeometryError(f"the {what} of the polygon is beyond float64. Scale it down first")


_put_xy = VertexDefinition.__dict__["_xy"].__set__
_put_rings = Polygon.__dict__["_rings"].__set__
_put_parts = Polygon.__dict__["_parts"].__set__
_put_label = ArrayDefinition.__dict__["label"].__set__
_put_attributes = ArrayDefinition.__dict__["attributes"].__set__
_put_description = ArrayDefinition.__dict__["description"].__set__
