"""Bytes of an archive, at any place: of a file on disk, or of one at an address."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from dlgeom.converters.inputs import check_regular, unreadable
from dlgeom.errors import FormatError

__all__ = ["ByteSource", "LocalBytes", "Window", "pieces_of"]

PIECE = 1 << 20


class ByteSource(Protocol):
    """A file of known size that can be read at any place, from several threads."""

    shown: str
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes; fewer than `size` at the end of the file only."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class LocalBytes:
    """A regular file on disk.

    Read by position, so that children of a fork share it without harm.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self.shown = shown
        try:
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
            self._descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise unreadable(error, shown) from error
        try:
            status = os.fstat(self._descriptor)
            check_regular(status, shown)
        except BaseException:
            os.close(self._descriptor)
            raise
        self.size = status.st_size
        self._open = True

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes at a place."""
        pieces: list[bytes] = []
        try:
            while size > 0 and (piece := self._read(offset, min(size, 1 << 24))):
                pieces.append(piece)
                offset += len(piece)
                size -= len(piece)
        except OSError as error:
            raise unreadable(error, self.shown) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return os.read(self._descriptor, size)

    def close(self) -> None:
        """Let go of the file."""
        if self._open:
            self._open = False
            os.close(self._descriptor)


def pieces_of(source: ByteSource, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
    """Yield a part of a file in pieces.

    Raises
    ------
    FormatError
        ``zip.invalid`` where the file ends inside of the part.
    """
    left = source.size - offset if size is None else size
    while left > 0:
        piece = source.read(offset, min(left, PIECE))
        if not piece:
            raise FormatError(
                f"ends at byte {offset}, inside of what it holds; it was cut. Copy it again",
                code="zip.invalid",
                path=source.shown,
            )
        yield piece
        offset += len(piece)
        left -= len(piece)


class Window(io.RawIOBase):
    """A part of a file as a file of its own: the stored content of a member."""

    def __init__(self, source: ByteSource, offset: int, size: int) -> None:
        self._source, self._offset, self._size, self._at = source, offset, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._source.read(
            self._offset + self._at, max(0, min(len(view), self._size - self._at))
        )
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
