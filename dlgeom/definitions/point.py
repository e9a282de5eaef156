"""Points, alone or as the key points of a pose."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Bounds,
    Definition,
    checked_text,
    frozen_attributes,
    number,
)
from dlgeom.errors import GeometryError

__all__ = ["Point"]


class Point(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """A point, in continuous pixels.

    Parameters
    ----------
    x, y : float
        Where it is.
    label : str
        Name of its class; in a pose the name of the key point.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.
    visibility : int, optional
        Of a key point: 0 not labelled, 1 labelled but hidden, 2 visible. None if nothing is
        known, which counts as visible.

    Raises
    ------
    GeometryError
        If a coordinate is not finite, or the visibility is none of 0, 1, 2.

    Examples
    --------
    >>> Point(3, 7.5, "nose", visibility=1)
    Point(x=3.0, y=7.5, visibility=1, label='nose')
    """

    type: ClassVar[str] = "point"

    x: float
    y: float
    label: str | None
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None
    visibility: float | None = None

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        put(self, "x", number(self.x, "Point: x"))
        put(self, "y", number(self.y, "Point: y"))
        put(self, "label", checked_text(self.label, "Point: label"))
        put(self, "attributes", frozen_attributes(self.attributes))
        put(self, "description", checked_text(self.description, "Point: description"))
        if self.visibility is not None:
            value = number(self.visibility, "Point: visibility")
            if value not in (0, 1, 2):
                raise GeometryError(
                    f"Point: visibility is {value}; it is 0 (not labelled), 1 (hidden) or "
                    "2 (visible)"
                )
            put(self, "visibility", int(value))

    @property
    def geo(self) -> NDArray[np.float64]:
        """The point as an array of shape (2,)."""
        return np.array([self.x, self.y])

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom: the point itself."""
        return self.x, self.y, self.x, self.y

    def _geometry_key(self) -> Any:
        return self.x, self.y, self.visibility

    def _close_geometry(self, other: Any, atol: float) -> bool:
        near = abs(self.x - other.x) <= atol and abs(self.y - other.y) <= atol
        return bool(near and self.visibility == other.visibility)

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        parts = [f"x={self.x!r}", f"y={self.y!r}"]
        return parts if self.visibility is None else [*parts, f"visibility={self.visibility}"]
