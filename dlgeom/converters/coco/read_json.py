"""JSON values one by one through the standard module, with every fault that JSON leaves open.

Keys that occur twice, numbers that are not finite, halves of characters, endless integers: the
typed decoder of the fast path does not tell of them; what may have one comes here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from dlgeom.converters.coco.read_text import TooDeepError, skip_space, value_end
from dlgeom.errors import FormatError, LimitError

__all__ = [
    "check_depth",
    "checked_json",
    "checked_object",
    "edit",
    "fields_of",
    "placed",
    "strict_json",
    "value_fault",
]

MAX_DIGITS = 4_300
"""Digits of the longest integer that Python turns into a number unasked."""


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _FaultError(ValueError):
    """A fault that the hooks of the decoder find: a code and a sentence."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _FaultError(
                    "json.duplicate_key",
                    f"key {key[:80]!r} occurs twice; one hides the other. Keep one of them",
                )
            seen.add(key)
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _FaultError(
            "number.range",
            f"has an integer of {len(text)} digits; numbers have up to {MAX_DIGITS}. Correct it",
        )
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer)


def strict_json(raw: bytes) -> Any:
    """Decode JSON with NaN and infinities as floats.

    Raises
    ------
    FormatError
        Without a place: ``json.duplicate_key``, ``number.range``, ``encoding.invalid``,
        ``json.syntax``, ``limit.depth``.
    """
    try:
        return _DECODER.decode(raw.decode())
    except _FaultError as error:
        raise FormatError(str(error), code=error.code) from error
    except UnicodeDecodeError as error:
        raise FormatError(
            "is not valid UTF-8; JSON files are UTF-8. Save it as UTF-8", code="encoding.invalid"
        ) from error
    except json.JSONDecodeError as error:
        raise FormatError(
            f"is no valid JSON: {error.msg} at character {error.pos} of the value. Correct it",
            code="json.syntax",
        ) from error
    except RecursionError as error:
        raise LimitError("nests deeper than Python can follow", code="limit.depth") from error


def check_depth(raw: bytes, depth: int) -> None:
    """Raise `LimitError` for a value that nests deeper than `depth` levels."""
    if raw.count(b"[") + raw.count(b"{") <= depth:
        return
    try:
        value_end(raw, 0, depth)
    except TooDeepError as error:
        raise LimitError(
            f"nests deeper than {depth} levels, the limit depth. "
            "Raise it with --limit depth=N if the file is what you expect",
            code="limit.depth",
        ) from error


def checked_json(raw: bytes, depth: int) -> Any:
    """Decode JSON and refuse what could not be written again.

    Raises
    ------
    FormatError
        Without a place: what `strict_json` raises, ``number.not_finite``, ``limit.depth``.
    """
    check_depth(raw, depth)
    value = strict_json(raw)
    if fault := value_fault(value, raw):
        raise FormatError(fault[1], code=fault[0])
    return value


def checked_object(raw: bytes, what: str, depth: int) -> dict[str, Any]:
    """Decode an object as `checked_json` does; anything else is ``schema.type``."""
    value = checked_json(raw, depth)
    if not isinstance(value, dict):
        raise FormatError(
            f"is {json.dumps(value)[:40]}; {what} is an object. Correct it", code="schema.type"
        )
    return value


def value_fault(value: Any, raw: bytes) -> tuple[str, str] | None:
    """Return code and sentence where a decoded value cannot be written as JSON again."""
    if b"\\ud" in raw or b"\\uD" in raw:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return (
                "encoding.invalid",
                "has half of a surrogate pair; that is no character. Correct the text",
            )
    if not _finite(value):
        return "number.not_finite", "holds a number that is not finite. Correct it"
    return None


def _finite(value: Any) -> bool:
    """Whether all numbers inside a decoded value are finite."""
    if type(value) is float:
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return not isinstance(value, list) or all(map(_finite, value))


def placed(error: FormatError, path: str, location: str) -> FormatError:
    """Return the error with its place in the file."""
    kind = LimitError if error.code.startswith("limit.") else FormatError
    return kind(error.message, code=error.code, path=path, location=error.location or location)


def fields_of(raw: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield (key, start, stop) of each value of an object's text that `strict_json` takes."""
    depth = len(raw)
    place = skip_space(raw, skip_space(raw, 0) + 1)
    while raw[place : place + 1] == b'"':
        stop = value_end(raw, place, depth)
        key = json.loads(raw[place:stop])
        start = skip_space(raw, skip_space(raw, stop) + 1)
        stop = value_end(raw, start, depth)
        yield key, start, stop
        place = skip_space(raw, skip_space(raw, stop) + 1)


def edit(raw: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """Return a JSON object with some keys set to other JSON (None: left out), the rest as it is.

    New keys come last; the others keep their order.
    """
    try:
        found = _FIELDS.decode(raw)
    except msgspec.DecodeError:  # what is going to be left out may be no JSON: NaN
        found = {key: msgspec.Raw(raw[start:stop]) for key, start, stop in fields_of(raw)}
    for key, value in changes.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = msgspec.Raw(value)
    return msgspec.json.encode(found)
