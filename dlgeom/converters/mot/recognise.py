"""Whether a path is MOTChallenge: by the names of its folders, or the first rows of a file."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dlgeom.converters.glance import walk

__all__ = ["looks_like_rows", "recognise", "sequences"]

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_ROW = re.compile(rf"\s*[0-9]+\s*,\s*-?[0-9]+\s*(?:,\s*{NUMBER}\s*){{5,8}},?\s*\Z")
_LOOKED_AT = 2_000


def recognise(path: Path) -> int:
    """Tell how sure it is that a path is MOTChallenge: 0, 1 or 2."""
    if path.is_dir():
        return 2 if sequences(path, most=1) else 0
    if path.name.lower() in ("gt.txt", "det.txt") or path.parent.name in ("gt", "det"):
        return 2 if looks_like_rows(path) else 0
    return 1 if looks_like_rows(path) else 0


def looks_like_rows(path: Path) -> bool:
    """Whether the first lines of a file are rows with commas between their columns."""
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    lines = head.decode("latin-1").lstrip("\ufeffï»¿").splitlines()
    if len(head) == 4096:
        lines = lines[:-1]
    lines = [line for line in lines if line.strip()]
    return bool(lines) and all(_ROW.match(line) for line in lines)


def sequences(path: Path, *, most: int | None = None) -> list[Path]:
    """Return the folders of sequences at a path, or below it, in the order of their names.

    A sequence has ``gt/gt.txt`` or ``det/det.txt``.
    """
    found: list[Path] = []
    entries = _LOOKED_AT if most is not None else 10_000_000
    for place, _ in walk(path, entries=entries):
        folder = Path(place)
        if any(os.path.isfile(folder / part) for part in ("gt/gt.txt", "det/det.txt")):
            found.append(folder)
            if most is not None and len(found) >= most:
                break
    return sorted(found)
