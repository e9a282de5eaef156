"""Decoders of packed data, each within bounds: what comes out at once, and memory for windows."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from dlgeom.errors import DlgeomError, FormatError
from dlgeom.limits import Limits

__all__ = ["GRACE", "MEMORY", "Bunzip", "Decoder", "Inflate", "Unlzma", "decoded", "unpacked"]

GRACE = 10 << 20
"""Bytes that may come out before the ratio matters."""

_PIECE = 1 << 20
MEMORY = 1 << 28
"""Bytes that a decoder may take for its window."""


class Decoder(Protocol):
    """Takes packed bytes, gives a bounded number of bytes at a time."""

    @property
    def eof(self) -> bool:
        """Whether the end was met."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether all that was given is used."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What follows the end."""
        ...

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Return what comes next."""
        ...


class Inflate:
    """Deflate without a header (RFC 1951), with the interface of the other decoders."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(-15)

    @property
    def eof(self) -> bool:
        """Whether the end was met."""
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        """Whether all that was given is used."""
        return not self._decoder.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What follows the end."""
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Return what comes next."""
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


Bunzip = bz2.BZ2Decompressor


class Unlzma:
    """The LZMA of zip files (APPNOTE.TXT, section 5.8): the properties, then a raw stream."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder: Any = None

    @property
    def eof(self) -> bool:
        """Whether the end was met; there may be no mark for it."""
        return self._decoder is not None and self._decoder.eof

    @property
    def needs_input(self) -> bool:
        """Whether all that was given is used."""
        return self._decoder is None or self._decoder.needs_input

    @property
    def unused_data(self) -> bytes:
        """What follows the end."""
        return b"" if self._decoder is None else bytes(self._decoder.unused_data)

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Return what comes next."""
        if self._decoder is None:
            self._head += data
            if len(self._head) < 9:
                return b""
            size = int.from_bytes(self._head[2:4], "little")
            code, window = self._head[4], int.from_bytes(self._head[5:9], "little")
            if size != 5 or code >= 9 * 5 * 5 or window > MEMORY:
                raise lzma.LZMAError("properties are broken, or ask for too much memory")
            filters = {
                "id": lzma.FILTER_LZMA1,
                "dict_size": window,
                "lc": code % 9,
                "lp": code // 9 % 5,
                "pb": code // 45,
            }
            self._decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[filters])
            data = self._head[9:]
        return bytes(self._decoder.decompress(data, max_length))


def decoded(packed: Iterable[bytes], decoder: Decoder) -> Iterator[tuple[bytes, int]]:
    """Yield (piece, packed bytes taken so far) of one stream.

    Raises
    ------
    EOFError
        Where it ends too early, or something follows its end.
    """
    taken = 0
    for data in packed:
        if decoder.eof:
            raise EOFError("something follows its end")
        taken += len(data)
        piece = decoder.decompress(data, _PIECE)
        while piece or not (decoder.needs_input or decoder.eof):
            if piece:
                yield piece, taken
            if decoder.eof:
                break
            piece = decoder.decompress(b"", _PIECE)
    if decoder.unused_data:
        raise EOFError("something follows its end")
    if not decoder.eof and not isinstance(decoder, Unlzma):
        raise EOFError("it ends too early")


def unpacked(packed: Iterable[bytes], ending: str, shown: str, limits: Limits) -> Iterator[bytes]:
    """Yield what a packed file holds.

    Parameters
    ----------
    packed : iterable of bytes
        The file.
    ending : str
        Of its name: what packed it. ``.tar`` yields it as it is.
    shown : str
        Its name in messages.
    limits : Limits
        ``zip_ratio``.

    Raises
    ------
    FormatError
        ``zip.invalid``.
    LimitError
        ``limit.ratio``.
    """
    if ending == ".tar":
        yield from packed
    elif ending.endswith(("gz", "zst")):
        from dlgeom.converters.packed import unpack

        yield from unpack(packed, shown=shown, limits=limits)
    else:
        yield from _streams(packed, "bz" in ending, shown, limits)


def _streams(packed: Iterable[bytes], bzip: bool, shown: str, limits: Limits) -> Iterator[bytes]:
    """Yield what a file of bzip2 or xz streams holds; zeros may follow them."""
    name = "bzip2" if bzip else "xz"

    def fresh() -> Decoder:
        return Bunzip() if bzip else lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)

    def broken(why: object) -> FormatError:
        return FormatError(
            f"cannot be decompressed ({why}); expected a complete {name} file. Copy it again",
            code="zip.invalid",
            path=shown,
        )

    decoder: Decoder | None = fresh()
    taken = done = 0
    try:
        for block in packed:
            data, taken = block, taken + len(block)
            while data or (decoder is not None and not decoder.needs_input and not decoder.eof):
                if decoder is None:
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    decoder = fresh()
                piece = decoder.decompress(data, _PIECE)
                data = b""
                done += len(piece)
                if done > GRACE and done > limits.zip_ratio * taken:
                    limits.check(
                        "zip_ratio",
                        -(-done // taken),
                        code="limit.ratio",
                        what="bytes that come of one packed byte",
                        path=shown,
                    )
                if piece:
                    yield piece
                if decoder.eof:
                    data, decoder = decoder.unused_data, None
    except (lzma.LZMAError, OSError, ValueError, EOFError) as error:
        if isinstance(error, DlgeomError):
            raise
        raise broken(error) from error
    if decoder is not None:
        raise broken("it ends too early")
