"""The files of a data set's folder, listed once a folder, never outside of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dlgeom.converters.inputs import check_inside, unreadable
from dlgeom.errors import FormatError

__all__ = ["FILE", "FOLDER", "LINK", "OTHER", "Tree", "steps_of"]

FILE, FOLDER, LINK, OTHER = 1, 2, 3, 4


def steps_of(text: str) -> list[str]:
    r"""Split a path as written, with ``/`` or ``\``, leaving out ``.`` and empty steps."""
    return [step for step in text.replace("\\", "/").split("/") if step not in ("", ".")]


class Tree:
    """A folder and what is below it; each folder is listed once and remembered.

    Paths are relative to `root` with ``/`` between folders, "" is the root itself. Links are
    followed only where they stay inside.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, dict[str, int]] = {}

    def path(self, relative: str) -> Path:
        """Return the path of a file or folder."""
        return self.root / relative if relative else self.root

    def listing(self, folder: str) -> dict[str, int]:
        """Return name -> kind of the entries of a folder, sorted; {} where there is none.

        Raises
        ------
        OutputError
            ``io.read`` where the system refuses.
        """
        found = self._listed.get(folder)
        if found is not None:
            return found
        kinds: list[tuple[str, int]] = []
        try:
            with os.scandir(self.path(folder)) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        kind = FILE
                    elif entry.is_dir(follow_symlinks=False):
                        kind = FOLDER
                    else:
                        kind = LINK if entry.is_symlink() else OTHER
                    kinds.append((entry.name, kind))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            pass
        except OSError as error:
            raise unreadable(error, folder or str(self.root)) from error
        kinds.sort()
        listed = dict(kinds)
        self._listed[folder] = listed
        return listed

    def kind(self, relative: str) -> int:
        """Return what a path is, 0 for nothing; links inside the data set count as their target.

        A folder or a step that cannot be reached without leaving the data set is nothing.
        """
        if not relative:
            return FOLDER
        folder, _, base = relative.rpartition("/")
        if ".." in relative.split("/") or "\0" in relative:
            return 0
        if folder and self.kind(folder) != FOLDER:
            return 0
        kind = self.listing(folder).get(base, 0)
        if kind == LINK:
            path = self.path(relative)
            try:
                check_inside(path, self.root, relative)
            except FormatError:
                return 0
            return FOLDER if path.is_dir() else FILE if path.is_file() else 0
        return kind

    def is_folder(self, relative: str) -> bool:
        """Whether a path is a folder of the data set."""
        return self.kind(relative) == FOLDER

    def is_file(self, relative: str) -> bool:
        """Whether a path is a regular file of the data set."""
        return self.kind(relative) == FILE

    def walk(self, folder: str, depth: int = 64) -> Iterator[tuple[str, dict[str, int]]]:
        """Yield folders below one (itself first) with their listings, in sorted order.

        Linked folders are entered only at the start: a link may lead back.
        """
        listed = self.listing(folder)
        yield folder, listed
        if depth:
            for name, kind in listed.items():
                if kind == FOLDER:
                    below = f"{folder}/{name}" if folder else name
                    yield from self.walk(below, depth - 1)

    def find(self, steps: list[str], kinds: tuple[int, ...]) -> str | None:
        """Return the longest tail of a path as written that exists in the data set.

        Data sets are moved, and files name folders of other machines or virtual ones
        (``data/obj_train_data``, ``../train/images``, ``/home/me/set/images``).
        """
        for start in range(len(steps)):
            tail = "/".join(steps[start:])
            if ".." not in steps[start:] and self.kind(tail) in kinds:
                return tail
        return None
