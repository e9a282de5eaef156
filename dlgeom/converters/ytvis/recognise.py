"""Whether a path is YouTube-VIS in its native layout: by the first bytes of its files."""

from __future__ import annotations

import re
from pathlib import Path

from dlgeom.converters.coco.read_source import HEAD, read_head
from dlgeom.converters.packed import bare_name

__all__ = ["files_of", "is_native", "recognise"]

_LONG_HEAD = 4 << 20
_VIDEOS = re.compile(rb'"videos"\s*:\s*\[')
_IMAGES = re.compile(rb'"images"\s*:\s*\[')
_LISTS = re.compile(rb'"(?:file_names|segmentations|bboxes)"\s*:\s*\[')
_RESULT = re.compile(rb"\s*\[\s*\{")
_LOOKED_AT = 20


def recognise(path: Path) -> int:
    """Tell how sure it is that a path is YouTube-VIS: 0 or 2."""
    return 2 if any(looks_native(file) for file in files_of(path)[:_LOOKED_AT]) else 0


def looks_native(path: Path) -> bool:
    """Whether a file is one of tracks: the layout with a record for each image is COCO."""
    head = read_head(path)
    if is_native(head):
        return True
    if len(head) < HEAD // 2 or _IMAGES.search(head) or b'"video' not in head:
        return False
    return is_native(read_head(path, _LONG_HEAD))


def is_native(head: bytes) -> bool:
    """Whether the first bytes of a file show lists over frames, and no images."""
    if _IMAGES.search(head):
        return False
    if _RESULT.match(head):
        return b'"video_id"' in head and b'"segmentations"' in head
    if not head.lstrip().startswith(b"{"):
        return False
    lists = _LISTS.search(head) is not None
    return lists and (_VIDEOS.search(head) is not None or b'"video_id"' in head)


def files_of(path: Path) -> list[Path]:
    """Return the JSON files of a path, those of ``annotations/`` where it has any."""
    if not path.is_dir():
        return [path] if _is_json(path) else []
    for folder in ("annotations/*", "*", "*/instances.json*"):
        try:
            found = sorted(file for file in path.glob(folder) if _is_json(file) and file.is_file())
        except OSError:
            return []
        if found:
            return found
    return []


def _is_json(path: Path) -> bool:
    name = path.name.lower()
    return bare_name(name).endswith(".json") and not name.startswith(".")
