"""Shapes on the globe."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Definition,
    check_common,
    frozen_json,
    json_key,
    needed_text,
)
from dlgeom.errors import GeometryError

__all__ = ["Gis"]


class Gis(Definition, msgspec.Struct, frozen=True, eq=False):
    """A shape on the globe, in degrees of WGS84; it has no place in pixels.

    Parameters
    ----------
    annotation_type : str
        What the positions make: ``box``, ``polygon``, ``polyline`` or ``point``; others are
        kept.
    geo : nested lists of float
        Positions ``[longitude, latitude]``, in lists of any depth; kept as given, numbers and
        nesting. Boxes and polygons are ``[[[lon, lat], ...]]`` with the first position repeated
        at the end.
    label : str, optional
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If `geo` is no list of positions, or a number is NaN or infinite.
    UsageError
        If `annotation_type` is no text.

    Examples
    --------
    >>> place = Gis("point", [34.8, 32.1], "office")
    >>> place, place.x.tolist()
    (Gis('point', 1 position, label='office'), [34.8])
    """

    type: ClassVar[str] = "gis"

    annotation_type: str
    geo: Any
    label: str | None = None
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        needed_text(self.annotation_type, "Gis: annotation_type")
        geo = frozen_json(self.geo, "Gis: geo")
        _positions(geo)
        msgspec.structs.force_setattr(self, "geo", geo)
        check_common(self)

    @property
    def x(self) -> NDArray[np.float64]:
        """Longitude of all positions in degrees, shape (V,)."""
        return np.array([position[0] for position in _positions(self.geo)], dtype=np.float64)

    @property
    def y(self) -> NDArray[np.float64]:
        """Latitude of all positions in degrees, shape (V,)."""
        return np.array([position[1] for position in _positions(self.geo)], dtype=np.float64)

    def _geometry_key(self) -> Any:
        return self.annotation_type, json_key(self.geo)

    def _close_geometry(self, other: Any, atol: float) -> bool:
        # Only degrees may differ, the nesting may not.
        return self.annotation_type == other.annotation_type and _near(self.geo, other.geo, atol)

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        count = len(_positions(self.geo))
        return [repr(self.annotation_type), f"{count} position{'' if count == 1 else 's'}"]


def _positions(geo: Any) -> list[list[float]]:
    """Return the innermost lists, or raise `GeometryError` where they are no positions."""
    if not isinstance(geo, list):
        raise GeometryError(
            f"Gis: geo has {geo!r}; it is nested lists of [longitude, latitude] in degrees"
        )
    numbers = [isinstance(entry, int | float) and not isinstance(entry, bool) for entry in geo]
    if not any(numbers):
        return [position for entry in geo for position in _positions(entry)]
    if not all(numbers) or len(geo) < 2:
        raise GeometryError(
            f"Gis: geo has the position {list(geo)!r}; a position is [longitude, latitude]"
        )
    return [geo]


def _near(one: Any, other: Any, atol: float) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            _near(a, b, atol) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, list) or isinstance(other, list):
        return False
    return bool(abs(one - other) <= atol)
