"""Glob patterns for names and paths.

``?`` is one character, ``*`` any number of them, ``[abc]`` one of a set and ``[!abc]`` one that
is not in it. In a path none of these crosses a ``/``; ``**`` does: ``dir/**`` is everything below
``dir``, ``**/cam1/*`` whatever lies in a folder ``cam1`` anywhere.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["clean_path", "has_wildcard", "matcher"]


def clean_path(path: str) -> str:
    """Return a path without slashes around it: ``/a/b/`` and ``a/b`` are the same."""
    return path.strip("/")


def has_wildcard(text: str) -> bool:
    """Whether a text is a pattern: it has a ``*`` or a ``?``."""
    return "*" in text or "?" in text


@lru_cache(maxsize=256)
def matcher(pattern: str, *, path: bool = False) -> re.Pattern[str]:
    """Return a regular expression whose ``fullmatch`` says whether a text fits.

    Parameters
    ----------
    pattern : str
        The glob.
    path : bool
        Whether ``/`` separates folders; `clean_path` is then due for the texts, too.

    Examples
    --------
    >>> bool(matcher("/dir/**", path=True).fullmatch("dir/a/b.jpg"))
    True
    >>> bool(matcher("/dir/*", path=True).fullmatch("dir/a/b.jpg"))
    False
    """
    if path:
        pattern = clean_path(pattern)
    one, some = ("[^/]", "[^/]*") if path else (".", ".*")
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "*":
            stop = at
            while stop < len(pattern) and pattern[stop] == "*":
                stop += 1
            deep = stop - at > 1
            at_start = at == 0 or pattern[at - 1] == "/"
            if path and deep and at_start and pattern[stop : stop + 1] == "/":
                pieces.append("(?:.*/)?")
                stop += 1
            else:
                pieces.append(".*" if deep else some)
            at = stop
            continue
        if sign == "?":
            pieces.append(one)
        elif sign == "[" and (close := pattern.find("]", at + 2)) > 0:
            pieces.append(_set(pattern[at + 1 : close], path=path))
            at = close
        else:
            pieces.append(re.escape(sign))
        at += 1
    return re.compile("".join(pieces), re.DOTALL)


def _set(inside: str, *, path: bool) -> str:
    negated = inside[0] in "!^"
    body = inside[1:] if negated else inside
    body = re.sub(r"([\\\[\]^&~|])", r"\\\1", body)
    if re.search(r"(.)-(.)", body) and not _goes_up(body):
        body = body.replace("-", r"\-")
    barred = "/" if path and negated else ""
    return f"[{'^' if negated else ''}{body}{barred}]"


def _goes_up(body: str) -> bool:
    return all(low <= high for low, high in re.findall(r"(.)-(.)", body))
