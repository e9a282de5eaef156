"""The file: a zstd stream of JSON lines, and of the files that the lines announce.

The first line is the header, the last one says how much came before it. Reading trusts nothing:
lines, names, counts and types are checked, and what is unpacked counts against the limits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import msgspec

from dlgeom.limits import Limits

__all__ = ["MAGIC", "VERSION", "Entry", "Header", "Packer", "SidecarError", "Unpacker"]

MAGIC = "dlgeom sidecar"
VERSION = 2
_READ = (1, 2)  # the first left nothing out of the files
LEVEL = 12
_BLOCK = 1 << 20
_LINE = 256 << 20
_WINDOW = 1 << 27
_STEP = re.compile(r"[^\x00-\x1f/\\:\x7f]{1,255}")
_DIGESTS = re.compile(r"[0-9a-f]*")
_FORMS = re.compile(r"[A-Za-z0-9+.-]*")
MOST_FILES = 1_000_000
_Line = TypeVar("_Line")


class SidecarError(Exception):
    """A sidecar that cannot be used, and why; never leaves the package."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Header(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=False):
    """The first line.

    Parameters
    ----------
    magic : str
        `MAGIC`.
    version : int
        Of this layout.
    dlgeom : str
        The version that wrote it.
    source, target : str
        Format of the source, format of the target.
    carrier : str
        Format of the files inside.
    root : str
        The file or, if "", the folder inside that is to be opened.
    options : dict
        Reading options with which the target was read for the digests.
    subset : str, optional
        Split in the target of a source that has none.
    labels : list of (str, object)
        Name and id of each class, as the target gives them.
    names : dict of str to str
        Name of a class in the target -> name in the source, where they differ.
    unreadable : bool
        Whether the target holds so little that it cannot be read: labels without any class.
    """

    magic: str
    version: int
    dlgeom: str
    source: str
    target: str
    carrier: str
    root: str = ""
    options: dict[str, str | int | float | bool | None] = msgspec.field(default_factory=dict)
    subset: str | None = None
    labels: list[tuple[str, int | str | None]] = msgspec.field(default_factory=list)
    names: dict[str, str] = msgspec.field(default_factory=dict)
    unreadable: bool = False


