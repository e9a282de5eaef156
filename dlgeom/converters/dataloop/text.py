"""JSON text to values, with what JSON should not have found and told.

Python's `json` takes repeated keys (the last wins), ``NaN`` and any depth; here a place that
has one is known afterwards, so that it costs the annotation that it is in and no other.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from dlgeom.converters.inputs import decode_text
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["check_value", "parse"]


class _Repeated(dict[str, Any]):
    """An object in which a key stands twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeated(found)


def parse(data: bytes, shown: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Any, bool]:
    """Parse JSON text.

    Parameters
    ----------
    data : bytes
        UTF-8, with or without a byte order mark.
    shown : str
        The file, for messages.

    Returns
    -------
    value : object
        What the text says.
    clean : bool
        False where `check_value` has something to find.

    Raises
    ------
    FormatError
        ``json.syntax``, ``encoding.invalid``.
    LimitError
        ``limit.depth``.
    """
    text, _ = decode_text(data, shown)
    doubtful: list[str] = []

    def constant(name: str) -> float:
        doubtful.append(name)
        return math.nan

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            doubtful.append(digits)
            return math.nan
        return value

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = _object(found)
        if type(made) is _Repeated:
            doubtful.append("key")
        return made

    deep = _depth(data) > limits.depth
    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=constant, parse_float=number
        )
    except json.JSONDecodeError as error:
        raise FormatError(
            f"is no JSON ({error.msg}); it ends in the middle or has a stray character. "
            "Export it again",
            code="json.syntax",
            path=shown,
            location=f"line {error.lineno}",
        ) from error
    except RecursionError as error:
        raise _too_deep(shown, limits) from error
    except ValueError as error:  # a whole number of thousands of digits
        raise FormatError(
            f"has a number that cannot be read ({error}). Correct it",
            code="number.range",
            path=shown,
        ) from error
    return value, not doubtful and not deep


def _depth(data: bytes) -> int:
    """Return how deep the text may be nested: brackets inside of strings count too."""
    marks = np.frombuffer(data, dtype=np.uint8)
    marks = marks[(marks == 0x5B) | (marks == 0x7B) | (marks == 0x5D) | (marks == 0x7D)]
    if not len(marks):
        return 0
    steps = np.where((marks == 0x5B) | (marks == 0x7B), 1, -1)
    return int(np.cumsum(steps).max())


def _too_deep(shown: str | None, limits: Limits) -> LimitError:
    return LimitError(
        f"is nested deeper than {limits.depth} levels (limit depth). "
        f"Raise it with --limit depth={2 * limits.depth}",
        code="limit.depth",
        path=shown,
    )


def check_value(value: Any, limits: Limits = DEFAULT_LIMITS, shown: str | None = None) -> None:
    """Refuse a value with a repeated key, a number that is not finite, or too much depth.

    Raises
    ------
    FormatError
        ``json.duplicate_key``, ``number.not_finite``.
    LimitError
        ``limit.depth``.
    """
    waiting = [(value, 1)]
    while waiting:
        entry, depth = waiting.pop()
        if isinstance(entry, float):
            if not math.isfinite(entry):
                raise FormatError(
                    "has a number that is not finite (NaN or Infinity); JSON has none. "
                    "Correct or leave it out",
                    code="number.not_finite",
                    path=shown,
                )
            continue
        if not isinstance(entry, dict | list):
            continue
        if depth > limits.depth:
            raise _too_deep(shown, limits)
        if type(entry) is _Repeated:
            raise FormatError(
                "has a key twice in one object; which value counts is not defined. Leave one out",
                code="json.duplicate_key",
                path=shown,
            )
        inside = entry.values() if isinstance(entry, dict) else entry
        waiting += [(each, depth + 1) for each in inside]
