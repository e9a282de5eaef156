"""The bytes of one annotation file, read in windows at any offset.

A file is never mapped into memory: mapped pages count as the process's own, and a file that
shrinks while it is read would kill the interpreter. Compressed and UTF-16 files are spooled into
a temporary file first, because records are gathered from any place.
"""

from __future__ import annotations

import codecs
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from dlgeom.converters.inputs import check_regular, unreadable
from dlgeom.converters.packed import is_packed, unpack, unpack_head
from dlgeom.converters.tables import full
from dlgeom.errors import FormatError, OutputError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["HEAD", "SourceFile", "read_head"]

WINDOW = 2 << 20
IN_MEMORY = 16 << 20
HEAD = 64 << 10
# A zstd block is as long as this, and nothing of it can be had before all of it is there.
_BLOCK = 128 << 10
# O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def read_head(path: Path, size: int = HEAD) -> bytes:
    """Return the first bytes of a file, unpacked where it is packed; b"" if unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            check_regular(os.fstat(descriptor), str(path))
            head = stream.read(size)
            if is_packed(head):
                head = unpack_head(head + stream.read(2 * _BLOCK), size)
    except (OSError, FormatError):
        return b""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", errors="ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8)


class SourceFile:
    """One JSON file.

    Parameters
    ----------
    path : Path
        The file, plain or packed (gzip, zstd).
    shown : str
        Its name in messages.
    limits : Limits
        `file_bytes` bounds the file, packed and unpacked.

    Attributes
    ----------
    size : int
        Bytes of JSON text, without a byte order mark.
    note : str
        ``encoding.not_utf8`` where the text was transcoded, else "".

    Raises
    ------
    FormatError
        ``file.empty``, ``file.not_regular``, ``file.trailing_data``, ``encoding.invalid``,
        ``zip.invalid``.
    LimitError
        ``limit.bytes``, ``limit.ratio``.
    OutputError
        ``io.read``.
    """

    def __init__(self, path: Path, shown: str, limits: Limits = DEFAULT_LIMITS) -> None:
        self.path = path
        self.shown = shown
        self.note = ""
        self._limits = limits
        self._memory: bytes | None = None
        self._base = 0
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError as error:
            raise unreadable(error, shown) from error
        self._take(descriptor)
        status = os.fstat(descriptor)
        check_regular(status, shown)
        self.size = status.st_size
        self._stamp = (status.st_size, status.st_mtime_ns)
        self._check_size(self.size)
        head = self.read(0, 4)
        if is_packed(head):
            self._spool(self._unpacked)
            head = self.read(0, 4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._spool(self._transcode)
            self.note = "encoding.not_utf8"
        elif head.startswith(codecs.BOM_UTF8):
            self._base, self.size = 3, self.size - 3
        if self.size <= 0:
            raise FormatError(
                "has 0 bytes; there is nothing to read. Was it written completely?",
                code="file.empty",
                path=shown,
            )

    def _take(self, descriptor: int) -> None:
        """Hold a descriptor; it is closed with this object at the latest."""
        self._descriptor = descriptor
        self._finalizer = weakref.finalize(self, os.close, descriptor)

    def _check_size(self, size: int) -> None:
        self._limits.check(
            "file_bytes", size, code="limit.bytes", what="size in bytes", path=self.shown
        )

    def _spool(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        """Replace the file by the text that `pieces` yields."""
        pile: list[bytes] = []
        done = 0
        with tempfile.TemporaryFile(buffering=0) as spool:
            for piece in pieces():
                done += len(piece)
                self._check_size(done)
                pile.append(piece)
                if done > IN_MEMORY:
                    try:
                        spool.writelines(pile)
                    except OSError as error:
                        raise full(error) from error
                    pile.clear()
            self.close()
            self._memory = None
            if done > IN_MEMORY:
                self._take(os.dup(spool.fileno()))
            else:
                self._memory = b"".join(pile)
        self.size = done
        self._base = 0

    def _unpacked(self) -> Iterator[bytes]:
        return unpack(self._pieces(), shown=self.shown, limits=self._limits)

    def _pieces(self) -> Iterator[bytes]:
        place = 0
        while piece := self.read(place, 1 << 20):
            place += len(piece)
            yield piece

    def _transcode(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-16")()
        try:
            for piece in self._pieces():
                yield decoder.decode(piece).encode()
            yield decoder.decode(b"", final=True).encode()
        except UnicodeError as error:
            raise FormatError(
                "is not valid UTF-16; JSON files are UTF-8. Save it as UTF-8",
                code="encoding.invalid",
                path=self.shown,
            ) from error

    def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`; fewer only at the end of the file."""
        if self._memory is not None:
            start += self._base
            return self._memory[start : start + length]
        try:
            data = os.pread(self._descriptor, length, start + self._base)
            if len(data) < length:
                pieces = [data]
                done = len(data)
                while data and done < length:
                    place = start + self._base + done
                    data = os.pread(self._descriptor, length - done, place)
                    pieces.append(data)
                    done += len(data)
                data = b"".join(pieces)
        except OSError as error:
            raise unreadable(error, self.shown) from error
        return data

    def gather(self, spans: list[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of many (start, length) places."""
        if self._memory is not None:
            memory, base = self._memory, self._base
            return [memory[base + start : base + start + size] for start, size in spans]
        pread, descriptor, base = os.pread, self._descriptor, self._base
        try:
            texts = [pread(descriptor, size, base + start) for start, size in spans]
        except OSError as error:
            raise unreadable(error, self.shown) from error
        if sum(map(len, texts)) != sum(size for _, size in spans):
            self.check_unchanged()
            return [self.read(start, size) for start, size in spans]
        return texts

    def check_unchanged(self) -> None:
        """Raise where the file was written to while it was read."""
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise unreadable(error, self.shown) from error
        if (status.st_size, status.st_mtime_ns) != self._stamp:
            raise OutputError(
                "was changed while it was read; nothing of it can be trusted. Run again",
                code="io.read",
                path=self.shown,
            )

    def close(self) -> None:
        """Let go of the file."""
        self._finalizer()
