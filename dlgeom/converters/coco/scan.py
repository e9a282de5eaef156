"""The first pass: root keys of a COCO file and the windows of its record lists.

A window holds whole records, at most a few MiB of them. Its end is guessed at the last ``},{``
and proved by decoding: text cut inside a record or a string is no valid list. Only where that
fails (the window in which a list ends, or one with a fault) the structure is walked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.coco.read_source import WINDOW, SourceFile
from dlgeom.converters.coco.read_text import (
    NEED_MORE,
    BadTextError,
    TooDeepError,
    elements,
    skip_space,
    value_end,
)
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import Limits

__all__ = ["RECORD_LISTS", "Scanner", "Window", "record_places", "record_spans"]

RECORD_LISTS = ("images", "annotations", "categories")
_BOUNDARY = re.compile(rb"\}\s*,\s*\{")
_LIST_END = re.compile(rb"\}\s*\]")
_FIRST_KEY = re.compile(rb'\s*(\{\s*"[^"\\]{1,40}")')
_BETWEEN = re.compile(rb"\s*,\s*")
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ANY_RAW = msgspec.json.Decoder(msgspec.Raw)
_TRIES = 64
_PEEK = 64 << 10


class Window(msgspec.Struct, kw_only=True, gc=False):
    """A run of whole records.

    Parameters
    ----------
    start : int
        Where the text starts in the file.
    text : bytes
        The records with the commas between them, without the list's brackets.
    rows : list, optional
        The records as the decoder gives them; None where it refused the text.
    spans : list of (int, int), optional
        Start and stop of each record in the text, where they are known already.
    """

    start: int
    text: bytes
    rows: list[Any] | None
    spans: list[tuple[int, int]] | None = None


def record_spans(text: bytes, count: int, depth: int) -> list[tuple[int, int]]:
    """Return start and stop of each of `count` records in a window's text."""
    starts, stops = record_places(text, count, depth)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def record_places(
    text: bytes, count: int, depth: int, *, objects: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each of `count` records starts and stops in a window's text.

    Parameters
    ----------
    text : bytes
        The records with the commas between them.
    count : int
        How many they are.
    depth : int
        Limit of nesting.
    objects : int
        How many values of the records are objects without others inside. Where these and the
        records explain all braces, ``},{`` is found between records only.
    """
    letters = np.frombuffer(text, dtype=np.uint8)
    braces = np.flatnonzero(letters == ord("{"))
    if len(braces) == count + objects:
        behind = braces[braces >= 3]
        close, comma = ord("}"), ord(",")
        for gap in (2, 1):
            # ``}, {`` or ``},{``
            found = (letters[behind - gap] == comma) & (letters[behind - gap - 1] == close)
            inner = behind[found & ((gap == 1) | (letters[behind - 1] == ord(" ")))]
            if len(inner) == count - 1:
                starts = np.concatenate([[skip_space(text, 0)], inner])
                stops = np.concatenate([inner - gap, [len(text.rstrip())]])
                return starts, stops
    spans = _walked_spans(text, depth)
    table = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _walked_spans(text: bytes, depth: int) -> list[tuple[int, int]]:
    try:
        raws = _RAW_LIST.decode(b"[" + text + b"]")
    except (msgspec.DecodeError, RecursionError):
        return elements(text + b"]", 0, depth)[0]
    spans = []
    start = skip_space(text, 0)
    for raw in raws:
        stop = start + len(memoryview(raw))
        spans.append((start, stop))
        found = _BETWEEN.match(text, stop)
        start = found.end() if found else stop
    return spans


class Scanner:
    """Walks the root of one file.

    After the walk, `sections` has the root keys in order with the raw JSON of each value that is
    no list of records (b"" for those), and `end` is behind the root.
    """

    def __init__(self, source: SourceFile, limits: Limits, *, window: int = WINDOW) -> None:
        self.source = source
        self.limits = limits
        self.sections: dict[str, bytes] = {}
        self._size = window
        self._buffer = b""
        self._at = 0
        self._place = 0

    def error(self, place: int, why: str, code: str = "json.syntax") -> FormatError:
        """Return the error for a place in the file."""
        kind = LimitError if code.startswith("limit.") else FormatError
        return kind(why, code=code, path=self.source.shown, location=self._line(place))

    def _line(self, place: int) -> str:
        lines, done, last = 1, 0, 0
        while done < place:
            piece = self.source.read(done, min(1 << 20, place - done))
            if not piece:
                break
            if b"\n" in piece:
                lines += piece.count(b"\n")
                last = done + piece.rfind(b"\n") + 1
            done += len(piece)
        return f"line {lines} column {place - last + 1}"

    def _syntax(self, place: int, why: str) -> FormatError:
        return self.error(place, f"is no valid JSON: {why}. Is the file complete?")

    def _peek(self, place: int, size: int = 1) -> bytes:
        """Return at least `size` bytes from `place`, fewer only at the end of the file."""
        inside = place - self._at
        if inside < 0 or inside + size > len(self._buffer):
            self._buffer = self.source.read(place, max(size, _PEEK))
            self._at, inside = place, 0
        return self._buffer[inside:] if inside else self._buffer

    def _skip_space(self, place: int) -> int:
        while True:
            inside = place - self._at
            if 0 <= inside < len(self._buffer):
                stop = skip_space(self._buffer, inside)
                if stop < len(self._buffer):
                    return self._at + stop
                place = self._at + stop
            self._buffer = self.source.read(place, _PEEK)
            self._at = place
            if not self._buffer:
                return place

    def _mark(self, place: int) -> bytes:
        return self._peek(place)[:1]

    def first(self) -> bytes:
        """Return the first character of the root and go there."""
        self._place = self._skip_space(0)
        mark = self._mark(self._place)
        if not mark:
            raise self.error(0, "holds nothing but blanks; expected JSON", "file.empty")
        return mark

    def value(self, place: int) -> tuple[bytes, int]:
        """Return the raw value at `place` and where it ends, checked to be JSON."""
        size = _PEEK
        while True:
            text = self.source.read(place, size)
            try:
                # A scalar may be the last thing of the file.
                whole = text + b" " if len(text) < size else text
                stop = value_end(whole, 0, self.limits.depth)
            except BadTextError as error:
                raise self._syntax(place + error.place, str(error)) from error
            except TooDeepError as error:
                raise self._deep(place) from error
            if stop != NEED_MORE:
                break
            if len(text) < size:
                raise self._syntax(place + len(text), "the text ends inside a value")
            size *= 4
        raw = text[:stop]
        self.check_encoding(raw, place)
        return raw, place + stop

    def _deep(self, place: int) -> FormatError:
        return self.error(
            place,
            f"nests deeper than {self.limits.depth} levels, the limit depth. "
            "Raise it with --limit depth=N if the file is what you expect",
            "limit.depth",
        )

    def check_encoding(self, raw: bytes, place: int) -> None:
        """Raise unless the text is UTF-8."""
        if raw.isascii():
            return
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise self.error(
                place + error.start,
                "is not valid UTF-8; JSON files are UTF-8. Save it as UTF-8",
                "encoding.invalid",
            ) from error

    def keys(self) -> Iterator[tuple[str, int]]:
        """Yield (key, place of its value) of the root object.

        The caller says where the value ends by `done`.
        """
        place = self._skip_space(self._place + 1)
        if self._mark(place) == b"}":
            self._finish(place + 1)
            return
        while True:
            if self._mark(place) != b'"':
                raise self._syntax(place, "expected a key in quotes")
            raw, stop = self.value(place)
            try:
                key = msgspec.json.decode(raw, type=str)
            except msgspec.DecodeError as error:
                raise self._syntax(place, str(error)) from error
            if key in self.sections:
                raise self.error(
                    place,
                    f"key {key[:80]!r} occurs twice at the root; one hides the other. "
                    "Keep one of them",
                    "json.duplicate_key",
                )
            colon = self._skip_space(stop)
            if self._mark(colon) != b":":
                raise self._syntax(colon, "expected ':'")
            start = self._skip_space(colon + 1)
            self.sections[key] = b""
            self._place = NEED_MORE
            yield key, start
            place = self._skip_space(self._place)
            mark = self._mark(place)
            if mark == b"}":
                self._finish(place + 1)
                return
            if mark != b",":
                raise self._syntax(place, "expected ',' or '}'")
            place = self._skip_space(place + 1)

    def done(self, place: int) -> None:
        """Tell where the value of the current key ended."""
        self._place = place

    def _finish(self, place: int) -> None:
        end = self._skip_space(place)
        if self._mark(end):
            raise self._syntax(end, "something follows the end of the root")

    def list_root(self) -> int:
        """Return the place of the root list's first bracket."""
        return self._place

    def finish_list(self) -> None:
        """Check that nothing follows the root list."""
        self._finish(self._place)

    def windows(self, place: int, decoder: msgspec.json.Decoder[Any]) -> Iterator[Window]:
        """Yield the records of the list that starts at `place`; then `done` is told."""
        place += 1
        size = self._size
        while True:
            buffer = self.source.read(place, size)
            at_end = len(buffer) < size
            window, place_after, closed = self._cut(place, buffer, at_end, decoder)
            if window is not None:
                self.check_encoding(window.text, window.start)
                yield window
            if closed:
                self.done(place_after)
                return
            if place_after == place:
                if at_end:
                    raise self._syntax(place + len(buffer), "the text ends inside a list")
                size *= 4
            else:
                size = self._size
            place = place_after

    def _cut(
        self, place: int, buffer: bytes, at_end: bool, decoder: msgspec.json.Decoder[Any]
    ) -> tuple[Window | None, int, bool]:
        """Return the window at the start of the buffer, where it ends, and whether the list did."""
        stop = _last_boundary(buffer)
        if stop and (window := self._decoded(place, buffer[:stop], decoder)):
            comma = buffer.index(b",", stop)
            return window, place + comma + 1, False
        # The brace of a list's end is mostly the first one that a bracket follows.
        found = _LIST_END.search(buffer)
        if found and (window := self._decoded(place, buffer[: found.start() + 1], decoder)):
            return window, place + found.end(), True
        return self._walk(place, buffer, decoder)

    def _decoded(
        self, place: int, text: bytes, decoder: msgspec.json.Decoder[Any]
    ) -> Window | None:
        listed = b"[" + text + b"]"
        try:
            return Window(start=place, text=text, rows=decoder.decode(listed))
        except msgspec.ValidationError:
            pass
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        try:
            raws = _RAW_LIST.decode(listed)
        except (msgspec.DecodeError, RecursionError):
            return None
        spans = record_spans(text, len(raws), self.limits.depth)
        return Window(start=place, text=text, rows=None, spans=spans)

    def _walk(
        self, place: int, buffer: bytes, decoder: msgspec.json.Decoder[Any]
    ) -> tuple[Window | None, int, bool]:
        try:
            spans, after, closed = elements(buffer, 0, self.limits.depth)
        except BadTextError as error:
            raise self._syntax(place + error.place, str(error)) from error
        except TooDeepError as error:
            raise self._deep(place) from error
        if not spans:
            return None, place + after if closed else place, closed
        text = buffer[: spans[-1][1]]
        rows = None
        try:
            rows = decoder.decode(b"[" + text + b"]")
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            rows = None
        window = Window(start=place, text=text, rows=rows, spans=spans)
        return window, place + after, closed


def _last_boundary(buffer: bytes) -> int:
    """Return the place behind the last ``}`` that ``,{`` follows, 0 if there is none.

    Records mostly start with one key, which tells them from objects inside of records.
    """
    start = _FIRST_KEY.match(buffer)
    stop = len(buffer)
    for _ in range(_TRIES if start else 0):
        stop = buffer.rfind(start.group(1), 1, stop)  # type: ignore[union-attr]
        if stop < 0:
            break
        comma = _rstripped(buffer, stop)
        brace = _rstripped(buffer, comma - 1) if buffer[comma - 1 : comma] == b"," else 0
        if brace and buffer[brace - 1 : brace] == b"}":
            return brace
    stop = len(buffer)
    for _ in range(_TRIES):
        stop = buffer.rfind(b"}", 0, stop)
        if stop < 0:
            return 0
        if _BOUNDARY.match(buffer, stop):
            return stop + 1
    return 0


def _rstripped(buffer: bytes, stop: int) -> int:
    """Return where the text before `stop` ends, blanks left out."""
    while stop > 0 and buffer[stop - 1] in b" \t\r\n":
        stop -= 1
    return stop
