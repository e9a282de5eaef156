"""Comparing single values, of files that spell them in several ways.

Attributes come as text, numbers or booleans depending on the format: ``'true'`` equals true, and
``'5'`` equals 5. A list has a property if one of its entries has it.
"""

from __future__ import annotations

import operator as python
import re
from collections.abc import Callable, Mapping
from typing import Any

from dlgeom.filters.globs import matcher

__all__ = ["equal", "fits", "glob", "ordered"]

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": python.lt,
    "<=": python.le,
    ">": python.gt,
    ">=": python.ge,
}


def _number(value: Any) -> int | float | None:
    """Return the number that a value is or spells, None for none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= 400 and _NUMBER.fullmatch(value.strip()):
        text = value.strip()
        return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)
    return None


def _truth(value: Any) -> bool | None:
    """Return the truth value that a value is or spells, None for none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def equal(value: Any, other: Any) -> bool:
    """Whether a value is another one, or has it in its list."""
    if isinstance(value, list | tuple) and not isinstance(other, list | tuple):
        return any(equal(entry, other) for entry in value)
    if value is None or other is None:
        return False
    if isinstance(value, str) and isinstance(other, str):
        return value == other
    if isinstance(value, bool) or isinstance(other, bool):
        said = _truth(value)
        return said is not None and said is _truth(other)
    a, b = _number(value), _number(other)
    return bool(value == other) if a is None or b is None else a == b


def ordered(value: Any, sign: str, other: Any) -> bool:
    """Whether a value, or one in its list, lies below or above another one."""
    if isinstance(value, list | tuple):
        return any(ordered(entry, sign, other) for entry in value)
    if isinstance(value, str) and isinstance(other, str):
        return _ORDERS[sign](value, other)
    a, b = _number(value), _number(other)
    return a is not None and b is not None and _ORDERS[sign](a, b)


def glob(value: Any, pattern: str, *, path: bool = False) -> bool:
    """Whether a text, or one in a list, fits a pattern."""
    if isinstance(value, list | tuple):
        return any(glob(entry, pattern, path=path) for entry in value)
    if value is None or isinstance(value, bool | Mapping):
        return False
    return matcher(pattern, path=path).fullmatch(str(value)) is not None


def fits(value: Any, entries: tuple[tuple[str, Any], ...]) -> bool:
    """Whether an object, or one in a list, has all entries."""
    if isinstance(value, list | tuple):
        return any(fits(entry, entries) for entry in value)
    return isinstance(value, Mapping) and all(
        key in value and equal(value[key], wanted) for key, wanted in entries
    )
