"""Files of a source whose items have a file each: the one that is named, or all of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dlgeom.converters.glance import walk
from dlgeom.converters.inputs import unreadable
from dlgeom.errors import FormatError

__all__ = ["Found", "find_files", "holds_files", "recognise_ending"]

_LOOKED_AT = 2_000


class Found(msgspec.Struct, frozen=True, gc=False):
    """A file of the source: where the source is, and the path from there with ``/``.

    There may be very many: a `Path` each would be most of their memory.
    """

    root: Path
    shown: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.root / self.shown


def _names(folder: Path, suffix: str) -> Iterator[tuple[str, str]]:
    """Yield (folder relative to the source, name) of everything with that ending, in order."""

    def refuse(error: OSError) -> None:
        raise unreadable(error, str(error.filename)) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        relative = os.path.relpath(place, folder).replace(os.sep, "/")
        for name in sorted(names):
            if name.lower().endswith(suffix) and not name.startswith("."):
                yield "" if relative == "." else relative + "/", name


def find_files(path: Path, suffix: str) -> list[Found]:
    """Return the files of a source, in the order of their paths.

    Hidden files and folders are left out, links to folders are not followed.

    Raises
    ------
    FormatError
        ``schema.root`` if a folder has none.
    OutputError
        ``io.read``.
    """
    if not path.is_dir():
        return [Found(path.parent, path.name)]
    found = [Found(path, f"{folder}{name}") for folder, name in _names(path, suffix)]
    if not found:
        raise FormatError(
            f"has no file that ends in {suffix}, in no folder. Name the folder that has them",
            code="schema.root",
            path=str(path),
        )
    return found


def holds_files(path: Path, suffix: str) -> bool:
    """Tell quickly whether a folder has such files, by a look at its first entries."""
    return any(
        suffix in found.endings
        and any(name.lower().endswith(suffix) and not name.startswith(".") for name in found.names)
        for _, found in walk(path, entries=_LOOKED_AT)
    )


def recognise_ending(path: Path, suffix: str) -> int:
    """Tell how sure it is that a path is a file with that ending (2), or has such files (1)."""
    if path.is_dir():
        return int(holds_files(path, suffix))
    return 2 if path.name.lower().endswith(suffix) else 0
