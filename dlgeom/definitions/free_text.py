"""Free text, such as the answer to a prompt."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Definition,
    check_common,
    needed_text,
    shortened,
)

__all__ = ["FreeText"]


class FreeText(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """Free text, such as the answer to a prompt.

    Parameters
    ----------
    text : str
        What it says.
    label : str, default "free-text"
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text about the text itself.

    Raises
    ------
    UsageError
        If `text` is no text.

    Examples
    --------
    >>> FreeText("42")
    FreeText('42', label='free-text')
    """

    type: ClassVar[str] = "text"

    text: str
    label: str | None = "free-text"
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        needed_text(self.text, "FreeText: text")
        check_common(self)

    def _geometry_key(self) -> Any:
        return self.text

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        return [shortened(self.text)]
