"""What was meant: the nearest of known names, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["near"]

MANY = 2_000
"""Names that are compared at most; more would take a noticeable time."""


def near(wanted: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?``, or nothing if no name is near.

    Examples
    --------
    >>> near("cta", ["cat", "dog"])
    " Did you mean 'cat'?"
    """
    names = list(known)[:MANY]
    folded = {name.casefold(): name for name in reversed(names)}
    if wanted.casefold() in folded:
        return f" Did you mean {folded[wanted.casefold()]!r}?"
    found = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    return f" Did you mean {found[0]!r}?" if found else ""
