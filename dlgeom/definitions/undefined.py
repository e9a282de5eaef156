"""Annotations of a type that nobody here knows, kept as they are."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Definition,
    check_common,
    frozen_json,
    json_key,
    needed_text,
)

__all__ = ["UndefinedAnnotationType"]


class UndefinedAnnotationType(Definition, msgspec.Struct, frozen=True, eq=False):
    """An annotation of any type without a class of its own, kept as it is.

    Parameters
    ----------
    type : str
        Type string as the source has it.
    label : str
        Name of its class.
    coordinates : JSON value
        The geometry as the source has it; copied in, read-only.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If `coordinates` has something that JSON cannot hold, NaN included.
    UsageError
        If `type` is no text.

    Examples
    --------
    >>> UndefinedAnnotationType("hologram", "ghost", [{"x": 1, "y": 2}])
    UndefinedAnnotationType('hologram', label='ghost')
    """

    type: str  # type: ignore[misc]  # of the instance: the class stands for many types
    label: str | None
    coordinates: Any
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        needed_text(self.type, "UndefinedAnnotationType: type")
        value = frozen_json(self.coordinates, "UndefinedAnnotationType: coordinates")
        msgspec.structs.force_setattr(self, "coordinates", value)
        check_common(self)

    def _geometry_key(self) -> Any:
        return self.type, json_key(self.coordinates)

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        return [repr(self.type)]
