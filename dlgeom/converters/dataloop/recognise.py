"""Tells the platform's JSON by a look at its beginning; loads nothing that reading needs."""

from __future__ import annotations

import re
from pathlib import Path

from dlgeom.converters.glance import walk

__all__ = ["recognise"]

_HEAD, _LOOKED_AT = 1 << 16, 2_000
_MINE = re.compile(
    rb'"(?:datasetId|itemId|itemMetadata|annotationsCount)"\s*:|"_id"\s*:|"snapshots_"\s*:'
)
_ANNOTATIONS = re.compile(rb'"annotations"\s*:')
_COORDINATES = re.compile(rb'"coordinates"\s*:')
_TYPE = re.compile(rb'"type"\s*:\s*"')
_LABEL = re.compile(rb'"label"\s*:')
_COCO = re.compile(rb'"(?:image_id|category_id|categories|segments_info|file_name)"\s*:')


def recognise(path: Path) -> int:
    """Return how sure it is that this is the platform's JSON: 0 not, 1 perhaps, 2 surely."""
    if path.is_dir():
        if (path / "json").is_dir():
            return 2 if _first_looks(path / "json") else 0
        return 1 if _first_looks(path) > 1 else 0
    return _looks(path)


def _first_looks(folder: Path) -> int:
    """Return what the first JSON file of a folder looks like, after a look at some entries."""
    for place, found in walk(folder, entries=_LOOKED_AT):
        if ".json" in found.endings:
            first = min(name for name in found.names if name.lower().endswith(".json"))
            return _looks(Path(place) / first)
    return 0


def _looks(path: Path) -> int:
    if not path.name.lower().endswith(".json"):
        return 0
    try:
        if not path.is_file():
            return 0
        with path.open("rb") as file:
            head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        return 0
    if _COCO.search(head):
        return 0
    body = bool(_TYPE.search(head) and _LABEL.search(head))
    if head.startswith(b"["):
        return 2 if body and (_COORDINATES.search(head) or _MINE.search(head)) else 0
    if not head.startswith(b"{"):
        return 0
    if _MINE.search(head):
        return 2
    if _ANNOTATIONS.search(head) and (body or re.search(rb'"filename"\s*:', head)):
        return 2
    return 0
