"""Descriptions: text about the item."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Definition,
    checked_text,
    frozen_attributes,
    shortened,
)
from dlgeom.errors import UsageError

__all__ = ["Description"]


class Description(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """Text that describes the item, such as a COCO caption.

    Parameters
    ----------
    text : str
        What it says.
    description : str, optional
        Free text about the description itself.
    label : str, optional
        Name of a class, where a source gives one.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.

    Examples
    --------
    >>> Description("A cat on a mat.")
    Description('A cat on a mat.')
    """

    type: ClassVar[str] = "item_description"

    text: str
    description: str | None = None
    label: str | None = None
    attributes: Any = NO_ATTRIBUTES

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        if not isinstance(self.text, str):
            raise UsageError(f"Description: text is {self.text!r}; it has to be text")
        put(self, "label", checked_text(self.label, "Description: label"))
        put(self, "attributes", frozen_attributes(self.attributes))
        put(self, "description", checked_text(self.description, "Description: description"))

    def _geometry_key(self) -> Any:
        return self.text

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        return [shortened(self.text)]
