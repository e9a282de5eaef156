"""The videos that files of rows belong to, and their sizes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from dlgeom.converters.inputs import check_inside
from dlgeom.errors import UsageError
from dlgeom.item import Item

__all__ = ["VideoFolder", "given_size", "item_of"]

VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"}
)
_SIZE = re.compile(r"([0-9]{1,9})[x,]([0-9]{1,9})", re.IGNORECASE)


def given_size(options: Any, name: str = "yolo_video_size") -> tuple[int, int] | None:
    """Return width and height that an option gives, None where it is not given.

    Raises
    ------
    UsageError
        If it is no size.
    """
    text = options.get(name)
    if text is None:
        return None
    found = _SIZE.fullmatch(str(text).strip())
    if not found or not int(found[1]) or not int(found[2]):
        raise UsageError(f"{name} is {text!r}; it is WIDTHxHEIGHT, such as 1280x720")
    return int(found[1]), int(found[2])


class VideoFolder:
    """Finds the file of a video by its name, or by the name without its ending.

    Parameters
    ----------
    root : Path
        A folder, or a video file, which is then that of every name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, name: str) -> tuple[Path, str] | None:
        """Return the file of a video and its name, None if there is none.

        Raises
        ------
        FormatError
            ``path.symlink`` if it is a link out of the folder.
        """
        if self._root.is_file():
            return self._root, self._root.name
        folder, _, base = name.rpartition("/")
        prefix = folder + "/" if folder else ""
        for place, shown in ((self._root / folder, prefix), (self._root, "")):
            try:
                names = sorted(entry.name for entry in os.scandir(place) if entry.is_file())
            except OSError:
                continue
            videos = [n for n in names if os.path.splitext(n)[1].lower() in VIDEO_SUFFIXES]
            chosen = [n for n in videos if n == base]
            chosen += [n for n in videos if os.path.splitext(n)[0] == base]
            if chosen:
                check_inside(place / chosen[0], self._root, shown + chosen[0])
                return place / chosen[0], shown + chosen[0]
        return None


def item_of(path: Path, name: str) -> Item:
    """Return a video with what its file says.

    Raises
    ------
    FormatError
        If it is no video.
    """
    from dlgeom.video import Video

    with Video(path) as video:
        return Item(
            name=name,
            width=video.width,
            height=video.height,
            media="video",
            fps=None if video.fps is None else float(video.fps),
            frame_count=len(video),
        )
