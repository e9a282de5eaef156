"""Names of items that are safe as relative paths, and that stay apart on any file system.

Reliability page, P3: names are made relative; ``..`` that climbs out, absolute names, drives,
NUL and control characters are refused, and two inputs never share one output file in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from dlgeom.converters.named import NameSet
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["Claims", "is_plain_name", "output_name", "safe_name", "stem_of"]

_PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_ -]*[A-Za-z0-9_-])?(?:\.[A-Za-z0-9_-]+)?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_DRIVE = re.compile(r"[A-Za-z]:(?:[/\\]|$)")
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\..*)?$", re.IGNORECASE
)
_WINDOWS_FORBIDS = frozenset('<>:"|?*')


_PLAIN_FILE = re.compile(
    r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])\.)[a-z0-9_][a-z0-9_-]{0,99}\.[a-z0-9]{1,9}",
    re.IGNORECASE | re.ASCII,
)


def is_plain_name(name: str) -> bool:
    """Whether a name is letters, digits, ``_`` and ``-`` with one ending, and no device.

    Such a name is safe, an output name, and needs no quotes in CSV or XML: most names of large
    data sets are, and one look is enough for them.

    Examples
    --------
    >>> is_plain_name("000000000139.jpg"), is_plain_name("a b.jpg"), is_plain_name("aux.png")
    (True, False, False)
    """
    return _PLAIN_FILE.fullmatch(name) is not None


def _control(text: str) -> bool:
    """Whether a control or format character, or half of a surrogate pair, is in the text."""
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def safe_name(
    text: str, *, limits: Limits = DEFAULT_LIMITS, shown: str | None = None
) -> tuple[str, str]:
    r"""Turn a name of a file into a relative path with ``/`` between its folders.

    Parameters
    ----------
    text : str
        As the file says, for example ``batch_1\0001.jpg``.
    limits : Limits
        ``path_component`` and ``path``, in bytes of UTF-8.
    shown : str, optional
        Path of the file that says it, for messages.

    Returns
    -------
    name : str
        The relative path.
    note : str
        "" or a code of something worth telling: ``path.normalised`` where a step like ``..``
        inside the path was resolved, ``path.reserved`` where Windows cannot have the name.

    Raises
    ------
    FormatError
        ``path.escape``, ``path.invalid`` or ``path.url``.
    LimitError
        ``limit.path``.

    Examples
    --------
    >>> safe_name("batch_1/0001.jpg")
    ('batch_1/0001.jpg', '')
    >>> safe_name("a/../b.png")
    ('b.png', 'path.normalised')
    """
    longest = min(99, limits.path_component, limits.path)
    if _PLAIN.fullmatch(text) and len(text) <= longest and not _RESERVED.match(text):
        return text, ""

    def refused(code: str, what: str) -> FormatError:
        kind = LimitError if code.startswith("limit.") else FormatError
        return kind(f"name {text[:80]!r} {what}", code=code, path=shown)

    if not text.strip():
        raise refused("path.invalid", "is empty; each item needs a name. Give it one")
    if "\0" in text or _control(text):
        raise refused("path.invalid", "has control characters; names are plain text. Rename it")
    if _URL.match(text):
        raise refused(
            "path.url", "is an address; names are relative paths. Use the path in the data set"
        )
    name = text.replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name):
        raise refused("path.escape", "is absolute; names are relative to the data set. Shorten it")
    steps: list[str] = []
    note = ""
    for step in name.split("/"):
        if step == "..":
            if not steps:
                raise refused("path.escape", "leaves the data set by '..'. Correct it")
            steps.pop()
            note = "path.normalised"
        elif step not in ("", "."):
            steps.append(step)
        elif step == ".":
            note = note or "path.normalised"
    if not steps or name.endswith("/"):
        raise refused("path.invalid", "names no file. Give it a file name")
    clean = "/".join(steps)
    longest = max(len(step.encode()) for step in steps)
    if longest > limits.path_component:
        raise refused(
            "limit.path",
            f"has a part of {longest} bytes; the limit path_component is {limits.path_component}. "
            f"Raise it with --limit path_component={longest}",
        )
    whole = len(clean.encode())
    if whole > limits.path:
        raise refused(
            "limit.path",
            f"has {whole} bytes; the limit path is {limits.path}. "
            f"Raise it with --limit path={whole}",
        )
    for step in steps:
        if _RESERVED.match(step) or step[-1] in " ." or not _WINDOWS_FORBIDS.isdisjoint(step):
            note = note or "path.reserved"
    return clean, note


def output_name(name: str) -> str:
    """Return a name that every file system can have: what Windows refuses becomes ``_``.

    Examples
    --------
    >>> output_name("day 1/aux.txt"), output_name("what?.png")
    ('day 1/_aux.txt', 'what_.png')
    """
    if _PLAIN.fullmatch(name) and not _RESERVED.match(name):
        return name
    steps = []
    for step in name.split("/"):
        clean = "".join("_" if c in _WINDOWS_FORBIDS else c for c in step)
        if clean[-1:] in (" ", "."):
            clean = clean[:-1] + "_"
        steps.append(f"_{clean}" if _RESERVED.match(clean) else clean)
    return "/".join(steps)


def stem_of(name: str) -> str:
    """Return the path without the extension of its last part.

    Examples
    --------
    >>> stem_of("a.b/c.d.png"), stem_of("a.b/c"), stem_of(".hidden")
    ('a.b/c.d', 'a.b/c', '.hidden')
    """
    folder, slash, base = name.rpartition("/")
    dot = base.rfind(".")
    return folder + slash + (base[:dot] if dot > 0 else base)


class Claims:
    """Output names given so far; no two of them are one file on any file system.

    Names that differ only in letter case or in Unicode form are one file on some systems.

    Examples
    --------
    >>> claims = Claims()
    >>> claims.claim("a.txt"), claims.claim("A.txt")
    (('a.txt', False), ('A_2.txt', True))
    """

    __slots__ = ("_next", "_taken")

    def __init__(self) -> None:
        self._taken = NameSet()
        self._next: dict[str, int] = {}

    @staticmethod
    def _key(name: str) -> str:
        if name.isascii():
            return name.lower()
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

    def claim(self, name: str) -> tuple[str, bool]:
        """Return the name, or one with a suffix where it is taken, and whether it was."""
        key = self._key(name)
        if key not in self._taken:
            self._taken.add(key)
            return name, False
        stem = stem_of(name)
        suffix = name[len(stem) :]
        number = self._next.get(key, 2)
        while self._key(f"{stem}_{number}{suffix}") in self._taken:
            number += 1
        self._next[key] = number + 1
        fresh = f"{stem}_{number}{suffix}"
        self._taken.add(self._key(fresh))
        return fresh, True

    def claim_all(self, names: Sequence[str]) -> bool:
        """Take all names as they are and return True, or take none where one is taken.

        The names are ASCII, without line feeds; this is `claim` for a whole chunk.
        """
        keys = set("\n".join(names).lower().split("\n")) if names else set()
        if len(keys) < len(names) or not self._taken.isdisjoint(keys):
            return False
        self._taken.update(keys)
        return True

    def apart(self, other: Claims) -> bool:
        """Whether no name is among those of another process.

        Then that process has given its names as this one would have.
        """
        return self._taken.apart(other._taken)

    def holds(self, name: str) -> bool:
        """Whether a name is taken."""
        return self._key(name) in self._taken

    def merge(self, other: Claims) -> None:
        """Take the names that another process gave, which are `apart`."""
        self._taken.merge(other._taken)
        self._next.update(other._next)
