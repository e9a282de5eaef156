"""Notes: boxes with a discussion."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Bounds,
    Definition,
    check_common,
    checked_text,
)
from dlgeom.definitions.box import Box
from dlgeom.errors import GeometryError, UsageError

__all__ = ["Message", "Note"]


class Message(msgspec.Struct, frozen=True):
    """One message of a note's discussion.

    Parameters
    ----------
    msg_id : str or int, optional
        Its id.
    creator : str, optional
        Who wrote it.
    msg_time : int or float, optional
        When, in milliseconds since 1970; a text is kept as it is.
    body : str, optional
        What it says.

    Raises
    ------
    UsageError
        If a field has another type.

    Examples
    --------
    >>> Message(body="Is this a cat?").body
    'Is this a cat?'
    """

    msg_id: str | int | None = None
    creator: str | None = None
    msg_time: float | str | None = None
    body: str | None = None

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        put(self, "msg_id", _time(self.msg_id, "Message: msg_id"))
        put(self, "msg_time", _time(self.msg_time, "Message: msg_time"))
        checked_text(self.creator, "Message: creator")
        checked_text(self.body, "Message: body")


class Note(Definition, msgspec.Struct, frozen=True, eq=False):
    """A box with a discussion.

    Parameters
    ----------
    left, top, right, bottom : float
        Edges in continuous pixels, low to high.
    label : str
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    messages : iterable of Message, optional
        The discussion; kept as a tuple.
    status : str, default "issue"
        Where the discussion stands.
    assignee : str, optional
        Whom it is for.
    create_time : int or float, optional
        When it was made, in milliseconds since 1970; a text is kept as it is. None stays None:
        no clock is read.
    creator : str, optional
        Who made it; None stays None: nobody is asked who you are.
    description : str, optional
        Free text.

    Raises
    ------
    GeometryError
        If an edge is NaN or infinite, or a pair of edges is in the wrong order.
    UsageError
        If another field has the wrong type.

    Examples
    --------
    >>> note = Note(1, 2, 3, 4, "question", messages=[Message(body="Why?")])
    >>> note, note.messages[0].body
    (Note(left=1.0, top=2.0, right=3.0, bottom=4.0, 1 message, label='question'), 'Why?')
    """

    type: ClassVar[str] = "note"

    left: float
    top: float
    right: float
    bottom: float
    label: str | None
    attributes: Any = NO_ATTRIBUTES
    messages: Any = None
    status: str | None = "issue"
    assignee: str | None = None
    create_time: float | str | None = None
    creator: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        try:
            box = Box(self.left, self.top, self.right, self.bottom)
        except GeometryError as error:
            raise GeometryError(str(error).replace("Box:", "Note:", 1)) from error
        for name, value in zip(("left", "top", "right", "bottom"), box.bounds, strict=True):
            put(self, name, value)
        put(self, "messages", _messages(self.messages))
        for name in ("status", "assignee", "creator"):
            checked_text(getattr(self, name), f"Note: {name}")
        put(self, "create_time", _time(self.create_time, "Note: create_time"))
        check_common(self)

    @property
    def geo(self) -> NDArray[np.float64]:
        """Edges as ``[[left, top], [right, bottom]]``, shape (2, 2)."""
        return np.array([[self.left, self.top], [self.right, self.bottom]])

    @property
    def bounds(self) -> Bounds:
        """Left, top, right, bottom in pixels."""
        return self.left, self.top, self.right, self.bottom

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    def _discussion(self) -> tuple[Any, ...]:
        return self.messages, self.status, self.assignee, self.create_time, self.creator

    def _geometry_key(self) -> Any:
        return self.bounds

    def _same_geometry(self, other: Any) -> bool:
        return bool(self.bounds == other.bounds and self._discussion() == other._discussion())

    def _close_geometry(self, other: Any, atol: float) -> bool:
        near = all(abs(a - b) <= atol for a, b in zip(self.bounds, other.bounds, strict=True))
        return near and bool(self._discussion() == other._discussion())

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        parts = [f"{name}={getattr(self, name)!r}" for name in ("left", "top", "right", "bottom")]
        count = len(self.messages)
        return [*parts, f"{count} message{'' if count == 1 else 's'}"] if count else parts


def _messages(value: Any) -> tuple[Message, ...]:
    if value is None:
        return ()
    try:
        given = (value,) if isinstance(value, str | Message) else tuple(value)
    except TypeError as error:
        raise UsageError(f"Note: messages is {value!r}; it is a list of Message") from error
    messages = tuple(Message(body=entry) if isinstance(entry, str) else entry for entry in given)
    for index, message in enumerate(messages):
        if not isinstance(message, Message):
            raise UsageError(
                f"Note: message {index} is {message!r}; messages are Message(body='...')"
            )
    return messages


def _time(value: Any, what: str) -> Any:
    """Return None, a text or a finite number; numbers of numpy become those of Python."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise UsageError(f"{what} is {value!r}; it is a finite number, a text or None")
    return value


def _finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)
