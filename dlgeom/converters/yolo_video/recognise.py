"""Whether a path holds YOLO rows of videos: by the first rows of its files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dlgeom.converters.glance import walk

__all__ = ["NAMES", "looks_like_rows", "recognise", "row_files"]

NAMES = ("labels.txt", "classes.txt", "obj.names", "names.txt", "yolo_labels.txt")
_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_ROW = re.compile(
    rf"[0-9]{{1,18}}[ \t]+(?:None|[0-9]{{1,18}})[ \t]+[0-9]{{1,18}}(?:[ \t]+{_NUMBER}){{4,}}"
)
_LOOKED_AT = 2_000
_FILES = 3


def recognise(path: Path) -> int:
    """Tell how sure it is that a path is such a data set: 0, 1 or 2."""
    if not path.is_dir():
        return 2 if looks_like_rows(path) else 0
    looked, sure = 0, 1
    for place, found in walk(path, entries=_LOOKED_AT):
        if ".txt" not in found.endings:
            continue
        if any(name.lower() in NAMES for name in found.names) and ".json" not in found.endings:
            sure = 2
        for name in sorted(found.names):
            if not name.lower().endswith(".txt") or name.lower() in NAMES or _empty(place, name):
                continue
            if not looks_like_rows(Path(place, name)):
                return 0
            looked += 1
            if looked >= _FILES:
                return sure
    return sure if looked else 0


def _empty(place: str, name: str) -> bool:
    try:
        return os.path.getsize(os.path.join(place, name)) == 0
    except OSError:
        return True


def looks_like_rows(path: Path) -> bool:
    """Whether the first lines of a file are rows of frame, object, class and fractions.

    Rows of pictures can have as many columns, those of polygons: a vertex at a corner of the
    picture is two whole numbers too. One row at least has to be none of those.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            head = file.read(65_536)
    except OSError:
        return False
    text = head.decode("latin-1").removeprefix("ï»¿")
    lines = text.replace("\r", "\n").split("\n")
    if len(head) == 65_536:
        lines = lines[:-1]
    lines = [line.strip() for line in lines if line.strip()]
    found = [_is_row(line) for line in lines[:200]]
    return 2 in found and 0 not in found


def _is_row(line: str) -> int:
    """Return 0 for no row, 1 for one that may be a polygon in a picture, 2 for a row."""
    if not _ROW.fullmatch(line):
        return 0
    _, thing, category, *rest = line.split()
    if len(rest) != 4 and (len(rest) < 6 or len(rest) % 2):
        return 0
    if thing == "None" or int(thing) > 1 or int(category) > 1:
        return 2
    return 2 if len(rest) == 4 and any("." in text for text in rest) else 1


def row_files(path: Path) -> list[Path]:
    """Return the files of rows at a path or below it, in the order of their names."""
    if not path.is_dir():
        return [path]
    found = [
        Path(place, name)
        for place, listing in walk(path, entries=10_000_000)
        for name in listing.names
        if name.lower().endswith(".txt") and name.lower() not in NAMES and name[0] != "."
    ]
    return sorted(found)
