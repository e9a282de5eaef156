"""Subtitles: text that is said at a time."""

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

__all__ = ["Subtitle"]


class Subtitle(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """Text of a video or audio; its annotation says from when to when.

    Parameters
    ----------
    text : str
        What is said.
    label : str
        Name of its class, often of the speaker.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    UsageError
        If `text` is no text.

    Examples
    --------
    >>> Subtitle("Hello!", "Ann")
    Subtitle('Hello!', label='Ann')
    """

    type: ClassVar[str] = "subtitle"

    text: str
    label: str | None
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        needed_text(self.text, "Subtitle: text")
        check_common(self)

    def _geometry_key(self) -> Any:
        return self.text

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        return [shortened(self.text)]
