"""Packed files, gzip and zstd: unpacked and packed as a stream, in bounded memory.

Both kinds meet the same rules. Frames (gzip calls them members) may follow one another; a file
that ends inside of one is broken, and nothing else may follow the last, but zeros that fill a
block of a tape. What comes out is bounded while it comes: a bomb costs no more than a few MiB.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from dlgeom.errors import FormatError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["ENDINGS", "Packer", "Sink", "bare_name", "is_packed", "unpack", "unpack_head"]

ENDINGS = (".gz", ".zst")
"""What the names of packed files end in."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_MAGIC = 4
_PIECE = 1 << 20
_GRACE = 10 << 20
"""Bytes that may come out before the ratio matters."""

# Four bytes of a zstd frame can stand for 128 KiB, and the decoder returns all that comes of what
# it is given: 1 KiB at a time is 32 MiB at the worst.
_FEED = 1 << 10
# What follows a frame is copied by the decoders: files of very many frames stay linear.
_MEMBER = 16 << 10
_WINDOW = 1 << 27
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 3


def bare_name(name: str) -> str:
    """Return a name without the ending of packed files.

    Examples
    --------
    >>> bare_name("a.json.zst"), bare_name("a.json.GZ"), bare_name("a.json")
    ('a.json', 'a.json', 'a.json')
    """
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def is_packed(head: bytes) -> bool:
    """Whether a file that starts with these bytes, four or more, is packed."""
    return head.startswith(_GZIP) or _starts_zstd(head)


def _starts_zstd(head: bytes) -> bool:
    # Or a frame of zstd that holds something else and is skipped.
    return head.startswith(_ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50)


# ------------------------------------------------------------------------------ unpacking


def unpack(
    pieces: Iterable[bytes], *, shown: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> Iterator[bytes]:
    """Yield what a packed file holds, at most 32 MiB at a time and mostly 1 MiB.

    Parameters
    ----------
    pieces : iterable of bytes
        The file.
    shown : str, optional
        Its name in messages.
    limits : Limits
        ``zip_ratio`` bounds what comes out to what went in, once past 10 MiB.

    Raises
    ------
    FormatError
        ``zip.invalid`` where it is broken, cut off or of no known kind, ``file.trailing_data``.
    LimitError
        ``limit.ratio``.

    Notes
    -----
    RFC 1952 (gzip) and RFC 8878 (zstd). Checksums are compared where a frame has one.
    """
    stream = _Feed(pieces)
    pile: list[bytes] = []
    waiting = done = 0
    for piece in _frames(stream, shown):
        done += len(piece)
        if done > _GRACE and done > limits.zip_ratio * stream.taken:
            limits.check(
                "zip_ratio",
                -(-done // stream.taken),
                code="limit.ratio",
                what="bytes that come of one packed byte",
                path=shown,
            )
        pile.append(piece)
        waiting += len(piece)
        if waiting >= _PIECE:
            yield b"".join(pile)
            pile.clear()
            waiting = 0
    if pile:
        yield b"".join(pile)


def unpack_head(head: bytes, size: int) -> bytes:
    """Return the first `size` bytes of a packed file of which only the head is there.

    What is broken ends it; reading the file tells.
    """
    pieces: list[bytes] = []
    found = 0
    with contextlib.suppress(FormatError):
        for piece in _frames(_Feed([head]), None):
            pieces.append(piece)
            found += len(piece)
            if found >= size:
                break
    return b"".join(pieces)[:size]


class _Feed:
    """The bytes of a file, taken as they are needed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""
        self._at = 0
        self.taken = 0

    def take(self, size: int) -> bytes:
        """Return bytes, `size` at the most, b"" at the end of the file only."""
        if self._at >= len(self._rest):
            self._rest, self._at = next(self._pieces, b""), 0
        found = self._rest[self._at : self._at + size]
        self._at += len(found)
        self.taken += len(found)
        return found

    def give_back(self, size: int) -> None:
        """Take back the last bytes that were given; nothing was asked for since."""
        self._at -= size
        self.taken -= size

    def peek(self) -> bytes:
        """Return the next four bytes, fewer at the end of the file."""
        while len(self._rest) - self._at < _MAGIC and (more := next(self._pieces, b"")):
            self._rest, self._at = self._rest[self._at :] + more, 0
        return self._rest[self._at : self._at + _MAGIC]


def _frames(stream: _Feed, shown: str | None) -> Iterator[bytes]:
    """Yield what the frames hold, in small pieces."""
    head = stream.peek()
    gzip = head.startswith(_GZIP)
    name = "gzip" if gzip else "zstd"
    if not is_packed(head):
        raise _broken("is neither gzip nor zstd", name, shown)
    inflate = _inflated if gzip else _zstd_decoded
    while head.startswith(_GZIP) if gzip else _starts_zstd(head):
        yield from inflate(stream, name, shown)
        head = stream.peek()
    while piece := stream.take(_PIECE):
        if piece.strip(b"\0"):
            raise FormatError(
                f"something follows the end of the {name} data; nothing of it can be trusted. "
                "Copy the file again, or cut it off",
                code="file.trailing_data",
                path=shown,
            )


def _broken(why: str, name: str, shown: str | None) -> FormatError:
    return FormatError(
        f"cannot be decompressed ({why}); expected a complete {name} file. Copy it again",
        code="zip.invalid",
        path=shown,
    )


def _inflated(stream: _Feed, name: str, shown: str | None) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=31)
    while not decoder.eof:
        data = decoder.unconsumed_tail or stream.take(_MEMBER)
        if not data:
            raise _broken("it ends too early", name, shown)
        try:
            piece = decoder.decompress(data, _PIECE)
        except zlib.error as error:
            raise _broken(str(error), name, shown) from error
        if piece:
            yield piece
    stream.give_back(len(decoder.unused_data))


def _zstd_decoded(stream: _Feed, name: str, shown: str | None) -> Iterator[bytes]:
    import zstandard

    decoder: Any = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
    while not decoder.eof:
        data = stream.take(_FEED)
        if not data:
            raise _broken("it ends too early", name, shown)
        try:
            piece = decoder.decompress(data)
        except zstandard.ZstdError as error:
            why = str(error).removeprefix("zstd decompressor error: ")
            if "too much memory" in why:
                why = f"its window is larger than {_WINDOW >> 20} MiB"
            raise _broken(why, name, shown) from error
        if piece:
            yield piece
    stream.give_back(len(decoder.unused_data))


# ------------------------------------------------------------------------------ packing


class Sink(Protocol):
    """Where the bytes of a file go."""

    def write(self, data: bytes) -> None:
        """Append bytes."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class Packer:
    """A sink that packs what it is given: the same bytes give the same file, in pieces of any size.

    Parameters
    ----------
    sink : Sink
        Where the packed bytes go.
    ending : str
        One of `ENDINGS`.

    Notes
    -----
    gzip without name and time stamp, level 6; zstd of one thread, level 3, with a checksum.
    """

    def __init__(self, sink: Sink, ending: str) -> None:
        self._sink = sink
        self._packer: Any
        if ending == ".gz":
            self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
        else:
            import zstandard

            self._packer = zstandard.ZstdCompressor(
                level=_ZSTD_LEVEL, write_checksum=True, write_content_size=False
            ).compressobj()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        packed = self._packer.compress(data)
        if packed:
            self._sink.write(packed)

    def close(self) -> None:
        """Finish the file."""
        self._sink.write(self._packer.flush())
        self._sink.close()
