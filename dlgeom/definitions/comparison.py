"""Comparisons: what somebody preferred, in the platform's own words."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Definition,
    check_common,
    frozen_json,
    json_key,
)

__all__ = ["Comparison"]


class Comparison(Definition, msgspec.Struct, frozen=True, eq=False):
    """A comparison; its content is the platform's and kept as it is.

    Parameters
    ----------
    coordinates : JSON value
        The content; copied in, read-only.
    label : str, optional
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If `coordinates` has something that JSON cannot hold, NaN included.

    Examples
    --------
    >>> Comparison({"better": "a"}, "quality").coordinates["better"]
    'a'
    """

    type: ClassVar[str] = "comparison"

    coordinates: Any
    label: str | None = None
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        value = frozen_json(self.coordinates, "Comparison: coordinates")
        msgspec.structs.force_setattr(self, "coordinates", value)
        check_common(self)

    def _geometry_key(self) -> Any:
        return json_key(self.coordinates)

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)
