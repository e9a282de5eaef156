"""A file that is written piece by piece, under a temporary name until it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from dlgeom.converters.folders import BLOCK, Folder, write_all
from dlgeom.converters.resume import lock
from dlgeom.errors import OutputError

if TYPE_CHECKING:
    from dlgeom.converters.output import Output

__all__ = ["IN_THE_WAY", "FileWriter", "NoFile", "exists", "refused"]

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
IN_THE_WAY = {errno.ENOTDIR, errno.ELOOP, errno.EEXIST, errno.EISDIR}
"""Errors of a path on which something else lies than a folder."""


def refused(error: OSError, path: str) -> OutputError:
    """Return the error for an output that the system does not let us write."""
    code = "output.full" if error.errno in _FULL else "io.permission"
    return OutputError(f"{error.strerror or error}", code=code, path=path)


def exists(path: str, what: str = "") -> OutputError:
    """Return the error for an output that is there."""
    return OutputError(
        f"exists{what}; outputs are not overwritten unasked. Use --overwrite, or another name",
        code="output.exists",
        path=path,
    )


class FileWriter:
    """One file written piece by piece; `close` gives it its name, `abort` removes it."""

    def __init__(self, output: Output, name: str) -> None:
        self._output = output
        self._name = name
        self._folder, self._base = output._folder_of(name)
        self._temporary = output._temporary_name()
        self._descriptor = -1
        self._pieces: list[bytes] = []
        self._waiting = 0
        # Noted before it is made: a signal in between leaves nothing behind.
        output._unfinished.append(self)
        try:
            self._descriptor = self._folder.create(self._temporary)
        except OSError as error:
            raise self._error(error) from error
        if output.single:
            # Tells another process that this one is alive (`resume.remove_stale`).
            lock(self._descriptor)

    def _error(self, error: OSError) -> OutputError:
        return refused(error, str(self._output.root / self._name))

    @property
    def temporary(self) -> str:
        """Its name until it is finished."""
        return self._temporary

    def uses(self, folder: Folder) -> bool:
        """Whether the file lies in that folder."""
        return self._folder is folder

    def write(self, data: bytes) -> None:
        """Append bytes; they are gathered into writes of about a megabyte."""
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= BLOCK:
            self._flush()

    def _flush(self) -> None:
        try:
            write_all(self._descriptor, b"".join(self._pieces))
        except OSError as error:
            raise self._error(error) from error
        self._pieces.clear()
        self._waiting = 0

    def close(self) -> None:
        """Finish the file under its own name."""
        self._flush()
        try:
            os.fsync(self._descriptor)
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
            self._output._settle(self._folder, self._temporary, self._base, self._name)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise self._error(error) from error
        self._output._unfinished.remove(self)

    def abort(self) -> None:
        """Remove what was written."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
        self._folder.remove(self._temporary)


class NoFile(FileWriter):
    """Takes what a dry run would write."""

    def __init__(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        """Take the bytes."""

    def close(self) -> None:
        """Finish nothing."""

    def abort(self) -> None:
        """Remove nothing."""
