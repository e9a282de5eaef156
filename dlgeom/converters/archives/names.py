"""Names of members: relative, inside, of legal text, and each of them once."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable

from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import Limits

__all__ = ["Names", "Note"]

Note = Callable[[str, str, str, str], None]
"""Told of something odd: status, code, message, member."""


class Names:
    """The names of an archive so far.

    Parameters
    ----------
    shown : str
        The archive in messages.
    limits : Limits
        ``zip_entries``, ``path_component`` and ``path``.
    note : callable
        Told of names that are odd but fine.
    """

    def __init__(self, shown: str, limits: Limits, note: Note) -> None:
        self._shown = shown
        self._limits = limits
        self._note = note
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self.count = 0

    def counted(self) -> None:
        """Count an entry.

        Raises
        ------
        LimitError
            ``limit.entries``.
        """
        self.count += 1
        if self.count > self._limits.zip_entries:
            self._limits.check(
                "zip_entries",
                self.count,
                code="limit.entries",
                what="number of entries so far",
                path=self._shown,
            )

    def file(self, name: str) -> str:
        """Return the relative path of a file.

        Raises
        ------
        FormatError
            ``path.escape``, ``path.invalid``, ``path.collision``, ``zip.duplicate``.
        """
        path = self._checked(name)
        self._parents(path)
        key = _key(path)
        other = self._files.get(key)
        if other == path:
            raise self._bad(
                "zip.duplicate",
                "comes twice; which one counts cannot be told. Pack the files again",
                path,
            )
        folder = self._folders.get(key)
        if folder == path:
            raise self._both(path)
        if other is not None or folder is not None:
            self._collide(path, other or folder or "")
        self._files.setdefault(key, path)
        return path

    def folder(self, name: str) -> str:
        """Return the relative path of a folder; "" for the archive itself."""
        if not name.replace("\\", "/").strip("./"):
            if ".." in name:
                raise self._bad("path.escape", "leaves the archive by '..'. Pack it again", name)
            return ""
        path = self._checked(name.rstrip("/\\"))
        self._parents(path + "/")
        return path

    def _parents(self, path: str) -> None:
        """Note the folders above a file; the nearest is known mostly."""
        folder = path.rpartition("/")[0]
        while folder:
            key = _key(folder)
            other = self._folders.get(key)
            if other == folder:
                return
            file = self._files.get(key)
            if file == folder:
                raise self._both(folder)
            if other is not None or file is not None:
                self._collide(folder, other or file or "")
            # The newest, so that a folder that differs in letter case is told once in a row.
            self._folders[key] = folder
            folder = folder.rpartition("/")[0]

    def _collide(self, path: str, other: str) -> None:
        self._note(
            "warning",
            "path.collision",
            f"and {other!r} are one file on file systems that do not tell letter case or Unicode "
            "forms apart; both are read here. Rename one of them",
            path,
        )

    def _both(self, path: str) -> FormatError:
        return self._bad(
            "path.collision", "is a file and a folder; it is one of them. Pack it again", path
        )

    def _checked(self, name: str) -> str:
        try:
            path, note = safe_name(name, limits=self._limits)
        except FormatError as error:
            # What is too long for a file system is no name of a file.
            code = "path.invalid" if isinstance(error, LimitError) else error.code
            raise FormatError(error.message, code=code, path=self._shown) from error
        if ".." in name.replace("\\", "/").split("/"):
            raise self._bad("path.escape", "has '..' in its path. Pack it again", name)
        if "\\" in name:
            self._note(
                "notice",
                "path.normalised",
                "has '\\' between folders; archives have '/', and it is read as that",
                path,
            )
        if note == "path.reserved" and os.name == "nt":
            raise self._bad("path.reserved", "is no name for a file on Windows", path)
        return path

    def _bad(self, code: str, message: str, name: str) -> FormatError:
        return FormatError(message, code=code, path=f"{self._shown}/{name[:200]}")


def _key(name: str) -> str:
    if name.isascii():
        lower = name.lower()
        return name if lower == name else lower
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
