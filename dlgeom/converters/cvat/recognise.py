"""Whether a path is CVAT's XML: by the root and the first elements of a file."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from dlgeom.converters.glance import walk

__all__ = ["looks_like_cvat", "recognise"]

_HEAD, _LOOKED_AT, _FILES = 1 << 14, 2_000, 3
# Comments, processing instructions and a document type may come before the root. Nothing is tried
# twice: in a file of comments alone there would be no end of ways to do so.
_ROOT = re.compile(
    r"\s*+(?:(?><\?.*?\?>|<!--.*?-->|<!DOCTYPE[^<>\[]*+(?:\[.*?\]\s*+)?>)\s*+)*+<annotations[\s/>]",
    re.DOTALL,
)
_MINE = re.compile(r"<(?:version|meta|image|track)[\s/>]|<annotations\s*(?:/>|>\s*</annotations)")


def recognise(path: Path) -> int:
    """Tell how sure it is that a path is CVAT's XML: 0 not, 2 surely."""
    if not path.is_dir():
        return 2 if path.name.lower().endswith(".xml") and looks_like_cvat(path) else 0
    looked = 0
    for place, found in walk(path, entries=_LOOKED_AT):
        if ".xml" not in found.endings:
            continue
        for name in sorted(found.names):
            if name.lower().endswith(".xml") and not name.startswith("."):
                if looks_like_cvat(Path(place) / name):
                    return 2
                looked += 1
                if looked >= _FILES:
                    return 0
    return 0


def looks_like_cvat(path: Path) -> bool:
    """Whether the root of a file is ``annotations``, and what follows is CVAT's."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return False
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if utf16 else "utf-8", "replace").lstrip("\ufeff")
    root = _ROOT.match(text)
    return root is not None and _MINE.search(text, root.start()) is not None
