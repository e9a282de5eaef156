"""Zip files: the directory read as a stream, members unpacked within the limits.

APPNOTE.TXT of PKWARE, sections 4.3 and 4.4; Zip64; Info-ZIP's field for names in Unicode.
The directory is only believed as far as the data agrees with it: two entries never share bytes,
names are those of the local headers, and sizes and sums are compared while a member is unpacked.
"""

from __future__ import annotations

import io
import lzma
import stat
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import IO

import msgspec

from dlgeom.converters.archives.names import Names, Note
from dlgeom.converters.archives.sources import ByteSource, Window, pieces_of
from dlgeom.converters.archives.unpacking import (
    GRACE,
    MEMORY,
    Bunzip,
    Decoder,
    Inflate,
    Unlzma,
    decoded,
)
from dlgeom.errors import DlgeomError, FormatError
from dlgeom.limits import Limits

__all__ = ["Member", "ZipFile"]

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED, _BZIP2, _LZMA, _ZSTD, _ZSTD_OLD, _XZ, _AES = 0, 8, 12, 14, 93, 20, 95, 99
_METHODS = frozenset({_STORED, _DEFLATED, _BZIP2, _LZMA, _ZSTD, _ZSTD_OLD, _XZ})
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800
_UNIX = 3, 19
_MOST = 0xFFFFFFFF
_BLOCK = 1 << 20


class Member(msgspec.Struct, frozen=True, gc=False):
    """A file in a zip: its path, where it lies, its sizes in bytes, sum and method."""

    path: str
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    name_crc: int
    mode: int


