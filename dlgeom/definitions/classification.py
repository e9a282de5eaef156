"""Classifications: a label without a place."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from dlgeom.definitions.base import NO_ATTRIBUTES, Definition, checked_text, frozen_attributes

__all__ = ["Classification"]


class Classification(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """A label for the whole item; it has no geometry.

    Parameters
    ----------
    label : str
        Name of the class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Examples
    --------
    >>> Classification("night")
    Classification(label='night')
    """

    type: ClassVar[str] = "class"

    label: str | None
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        put(self, "label", checked_text(self.label, "Classification: label"))
        put(self, "attributes", frozen_attributes(self.attributes))
        put(self, "description", checked_text(self.description, "Classification: description"))

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)
