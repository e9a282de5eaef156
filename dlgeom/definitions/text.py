"""Marked spans of a text item."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Definition,
    check_common,
    needed_text,
    number,
)
from dlgeom.errors import GeometryError

__all__ = ["Text"]


class Text(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """A marked span of a text item.

    Parameters
    ----------
    text_type : str
        What is marked: ``block`` or ``paragraph``; others are kept.
    start, end : int
        Where it starts and ends, in characters.
    label : str, optional
        Name of its class.
    top, left : float, optional
        Where its box starts on the page, in pixels.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If `start` or `end` is no whole number, or `top` or `left` is not finite.
    UsageError
        If `text_type` is no text.

    Notes
    -----
    `bounds` is NaN: only one corner of its place on the page is known.

    Examples
    --------
    >>> Text("block", 3, 9, "name")
    Text('block', start=3, end=9, label='name')
    """

    type: ClassVar[str] = "text_mark"

    text_type: str
    start: int
    end: int
    label: str | None = None
    top: float | None = None  # type: ignore[assignment]
    left: float | None = None  # type: ignore[assignment]
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        needed_text(self.text_type, "Text: text_type")
        for name in ("start", "end"):
            value = getattr(self, name)
            exact = number(value, f"Text: {name}")
            if not exact.is_integer():
                raise GeometryError(f"Text: {name} is {value}; characters are counted in whole")
            put(self, name, int(value))
        for name in ("top", "left"):
            if getattr(self, name) is not None:
                put(self, name, number(getattr(self, name), f"Text: {name}"))
        check_common(self)

    def _geometry_key(self) -> Any:
        return self.text_type, self.start, self.end, self.top, self.left

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        return [
            repr(self.text_type),
            *(
                f"{name}={value!r}"
                for name in ("start", "end", "top", "left")
                if (value := getattr(self, name)) is not None
            ),
        ]
