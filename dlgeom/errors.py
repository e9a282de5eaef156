"""The error tree.

Every message reads ``<where>: <what>; <rule it breaks>. <how to fix>``. Each class is also
the built-in that a caller expects, so ``except ValueError`` works without knowing dlgeom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = [
    "DlgeomError",
    "FormatError",
    "GeometryError",
    "InternalError",
    "LimitError",
    "MissingDependencyError",
    "OutputError",
    "UnknownFormatError",
    "UsageError",
]


class DlgeomError(Exception):
    """Root of all errors that dlgeom raises on purpose."""

    exit_code = 6


class UsageError(DlgeomError, ValueError):
    """Arguments that do not fit together; nothing was read or written."""

    exit_code = 2


class UnknownFormatError(UsageError, LookupError):
    """A format name that nobody registered, or a file that no format recognises."""


class MissingDependencyError(UsageError, ImportError):
    """An optional package is missing; the message names the extra to install."""


class GeometryError(DlgeomError, ValueError):
    """Numbers that do not make a shape."""

    exit_code = 3


class FormatError(DlgeomError, ValueError):
    """Bad input.

    Parameters
    ----------
    message : str
        What is wrong, which rule it breaks, how to correct it.
    code : str
        One of the codes of the reliability page, such as ``json.syntax``.
    path : str, optional
        The file, relative to the source where possible.
    location : str, optional
        Line or JSON path inside the file.
    annotation_id : object, optional
        Id of the record, as the file has it.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        code: str = "schema.field",
        path: str | None = None,
        location: str | None = None,
        annotation_id: object = None,
    ) -> None:
        self.message = message
        self.code = code
        self.path = path
        self.location = location
        self.annotation_id = annotation_id
        super().__init__(self.describe())

    def __reduce__(self) -> tuple[Any, ...]:
        place = {"path": self.path, "location": self.location, "annotation_id": self.annotation_id}
        return _made_again, (type(self), self.message, {"code": self.code, **place})

    def describe(self) -> str:
        """Return the message with its place in front, on one line."""
        where = ":".join(part for part in (self.path, self.location) if part)
        if self.annotation_id is not None:
            where += f" annotation {self.annotation_id}"
        text = f"{where.strip()}: {self.message}" if where.strip() else self.message
        return f"{' '.join(text.split())} [{self.code}]"


class LimitError(FormatError):
    """A limit was passed; the message names it, the value seen and the option that raises it."""

    exit_code = 4


class OutputError(DlgeomError, OSError):
    """The system refused: disk full, no permission, output exists, unreadable input."""

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        code: str = "output.invalid",
        path: str | None = None,
        location: str | None = None,
    ) -> None:
        self.message = message
        self.code = code
        self.path = path
        self.location = location
        text = f"{path}: {message}" if path else message
        super().__init__(f"{' '.join(text.split())} [{code}]")

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        place = {"path": self.path, "location": self.location}
        return _made_again, (type(self), self.message, {"code": self.code, **place})


class InternalError(DlgeomError):
    """A bug of ours; please report it with the file named in the message."""

    exit_code = 6


def _made_again(
    kind: Callable[..., DlgeomError], message: str, said: dict[str, Any]
) -> DlgeomError:
    """Return an error that comes from another process."""
    return kind(message, **said)
