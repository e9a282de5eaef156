"""Where the annotations of an item are written: whole paths from those that readers tell."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["SourceFiles"]

SEARCHES = 16
"""Times that folders are looked through for a file that is not where the others are."""


class SourceFiles:
    """Turns the paths of messages, relative to some folder of a data set, into whole ones.

    Parameters
    ----------
    root : Path, optional
        What was opened: a file or a folder; None for objects in memory.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._known: dict[str, str] = {}
        self._folders = [] if root is None else [root]
        self._left = SEARCHES

    def full(self, path: str) -> str:
        """Return the whole path of a file, the same text for the same file; "" for none."""
        if path not in self._known:
            self._known[path] = self._found(path)
        return self._known[path]

    def _found(self, path: str) -> str:
        if self._root is None or not path:
            return path
        if self._root.is_file():
            return str(self._root)
        for folder in self._folders:
            if os.path.exists(folder / path):
                return str(folder / path)
        if self._left > 0:
            self._left -= 1
            folders = [
                Path(place)
                for place, _, _ in os.walk(self._root)
                if os.path.exists(os.path.join(place, path))
            ]
            # Of several nobody knows which one is meant.
            if len(folders) == 1:
                self._folders.append(folders[0])
                return str(folders[0] / path)
        return str(self._root / path)
