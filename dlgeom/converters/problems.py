"""What was wrong with the input: raised at once, or collected and reported.

Strict (``on_error="raise"``) raises at the first bad record; lenient (``"skip"``) leaves the
record out, or mends it, and says so. Notices are told in both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from dlgeom.errors import FormatError, LimitError

__all__ = ["Entry", "Problems"]

Status = Literal["skipped", "repaired", "warning", "notice", "file", "dropped", "approximated"]


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of the report."""

    status: Status
    code: str
    message: str
    path: str | None = None
    location: str | None = None
    annotation_id: object = None
    measure: float | None = None


class Problems:
    """The one place that readers and writers tell what is wrong with the input.

    Parameters
    ----------
    strict : bool
        Whether the first bad record raises.
    listener : callable, optional
        Called with each `Entry` (the report).
    """

    def __init__(
        self, *, strict: bool = True, listener: Callable[[Entry], None] | None = None
    ) -> None:
        self.strict = strict
        self._listener = listener
        self._muted = 0
        self.guard: Callable[[Entry], bool] | None = None
        """Says whether an entry is to be told: a source that is read twice tells once."""
        self.naming: Callable[[Entry], None] | None = None
        """Names files in an entry as the user named the source, where that lies elsewhere."""
        self.counts: dict[str, int] = {}
        self.entries: list[Entry] = []

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Tell nothing in the block: what is read again was told before."""
        self._muted += 1
        try:
            yield
        finally:
            self._muted -= 1

    def _tell(self, entry: Entry) -> None:
        if self._muted:
            return
        if self.guard is not None and not self.guard(entry):
            return
        if self.naming is not None:
            self.naming(entry)
        self.counts[entry.status] = self.counts.get(entry.status, 0) + 1
        if self._listener is not None:
            self._listener(entry)
        elif len(self.entries) < 1_000:
            self.entries.append(entry)

    def _bad(
        self,
        status: Status,
        code: str,
        message: str,
        path: str | None,
        location: str | None,
        annotation_id: object,
    ) -> None:
        if self.strict and status != "notice":
            kind = LimitError if code.startswith("limit.") else FormatError
            raise kind(
                message, code=code, path=path, location=location, annotation_id=annotation_id
            )
        self._tell(
            Entry(
                status=status,
                code=code,
                message=message,
                path=path,
                location=location,
                annotation_id=annotation_id,
            )
        )

    def skipped(
        self,
        code: str,
        message: str,
        *,
        path: str | None = None,
        location: str | None = None,
        annotation_id: object = None,
    ) -> None:
        """Tell that a record is left out (it counts as read and dropped)."""
        self._bad("skipped", code, message, path, location, annotation_id)

    def repaired(
        self,
        code: str,
        message: str,
        *,
        path: str | None = None,
        location: str | None = None,
        annotation_id: object = None,
    ) -> None:
        """Tell that a record is kept but something in it was put right or left out (exit 1)."""
        self._bad("repaired", code, message, path, location, annotation_id)

    def warning(
        self,
        code: str,
        message: str,
        *,
        path: str | None = None,
        location: str | None = None,
        annotation_id: object = None,
    ) -> None:
        """Tell of something doubtful of which nothing is lost: an error if strict, else exit 0."""
        self._bad("warning", code, message, path, location, annotation_id)

    def notice(
        self,
        code: str,
        message: str,
        *,
        path: str | None = None,
        location: str | None = None,
        annotation_id: object = None,
    ) -> None:
        """Tell of something that loses nothing, in both modes."""
        self._bad("notice", code, message, path, location, annotation_id)

    def file(self, error: FormatError) -> None:
        """Tell that one file of many cannot be trusted and is left out; strict raises it."""
        if self.strict:
            raise error
        self._tell(
            Entry(
                status="file",
                code=error.code,
                message=error.message,
                path=error.path,
                location=error.location,
                annotation_id=error.annotation_id,
            )
        )