class ZipFile:
    """A zip file.

    Parameters
    ----------
    source : ByteSource
        The file.
    limits : Limits
        ``zip_entries`` and ``zip_ratio``.
    note : callable
        Told of what is odd but fine.
    """

    def __init__(self, source: ByteSource, limits: Limits, note: Note) -> None:
        self._source = source
        self._limits = limits
        self._note = note
        self.folders: list[str] = []
        self._start, self._size, self._count, self._shift = self._directory()

    def _invalid(self, why: str, name: str = "") -> FormatError:
        shown = self._source.shown
        return FormatError(
            f"{why}; it is no complete zip file. Copy or pack it again",
            code="zip.invalid",
            path=f"{shown}/{name}" if name else shown,
        )

    # -- the directory ---------------------------------------------------------------------

    def _directory(self) -> tuple[int, int, int, int]:
        """Return start, size and number of entries of the directory, and what is before the zip."""
        source = self._source
        if not source.size:
            raise FormatError(
                "has 0 bytes; there is nothing to read. Was it written completely?",
                code="file.empty",
                path=source.shown,
            )
        tail_at = max(0, source.size - _END.size - 0xFFFF)
        tail = source.read(tail_at, source.size - tail_at)
        at = tail.rfind(b"PK\5\6")
        while at >= 0:
            if at + _END.size <= len(tail):
                _, disk, start_disk, here, count, size, start, comment = _END.unpack_from(tail, at)
                if at + _END.size + comment == len(tail):
                    break
            at = tail.rfind(b"PK\5\6", 0, at)
        if at < 0:
            raise self._invalid("has no directory at its end")
        end = tail_at + at
        if _MOST in (size, start) or 0xFFFF in (count, here, disk):
            found = self._directory64(end)
            if found is not None:
                end, here, count, size, start = found
                disk = start_disk = 0
        if disk or start_disk or here != count:
            raise self._invalid("is a part of an archive of several files")
        shift = end - size - start
        if shift < 0:
            raise self._invalid("has a directory that is not where it says")
        return start + shift, size, count, shift

    def _directory64(self, end: int) -> tuple[int, int, int, int, int] | None:
        at = end - _LOCATOR.size
        locator = self._source.read(at, _LOCATOR.size) if at >= 0 else b""
        if not locator.startswith(b"PK\6\7") or len(locator) < _LOCATOR.size:
            return None
        _, _, there, disks = _LOCATOR.unpack(locator)
        if disks > 1:
            raise self._invalid("is a part of an archive of several files")
        # Where it says, or just before the locator where something was put in front of the zip.
        for place in (there, at - _END64.size):
            record = self._source.read(place, _END64.size) if 0 <= place < at else b""
            if len(record) == _END64.size and record.startswith(b"PK\6\6"):
                _, _, _, _, disk, start_disk, here, count, size, start = _END64.unpack(record)
                if disk or start_disk:
                    raise self._invalid("is a part of an archive of several files")
                return place, here, count, size, start
        raise self._invalid("has a broken directory of Zip64")

    def members(self, names: Names) -> list[Member]:
        """Read and check the directory; return the files in the order of their data.

        Raises
        ------
        FormatError
            ``zip.*``, ``path.*``.
        LimitError
            ``limit.entries``.
        """
        found: list[Member] = []
        spans: list[tuple[int, int, str]] = []
        for header, raw, extra in self._entries():
            names.counted()
            spans.append(self._add(header, raw, extra, names, found))
        if names.count != self._count:
            raise self._invalid(f"has {names.count} entries and says {self._count}")
        spans.sort()
        spans.append((self._start, self._start, "its directory"))
        for (start, end, name), (after, _, other) in pairwise(spans):
            if end > after or start == after:
                raise FormatError(
                    f"and {other} are the same bytes; entries never overlap in an honest archive. "
                    "Pack the files again",
                    code="zip.overlap",
                    path=f"{self._source.shown}/{name}",
                )
        found.sort(key=lambda member: member.offset)
        return found

    def _entries(self) -> Iterator[tuple[tuple[int, ...], bytes, bytes]]:
        """Yield the fixed fields, the name and the extra fields of the entries."""
        at, end = self._start, self._start + self._size
        buffer, place = b"", 0
        while at + place < end:
            if len(buffer) - place < _ENTRY.size + 3 * 0xFFFF and at + len(buffer) < end:
                rest = buffer[place:]
                at += place
                more = min(_BLOCK, end - at - len(rest))
                buffer, place = rest + self._source.read(at + len(rest), more), 0
            if len(buffer) - place < _ENTRY.size or buffer[place : place + 4] != b"PK\1\2":
                raise self._invalid("has a broken entry in its directory")
            header = _ENTRY.unpack_from(buffer, place)
            name_at = place + _ENTRY.size
            extra_at = name_at + header[10]
            place = extra_at + header[11] + header[12]
            if place > len(buffer):
                raise self._invalid("has a directory that was cut")
            yield header, buffer[name_at:extra_at], buffer[extra_at : extra_at + header[11]]

    def _add(
        self,
        header: tuple[int, ...],
        raw: bytes,
        extra: bytes,
        names: Names,
        found: list[Member],
    ) -> tuple[int, int, str]:
        """Check an entry and keep it; return where its data lies, for the look for overlaps."""
        _, made, _, flags, method, _, _, crc, packed, size, _, _, _, disk, _, outer, offset = header
        fields = _fields(extra)
        name = self._name(raw, flags, fields)
        packed, size, offset = self._sizes64(packed, size, offset, fields.get(1, b""), name)
        offset += self._shift
        if flags & _ENCRYPTED or method == _AES:
            raise FormatError(
                "is encrypted; passwords are not asked for. Unpack the archive first",
                code="zip.encrypted",
                path=f"{self._source.shown}/{name}",
            )
        if disk not in (0, 0xFFFF):
            raise self._invalid("lies in another file of the archive", name)
        span = offset, offset + _LOCAL.size + len(raw) + packed, name
        mode = outer >> 16 if made >> 8 in _UNIX else 0
        if name.endswith(("/", "\\")) or stat.S_ISDIR(mode):
            if size:
                raise self._invalid("is a folder with content", name)
            folder = names.folder(name)
            if folder:
                self.folders.append(folder)
            return span
        path = names.file(name)
        if method not in _METHODS:
            raise self._invalid(f"is packed by method {method}, which is not known", path)
        found.append(Member(path, offset, packed, size, crc, method, zlib.crc32(raw), mode))
        return span

    def _name(self, raw: bytes, flags: int, fields: dict[int, bytes]) -> str:
        if flags & _UTF8:
            try:
                return raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise FormatError(
                    f"name {raw[:80]!r} is said to be UTF-8 and is not. Pack it again",
                    code="encoding.invalid",
                    path=self._source.shown,
                ) from error
        if raw.isascii():
            return raw.decode("ascii")
        own = fields.get(0x7075, b"")
        if len(own) > 5 and own[0] == 1 and int.from_bytes(own[1:5], "little") == zlib.crc32(raw):
            try:
                return own[5:].decode("utf-8")
            except UnicodeDecodeError:
                pass  # as if it were not there
        # Some packers write UTF-8 and do not say so; no legacy text looks like it by chance.
        try:
            name, encoding = raw.decode("utf-8"), "UTF-8"
        except UnicodeDecodeError:
            name, encoding = raw.decode("cp437"), "code page 437"
        self._note(
            "notice",
            "encoding.not_utf8",
            f"has a name that is not marked as UTF-8; it is read as {encoding}",
            name,
        )
        return name

    def _sizes64(
        self, packed: int, size: int, offset: int, field: bytes, name: str
    ) -> tuple[int, int, int]:
        values = [field[at : at + 8] for at in range(0, len(field), 8)]
        given = []
        for value in (size, packed, offset):
            if value == _MOST and values:
                wide = values.pop(0)
                if len(wide) < 8:
                    raise self._invalid("has broken Zip64 fields", name)
                value = int.from_bytes(wide, "little")
            given.append(value)
        return given[1], given[0], given[2]

    # -- members ---------------------------------------------------------------------------

    def _data(self, member: Member) -> int:
        """Return where the data of a member starts, after a look at its local header."""
        head = self._source.read(member.offset, _LOCAL.size)
        if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
            raise self._invalid("is not where the directory says", member.path)
        _, _, flags, method, _, _, _, _, _, length, extra = _LOCAL.unpack(head)
        raw = self._source.read(member.offset + _LOCAL.size, length)
        if zlib.crc32(raw) != member.name_crc or method != member.method or flags & _ENCRYPTED:
            raise self._invalid("is another file than the directory says", member.path)
        return member.offset + _LOCAL.size + int(length) + int(extra)

    def content(self, member: Member) -> Iterator[bytes]:
        """Yield what a member holds.

        Raises
        ------
        FormatError
            ``zip.invalid`` where it is cut, or its size or sum is not that of the directory.
        LimitError
            ``limit.ratio``.
        """
        shown = f"{self._source.shown}/{member.path}"
        done = crc = 0
        try:
            for piece, taken in self._pieces(member, self._data(member), shown):
                done += len(piece)
                if done > member.size:
                    raise self._invalid("is longer than the directory says", member.path)
                if done > GRACE and done > self._limits.zip_ratio * max(taken, 1):
                    self._limits.check(
                        "zip_ratio",
                        -(-done // max(taken, 1)),
                        code="limit.ratio",
                        what="bytes that come of one packed byte",
                        path=shown,
                    )
                crc = zlib.crc32(piece, crc)
                yield piece
        except (zlib.error, lzma.LZMAError, EOFError, ValueError, OSError) as error:
            if isinstance(error, DlgeomError):
                raise
            raise self._invalid(f"cannot be unpacked ({error})", member.path) from error
        if done != member.size or crc != member.crc:
            raise self._invalid("has not the size and sum that the directory says", member.path)

    def _pieces(self, member: Member, at: int, shown: str) -> Iterator[tuple[bytes, int]]:
        """Yield (piece of the content, packed bytes taken so far)."""
        packed = pieces_of(self._source, at, member.packed)
        if member.method == _STORED:
            taken = 0
            for piece in packed:
                taken += len(piece)
                yield piece, taken
        elif member.method in (_ZSTD, _ZSTD_OLD):
            from dlgeom.converters.packed import unpack

            for piece in unpack(packed, shown=shown, limits=self._limits):
                yield piece, member.packed
        else:
            yield from decoded(packed, _decoder(member.method))

    def opened(self, member: Member) -> IO[bytes] | None:
        """Open a member that is stored as it is; None where it is packed."""
        if member.method != _STORED or member.packed != member.size or not member.size:
            return None
        return io.BufferedReader(Window(self._source, self._data(member), member.size))


def _decoder(method: int) -> Decoder:
    if method == _DEFLATED:
        return Inflate()
    if method == _BZIP2:
        return Bunzip()
    return Unlzma() if method == _LZMA else lzma.LZMADecompressor(memlimit=MEMORY)


def _fields(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields by their numbers, the first of each."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        found.setdefault(kind, extra[at + 4 : at + 4 + size])
        at += 4 + size
    return found
