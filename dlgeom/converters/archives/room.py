"""A private folder for a source that is no folder: made, filled, and always removed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import IO

from dlgeom.converters import lazy
from dlgeom.converters.folders import write_all
from dlgeom.errors import FormatError, LimitError, OutputError
from dlgeom.limits import Limits

__all__ = ["Counter", "Room"]

Pieces = Iterable[bytes]
_NAME = re.compile(r"\w[\w .+-]{0,99}(?<![ .])", re.ASCII)


class Counter:
    """Bytes that were unpacked or fetched so far, within ``zip_bytes``."""

    def __init__(self, limits: Limits, shown: str) -> None:
        self.done = 0
        self._limits = limits
        self._shown = shown

    def __call__(self, size: int) -> None:
        """Count bytes before they are written."""
        self.done += size
        if self.done > self._limits.zip_bytes:
            self._limits.check(
                "zip_bytes",
                self.done,
                code="limit.bytes",
                what="number of bytes that were unpacked so far",
                path=self._shown,
            )


class Room:
    """A folder that only this user can read, with the files of a source.

    Files are made with exclusive names, none is ever a link, and their names were checked.

    Parameters
    ----------
    name : str
        Name of the source's folder in it; readers may show it.
    shown : str
        What messages name it.
    """

    def __init__(self, name: str, shown: str) -> None:
        self.shown = shown
        self.lock = threading.RLock()
        self._later: dict[str, Callable[[], Pieces | None]] = {}
        self._peeks: dict[str, Callable[[], IO[bytes] | None]] = {}
        self._folders: set[str] = {""}
        self._owner = os.getpid()
        try:
            # The real path: readers compare real paths.
            place = os.path.realpath(tempfile.mkdtemp(prefix="dlgeom-"))
            self._remove = weakref.finalize(self, _remove, place, self._owner)
            self.root = os.path.join(place, name if _NAME.fullmatch(name) else "data")
            os.mkdir(self.root)
        except OSError as error:
            raise self._refused(error) from error
        lazy.add(place, self)
        self._place = place

    # -- files -----------------------------------------------------------------------------

    def _refused(self, error: OSError, name: str = "") -> FormatError | OutputError:
        shown = f"{self.shown}/{name}" if name else self.shown
        if error.errno == errno.ENAMETOOLONG:
            return FormatError(
                "is longer than the file system takes; names are shorter. Rename it",
                code="path.invalid",
                path=shown,
            )
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        return OutputError(
            f"cannot be laid out in the folder for temporary files ({error.strerror}). "
            "Name one with more space by the environment variable TMPDIR",
            code="output.full" if full else "io.permission",
            path=shown,
        )

    def folder(self, name: str) -> None:
        """Make a folder and those above it."""
        if name in self._folders:
            return
        self.folder(name.rpartition("/")[0])
        try:
            os.mkdir(os.path.join(self.root, name))
        except OSError as error:
            raise self._refused(error, name) from error
        self._folders.add(name)

    def _create(self, name: str) -> int:
        self.folder(name.rpartition("/")[0])
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            return os.open(os.path.join(self.root, name), flags | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise self._refused(error, name) from error

    def _write(self, descriptor: int, pieces: Pieces, name: str) -> None:
        try:
            for piece in pieces:
                write_all(descriptor, piece)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise self._refused(error, name) from error
        finally:
            os.close(descriptor)

    def write(self, name: str, pieces: Pieces) -> None:
        """Write a file of the source."""
        self._write(self._create(name), pieces, name)

    def promise(
        self,
        name: str,
        content: Callable[[], Pieces | None],
        peek: Callable[[], IO[bytes] | None] | None = None,
    ) -> None:
        """Make an empty file, which is filled when it is needed.

        Parameters
        ----------
        name : str
            Its name.
        content : callable
            Returns what it holds; None if it has filled the file by itself.
        peek : callable, optional
            Opens it where it lies, to read its header; None if that is not possible.
        """
        os.close(self._create(name))
        self._later[name] = content
        if peek is not None:
            self._peeks[name] = peek

    def alias(self, name: str, other: str) -> None:
        """Make a file that is another one too."""
        self.folder(name.rpartition("/")[0])
        try:
            os.link(os.path.join(self.root, other), os.path.join(self.root, name))
        except OSError as error:
            raise self._refused(error, name) from error
        if other in self._later:
            self._later[name] = lambda: self.fill(other)

    def fill(self, name: str) -> None:
        """Fill a promised file."""
        with self.lock:
            content = self._later.get(name)
            if content is not None:
                pieces = content()
                if pieces is not None:
                    self.rewrite(name, pieces)
                self.filled(name)

    def rewrite(self, name: str, pieces: Pieces) -> None:
        """Give a promised file its content."""
        # In place, so that other names of it see it too.
        flags = os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(os.path.join(self.root, name), flags)
        except OSError as error:
            raise self._refused(error, name) from error
        try:
            self._write(descriptor, pieces, name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.truncate(os.path.join(self.root, name), 0)
            raise
        self.filled(name)

    def filled(self, name: str) -> None:
        """Note that a promised file has its content."""
        self._later.pop(name, None)
        self._peeks.pop(name, None)

    def fill_all(self) -> None:
        """Fill all promised files."""
        for name in self.promised:
            try:
                self.fill(name)
            except LimitError:
                raise
            except FormatError:
                continue  # one image of many: it stays empty, and is told when it is needed

    @property
    def promised(self) -> list[str]:
        """The files that are still empty."""
        return list(self._later)

    # -- what `lazy` asks ------------------------------------------------------------------

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def fetch(self, path: str) -> None:
        """Fill the file at a path, if it was promised."""
        if self._later:
            self.fill(self._name(path))

    def peek(self, path: str) -> IO[bytes] | None:
        """Open the file at a path where it lies, if it was promised; fill it if that cannot be."""
        if not self._later:
            return None
        name = self._name(path)
        if name not in self._later:
            return None
        with self.lock:
            opened = self._peeks.get(name, lambda: None)()
        if opened is None:
            self.fill(name)
        return opened

    def told(self, path: str) -> str:
        """Return how messages name the file at a path."""
        name = self._name(path)
        if name == ".." or name.startswith("../"):
            return self.shown
        return self.shown if name == "." else f"{self.shown}/{name}"

    def close(self) -> None:
        """Remove the folder."""
        self._later.clear()
        self._peeks.clear()
        lazy.forget(self._place)
        self._remove()


def _remove(place: str, owner: int) -> None:
    # A child of a fork has the folder of its parent.
    if os.getpid() == owner:
        lazy.forget(place)
        shutil.rmtree(place, ignore_errors=True)
