"""Structure of JSON text in bytes: where values end, without decoding them.

Used for the root of a file, and for the few windows that the fast decoder cannot take. Each
function works on one buffer and says `NEED_MORE` where the buffer ends first.
"""

from __future__ import annotations

import re

__all__ = ["NEED_MORE", "BadTextError", "TooDeepError", "elements", "skip_space", "value_end"]

# A buffer may end anywhere, also between a backslash and what it escapes.
_TEXT = rb'"(?:[^"\\]|\\.)*+(?:(")|\\?\Z)'
_TOKEN = re.compile(_TEXT + rb"|[{}\[\]]", re.DOTALL)
_STRING = re.compile(_TEXT, re.DOTALL)
_SCALAR = re.compile(rb'[^\s,\[\]{}":]++')
_SPACE = re.compile(rb"[ \t\r\n]*+")

NEED_MORE = -1


class BadTextError(Exception):
    """No JSON at `place` of the buffer."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place = place


class TooDeepError(Exception):
    """More nesting than allowed."""


def skip_space(text: bytes, place: int) -> int:
    """Return the first place at or after `place` that is no blank."""
    found = _SPACE.match(text, place)
    return found.end() if found else place


def value_end(text: bytes, place: int, depth_limit: int) -> int:
    """Return where the value that starts at `place` ends, or `NEED_MORE`.

    Only brackets and strings are looked at; a scalar that touches the end of the buffer counts
    as cut off.

    Raises
    ------
    BadTextError, TooDeepError
    """
    first = text[place : place + 1]
    if first in (b"{", b"["):
        return _container_end(text, place, depth_limit)
    if first == b'"':
        string = _STRING.match(text, place)
        return string.end() if string and string.group(1) else NEED_MORE
    scalar = _SCALAR.match(text, place)
    if not scalar:
        raise BadTextError(place, "expected a value")
    return scalar.end() if scalar.end() < len(text) else NEED_MORE


def _container_end(text: bytes, place: int, depth_limit: int) -> int:
    depth = 0
    for token in _TOKEN.finditer(text, place):
        mark = token.group()
        if mark == b"{" or mark == b"[":
            depth += 1
            if depth > depth_limit:
                raise TooDeepError
        elif mark == b"}" or mark == b"]":
            depth -= 1
            if not depth:
                return token.end()
        elif not token.group(1):
            return NEED_MORE
    return NEED_MORE


def elements(text: bytes, place: int, depth_limit: int) -> tuple[list[tuple[int, int]], int, bool]:
    """Find the elements of an array whose inside starts at `place`.

    Returns
    -------
    spans : list of (int, int)
        Start and stop of each element that is complete in the buffer.
    place : int
        Where the next element starts; just after the closing bracket where it was met.
    closed : bool
        Whether the closing bracket was met.

    Raises
    ------
    BadTextError, TooDeepError
    """
    spans: list[tuple[int, int]] = []
    size = len(text)
    start = skip_space(text, place)
    if text[start : start + 1] == b"]":
        return spans, start + 1, True
    while start < size:
        stop = value_end(text, start, depth_limit)
        if stop == NEED_MORE:
            break
        after = skip_space(text, stop)
        mark = text[after : after + 1]
        if not mark:
            break
        if mark == b"]":
            spans.append((start, stop))
            return spans, after + 1, True
        if mark != b",":
            raise BadTextError(after, "expected ',' or ']'")
        following = skip_space(text, after + 1)
        if following >= size:
            break
        if text[following : following + 1] == b"]":
            raise BadTextError(after, "a comma before ']'")
        spans.append((start, stop))
        start = following
    return spans, start, False