class _File(msgspec.Struct, kw_only=True):
    """A line before a file: its name and how many bytes follow."""

    file: str
    bytes: int


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line for each item of the target, as it gave them right after it was written.

    Parameters
    ----------
    name, subset, width, height
        The item as the target's reader names it.
    rows : list of int
        Index into the header's labels of each row, -1 for none.
    digests : str
        Eight hexadecimal digits for the shapes of each row.
    item : int
        Position of the item in the carrier; -1 if it is none of its own.
    places : list of int, optional
        Position in the item of the carrier of each row; 0, 1, 2... if not given.
    film : bool
        Whether the item is a frame of the carrier's item, a video.
    held : str
        For each row whether its outline is left out of the carrier (``.`` for no), and how the
        source writes it: see `outlines.FORMS`. Dots at the end are left out.
    fields : dict of str to object
        Row -> what else the target said of it: attributes and fields.
    """

    name: str | None = None
    subset: str | None = None
    width: int | None = None
    height: int | None = None
    rows: list[int] = msgspec.field(default_factory=list)
    digests: str = ""
    item: int = -1
    places: list[int] | None = None
    film: bool = False
    held: str = ""
    fields: dict[str, Any] = msgspec.field(default_factory=dict)


class _End(msgspec.Struct, kw_only=True):
    """The last line."""

    files: int
    items: int


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes) -> None:
        """Append bytes."""
        ...


class Packer:
    """Writes a sidecar; the same lines give the same bytes.

    Parameters
    ----------
    sink : Sink
        Where the bytes go.
    header : Header
        The first line.
    """

    def __init__(self, sink: Sink, header: Header) -> None:
        import zstandard

        made = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=False)
        self._sink = sink
        self._pack = made.compressobj()
        self._files = self._items = 0
        self._line(header)

    def _put(self, data: bytes) -> None:
        packed = self._pack.compress(data)
        if packed:
            self._sink.write(packed)

    def _line(self, value: msgspec.Struct) -> None:
        self._put(msgspec.json.encode(value) + b"\n")

    def add_file(self, name: str, path: Path) -> None:
        """Append a file."""
        with open(path, "rb") as file:
            self._line(_File(file=name, bytes=os.fstat(file.fileno()).st_size))
            while block := file.read(_BLOCK):
                self._put(block)
        self._put(b"\n")
        self._files += 1

    def add_entry(self, entry: Entry) -> None:
        """Append the line of an item."""
        self._line(entry)
        self._items += 1

    def close(self) -> None:
        """Write the last line and the checksum."""
        self._line(_End(files=self._files, items=self._items))
        self._sink.write(self._pack.flush())


class _Text:
    """The unpacked bytes of a stream: lines and blocks, within limits."""

    def __init__(self, file: IO[bytes], packed: int, limits: Limits) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        made = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._stream = made.stream_reader(file, read_across_frames=False)
        self._packed = packed
        self._limits = limits
        self._rest = b""
        self._seen = 0

    def _more(self) -> bytes:
        try:
            data = self._stream.read(_BLOCK)
        except self._error as error:
            raise SidecarError("sidecar.invalid", f"cannot be unpacked ({error})") from error
        self._seen += len(data)
        limits = self._limits
        bomb = self._seen > 10 << 20 and self._seen > limits.zip_ratio * self._packed
        if self._seen > limits.file_bytes or bomb:
            raise SidecarError(
                "limit.ratio" if bomb else "limit.bytes",
                f"unpacks to more than {self._seen:,} bytes",
            )
        return data

    def line(self) -> bytes:
        """Return the next line without its end, b"" at the end of the stream."""
        pieces = [self._rest]
        size = len(self._rest)
        while b"\n" not in pieces[-1]:
            data = self._more()
            size += len(data)
            if not data:
                self._rest = b""
                if size:
                    raise SidecarError("sidecar.invalid", "ends in the middle of a line")
                return b""
            if size > _LINE:
                raise SidecarError("limit.bytes", f"has a line of more than {_LINE:,} bytes")
            pieces.append(data)
        text, _, self._rest = b"".join(pieces).partition(b"\n")
        return text

    def block(self, size: int) -> Iterator[bytes]:
        """Yield `size` bytes in pieces."""
        while size:
            if not self._rest:
                self._rest = self._more()
                if not self._rest:
                    raise SidecarError("sidecar.invalid", "ends in the middle of a file")
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield piece


class Unpacker:
    """Reads a sidecar.

    Parameters
    ----------
    path : Path
        The file; a link, a pipe or anything but a file is refused.
    limits : Limits
        ``file_bytes`` and ``zip_ratio`` bound what is unpacked.

    Raises
    ------
    SidecarError
        For a file that is no sidecar, or one that another version wrote.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._limits = limits
        self._file = _open_regular(path)
        try:
            size = os.fstat(self._file.fileno()).st_size
            self._text = _Text(self._file, size, limits)
            self.header = self._header()
        except BaseException:
            self.close()
            raise

    def _header(self) -> Header:
        line = self._text.line()
        try:
            head = msgspec.json.decode(line, type=dict[str, Any])
        except (ValueError, RecursionError) as error:
            raise SidecarError("sidecar.invalid", f"has no header ({error})") from error
        if head.get("magic") != MAGIC:
            raise SidecarError("sidecar.invalid", "is no sidecar of dlgeom")
        if head.get("version") not in _READ:
            raise SidecarError(
                "sidecar.version",
                f"has version {head.get('version')!r:.20}; this is read: up to {VERSION}",
            )
        return _decoded(line, Header)

    def unpack(self, folder: Path) -> list[Entry]:
        """Write the files into a new folder and return the lines of the items.

        Raises
        ------
        SidecarError
            For anything that is not as it should be; files may be there already.
        """
        files: set[str] = set()
        entries: list[Entry] = []
        while True:
            line = self._text.line()
            if not line:
                raise SidecarError("sidecar.invalid", "ends in the middle")
            if line.startswith(b'{"file":'):
                self._unpack_file(_decoded(line, _File), folder, files)
            elif line.startswith(b'{"files":'):
                end = _decoded(line, _End)
                if (end.files, end.items) != (len(files), len(entries)) or self._text.line():
                    raise SidecarError("sidecar.invalid", "does not hold what it says")
                return entries
            else:
                entries.append(_checked(_decoded(line, Entry), len(self.header.labels)))

    def _unpack_file(self, told: _File, folder: Path, files: set[str]) -> None:
        steps = told.file.split("/")
        good = len(steps) <= 64 and all(
            _STEP.fullmatch(step) and step.strip(".") and len(os.fsencode(step)) <= 255
            for step in steps
        )
        if not good or told.file in files or told.bytes < 0 or len(files) >= MOST_FILES:
            raise SidecarError("path.escape", f"holds a file named {told.file[:80]!r}")
        files.add(told.file)
        place = folder.joinpath(*steps)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as file:
                for piece in self._text.block(told.bytes):
                    file.write(piece)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SidecarError("sidecar.invalid", f"cannot be unpacked ({reason})") from error
        if self._text.line():
            raise SidecarError("sidecar.invalid", "has a file that does not end where it should")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _open_regular(path: Path) -> IO[bytes]:
    import stat

    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise SidecarError("io.read", f"cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SidecarError("file.not_regular", "is no regular file")
    return os.fdopen(descriptor, "rb")


def _decoded(line: bytes, kind: type[_Line]) -> _Line:
    try:
        return msgspec.json.decode(line, type=kind)
    except (ValueError, RecursionError) as error:
        raise SidecarError(
            "sidecar.invalid", f"has a line that cannot be read ({error})"
        ) from error


def _checked(entry: Entry, labels: int) -> Entry:
    """Return an entry whose columns fit together."""
    count = len(entry.rows)
    sides = [side for side in (entry.width, entry.height) if side is not None]
    good = (
        len(entry.digests) == 8 * count
        and _DIGESTS.fullmatch(entry.digests) is not None
        and len(entry.held) <= count
        and _FORMS.fullmatch(entry.held) is not None
        and all(-1 <= label < labels for label in entry.rows)
        and (entry.places is None or len(entry.places) == count)
        and (entry.places is None or all(0 <= place < 1 << 31 for place in entry.places))
        and all(0 < side < 1 << 31 for side in sides)
        and -1 <= entry.item < 1 << 31
        and all(key.isascii() and key.isdigit() for key in entry.fields)
    )
    if not good:
        raise SidecarError("sidecar.invalid", f"has columns that do not fit for {entry.name!r:.80}")
    return entry
