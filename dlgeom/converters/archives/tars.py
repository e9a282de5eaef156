"""Tar files of all kinds, read in one pass: headers within bounds, members within the limits.

The headers are read by the standard library (ustar, PAX, GNU, old V7; sparse files of GNU and
PAX), from a stream that refuses what would make it hold much: a header that claims gigabytes.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from typing import IO, Any

import msgspec

from dlgeom.converters.archives.unpacking import GRACE
from dlgeom.errors import DlgeomError, FormatError
from dlgeom.limits import Limits

__all__ = ["TarMember", "TarStream", "tar_members"]

_BLOCK = 512
_PIECE = 1 << 20
_HEADERS = 4 << 20
"""Bytes of headers before one member: names, times and maps of sparse files."""


class TarMember(msgspec.Struct):
    """An entry of a tar: what it is, and where its content lies if that is in one piece."""

    name: str
    kind: str
    size: int
    offset: int | None
    link: str
    legacy: bool


class TarStream:
    """The unpacked bytes of a tar, read forward, as the standard library wants a file.

    Parameters
    ----------
    pieces : iterator of bytes
        What is in the file.
    shown : str
        The archive in messages.
    """

    def __init__(self, pieces: Iterator[bytes], shown: str) -> None:
        self._pieces = pieces
        self._buffer = b""
        self._place = 0
        self._at = 0
        self._shown = shown
        self.budget: int | None = _HEADERS
        self.last = b""

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go forward."""
        if whence != os.SEEK_SET or offset < self._at:
            raise tarfile.ReadError("its headers point back")
        while self._at < offset:
            if self._place >= len(self._buffer) and not self._more():
                break
            step = min(offset - self._at, len(self._buffer) - self._place)
            self._place += step
            self._at += step
        return self._at

    def _more(self) -> bool:
        self._buffer, self._place = next(self._pieces, b""), 0
        return bool(self._buffer)

    def read(self, size: int = -1) -> bytes:
        """Return bytes; fewer than asked for at the end only.

        Raises
        ------
        LimitError
            ``limit.bytes`` for headers that are too long.
        """
        if self.budget is not None:
            self.budget -= size
            if size < 0 or self.budget < 0:
                raise FormatError(
                    f"has headers of more than {_HEADERS >> 20} MiB before one member; no honest "
                    "archive does. Pack the files again",
                    code="zip.invalid",
                    path=self._shown,
                )
        pieces: list[bytes] = []
        left = size
        while left > 0:
            if self._place >= len(self._buffer) and not self._more():
                break
            piece = self._buffer[self._place : self._place + left]
            self._place += len(piece)
            left -= len(piece)
            pieces.append(piece)
        found = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._at += len(found)
        if self.budget is not None:
            self.last = found
        return found

    def rest(self) -> bool:
        """Read to the end; return whether anything but zeros was left."""
        found = False
        while self._place < len(self._buffer) or self._more():
            found = found or bool(self._buffer[self._place :].strip(b"\0"))
            self._place = len(self._buffer)
        return found


def _kind(info: tarfile.TarInfo) -> str:
    if info.isreg():
        return "file"
    if info.isdir():
        return "folder"
    if info.issym():
        return "symlink"
    if info.islnk():
        return "link"
    return "label" if info.type == b"V" else "device"


def _invalid(why: object, shown: str) -> FormatError:
    return FormatError(
        f"cannot be read ({why}); it is no complete tar file. Copy or pack it again",
        code="zip.invalid",
        path=shown,
    )


def tar_members(
    stream: TarStream, shown: str, limits: Limits
) -> Iterator[tuple[TarMember, Iterator[bytes]]]:
    """Yield (member, its content); content that is not taken is passed over.

    Raises
    ------
    FormatError
        ``zip.invalid`` where it is broken or cut, ``file.empty`` where nothing is in it.
    LimitError
        ``limit.ratio`` for a sparse file that is mostly holes.
    """
    try:
        # What a name is not UTF-8 in comes out as surrogates, and is put right later.
        tar = tarfile.open(  # noqa: SIM115 - the stream is closed by its owner
            fileobj=_as_file(stream),
            mode="r:",
            encoding="utf-8",
            errors="surrogateescape",
            format=tarfile.PAX_FORMAT,
        )
        members: list[Any] = getattr(tar, "members", [])
        info = tar.next()
        while info is not None:
            # The library keeps all members otherwise.
            members.clear()
            member = _member(info)
            stream.budget = None
            yield member, _content(tar, info, stream, shown, limits)
            stream.budget = _HEADERS
            info = tar.next()
        if stream.last.strip(b"\0") or len(stream.last) != _BLOCK:
            # The library takes a broken header, and a file that was cut, for the end.
            raise _invalid("it ends without the mark of its end, or a header is broken", shown)
    except DlgeomError:
        raise
    except (tarfile.TarError, ValueError, OverflowError, RecursionError, EOFError) as error:
        if str(error) == "empty file":
            raise FormatError(
                "has 0 bytes; there is nothing to read. Was it written completely?",
                code="file.empty",
                path=shown,
            ) from error
        raise _invalid(error, shown) from error


def _as_file(stream: TarStream) -> Any:
    return stream


def _member(info: tarfile.TarInfo) -> TarMember:
    name, legacy = _decoded(info.name)
    link, _ = _decoded(info.linkname)
    return TarMember(
        name=name,
        kind=_kind(info),
        size=info.size,
        offset=None if info.issparse() else info.offset_data,
        link=link,
        legacy=legacy,
    )


def _decoded(name: str) -> tuple[str, bool]:
    """Return a name as text, and whether it was in a legacy encoding."""
    if name.isascii() or not any(0xDC80 <= ord(c) <= 0xDCFF for c in name):
        return name, False
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("cp1252"), True
    except UnicodeDecodeError:
        return raw.decode("latin-1"), True


def _read(file: IO[bytes], shown: str) -> bytes:
    try:
        return file.read(_PIECE)
    except (tarfile.TarError, ValueError, IndexError) as error:
        if isinstance(error, DlgeomError):
            raise
        raise _invalid(error, shown) from error


def _content(
    tar: tarfile.TarFile,
    info: tarfile.TarInfo,
    stream: TarStream,
    shown: str,
    limits: Limits,
) -> Iterator[bytes]:
    file: IO[bytes] | None = tar.extractfile(info) if info.isreg() else None
    if file is None:
        return
    done = 0
    start = stream.tell()
    with file:
        while piece := _read(file, shown):
            done += len(piece)
            taken = stream.tell() - start + _BLOCK
            if done > GRACE and done > limits.zip_ratio * taken:
                limits.check(
                    "zip_ratio",
                    -(-done // taken),
                    code="limit.ratio",
                    what="bytes of a file with holes that come of one byte",
                    path=f"{shown}/{_decoded(info.name)[0]}",
                )
            yield piece
    if done != info.size:
        raise _invalid("a file in it ends too early", shown)
