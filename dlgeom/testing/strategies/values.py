"""Strategies for what is no geometry: names, texts, attributes, JSON values, ids."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

__all__ = [
    "attributes",
    "fields",
    "ids",
    "json_values",
    "names",
    "texts",
    "visibilities",
]


@cache
def names(max_size: int = 6) -> st.SearchStrategy[str]:
    """Draw short text of any characters, the empty one included."""
    return st.text(max_size=max_size)


@cache
def texts() -> st.SearchStrategy[str | None]:
    """Draw short text, or None."""
    return st.none() | names()


@cache
def json_values(*, max_leaves: int = 4) -> st.SearchStrategy[Any]:
    """Draw anything that JSON holds: numbers are finite, integers of any size."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | names(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names(), inner, max_size=2),
        max_leaves=max_leaves,
    )


@cache
def fields() -> st.SearchStrategy[dict[str, Any]]:
    """Draw a dict of one to three JSON values."""
    return st.dictionaries(names(), json_values(), min_size=1, max_size=3)


@cache
def attributes() -> st.SearchStrategy[dict[str, Any] | list[str] | None]:
    """Draw attributes of both forms, a dict of JSON values or a list of text, or None."""
    return st.none() | fields() | st.lists(names(), max_size=3)


@cache
def ids() -> st.SearchStrategy[int | str | None]:
    """Draw an id: None, an integer (beyond 64 bits, too) or text."""
    return st.none() | st.integers(-5, 1 << 80) | names()


@cache
def visibilities() -> st.SearchStrategy[int]:
    """Draw the visibility of a key point: 0 not labelled, 1 hidden, 2 visible."""
    return st.sampled_from([0, 1, 2])
