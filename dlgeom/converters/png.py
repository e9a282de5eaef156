"""PNG masks: read with their indexes, checked before they are decoded, and written.

Chunks are walked by hand first (PNG specification, W3C, sections 5 and 11): the header is
compared with the limits, check sums are verified (Pillow skips that of the pixels), compressed
text is not unpacked past its limit, and the pixel data must have the announced length.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.images import check_size
from dlgeom.converters.inputs import read_bytes
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["VOC_PALETTE", "Png", "decode_png", "palette_png", "read_png", "rgb_png", "rgba_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


class Png(msgspec.Struct, frozen=True):
    """A decoded PNG.

    Parameters
    ----------
    array : ndarray of uint8 or uint16
        Shape (H, W) for palette and grey images, (H, W, 3) or (H, W, 4) for colours.
    mode : str
        ``P``, ``L``, ``1``, ``I;16``, ``RGB``, ``RGBA`` or ``LA``.
    palette : ndarray of uint8, shape (n, 3), optional
        Colours of the indexes.
    notes : tuple of (str, str)
        Code and sentence for each thing that was wrong but left the pixels whole.
    """

    array: NDArray[Any]
    mode: str
    palette: NDArray[np.uint8] | None = None
    notes: tuple[tuple[str, str], ...] = ()


def _voc_palette() -> NDArray[np.uint8]:
    index = np.arange(256)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return palette


VOC_PALETTE: NDArray[np.uint8] = _voc_palette()
"""Colours of the VOC development kit: three bits of the index a step, highest bit first."""


def _text_size(data: bytes, allowed: int) -> int:
    """Return how long compressed text is, at most one more than `allowed`."""
    unpack = zlib.decompressobj()
    try:
        return len(unpack.decompress(data, allowed + 1))
    except zlib.error:
        return 0


class _Walk:
    """One pass over the chunks of a PNG."""

    def __init__(self, data: bytes, shown: str, limits: Limits) -> None:
        self.data, self.shown, self.limits = data, shown, limits
        self.notes: list[tuple[str, str]] = []
        self.pixels: list[bytes] = []
        self.size = (0, 0)
        self.depth = self.color = self.interlace = 0
        self.end = 0
        self._walk()

    def error(self, code: str, what: str) -> FormatError:
        return FormatError(what, code=code, path=self.shown)

    def _walk(self) -> None:
        data = self.data
        if not data.startswith(_SIGNATURE):
            raise self.error(
                "image.format", "is not a PNG; masks are PNG files by content too. Convert it"
            )
        at, first = len(_SIGNATURE), True
        broken = 0
        while at + 8 <= len(data):
            length, kind = struct.unpack_from(">I4s", data, at)
            body = data[at + 8 : at + 8 + length]
            if len(body) < length:
                raise self.error("image.unreadable", "ends inside a chunk; it was cut short")
            sum_at = at + 8 + length
            if data[sum_at : sum_at + 4] != struct.pack(">I", zlib.crc32(kind + body)):
                broken += 1
            if first and kind != b"IHDR":
                raise self.error("image.unreadable", "has no header chunk first")
            first = False
            self._chunk(kind, body)
            at = sum_at + 4
            if kind == b"IEND":
                break
        else:
            raise self.error("image.unreadable", "has no end chunk; it was cut short")
        if broken:
            self.notes.append(
                ("image.crc", "a check sum is wrong; PNG chunks carry theirs. Save the mask again")
            )
        if at < len(data):
            self.notes.append(("file.trailing_data", f"{len(data) - at} bytes follow the image"))

    def _chunk(self, kind: bytes, body: bytes) -> None:
        if kind == b"IHDR":
            if len(body) != 13:
                raise self.error("image.unreadable", "has a header of the wrong length")
            width, height, self.depth, self.color, _, _, self.interlace = struct.unpack(
                ">IIBBBBB", body
            )
            check_size(width, height, limits=self.limits, shown=self.shown)
            if self.color not in _CHANNELS or self.depth not in (1, 2, 4, 8, 16):
                raise self.error("image.unreadable", "has an unknown kind of pixel")
            self.size = (width, height)
        elif kind == b"IDAT":
            self.pixels.append(body)
        elif kind == b"acTL":
            frames = struct.unpack_from(">I", body)[0] if len(body) >= 4 else 2
            if frames > 1:
                self.notes.append(
                    ("image.frames", f"has {frames} frames; a mask has one. The first is read")
                )
        elif kind in (b"zTXt", b"iCCP", b"iTXt"):
            packed = body.partition(b"\0")[2]
            if kind == b"iTXt":
                packed = packed[2:].split(b"\0", 2)[-1] if packed[:1] == b"\1" else b""
            else:
                packed = packed[1:]
            allowed = self.limits.png_text
            if _text_size(packed, allowed) > allowed:
                raise LimitError(
                    f"has text or a profile of more than {allowed} bytes (limit png_text). "
                    "Raise it with --limit png_text=N",
                    code="limit.png_text",
                    path=self.shown,
                )

    def due(self) -> int:
        """Return how many bytes of pixels the header announces, filter bytes included."""
        bits = self.depth * _CHANNELS[self.color]
        width, height = self.size
        areas = [(width, height)]
        if self.interlace:
            areas = [
                (max(0, -(-(width - x) // dx)), max(0, -(-(height - y) // dy)))
                for x, y, dx, dy in _PASSES
            ]
        return sum(h * (1 + (w * bits + 7) // 8) for w, h in areas if w and h)

    def check_pixels(self) -> None:
        """Unpack the pixel data once, bounded, to see that its length is right."""
        unpack = zlib.decompressobj()
        due = self.due()
        try:
            got = len(unpack.decompress(b"".join(self.pixels), due + 1))
        except zlib.error as error:
            raise self.error(
                "image.unreadable", f"has broken pixel data ({error}). Save the mask again"
            ) from error
        if got < due:
            raise self.error("image.unreadable", "has fewer rows of pixels than its header says")
        if got > due:
            self.notes.append(
                ("file.trailing_data", "has more pixel data than its header says; it is ignored")
            )


def read_png(path: Path, *, limits: Limits = DEFAULT_LIMITS, shown: str | None = None) -> Png:
    """Read a PNG mask with its indexes unchanged.

    Parameters
    ----------
    path : Path
        The file.
    limits : Limits
        `pixels` and `png_text` hold for it.
    shown : str, optional
        Path for messages.

    Returns
    -------
    Png
        With `notes` on what was wrong but harmless.

    Raises
    ------
    FormatError
        ``image.format`` (no PNG by content), ``image.unreadable``, ``image.size``,
        ``file.empty``.
    LimitError
        ``limit.pixels`` (before any pixel is decoded), ``limit.png_text``, ``limit.bytes``.
    """
    shown = str(path) if shown is None else shown
    data = read_bytes(path, limit_name="file_bytes", limits=limits, shown=shown)
    return decode_png(data, limits=limits, shown=shown)


def decode_png(data: bytes, *, limits: Limits = DEFAULT_LIMITS, shown: str | None = None) -> Png:
    """Decode a PNG mask from memory; see `read_png`."""
    from PIL import Image

    walk = _Walk(data, shown or "", limits)
    walk.check_pixels()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                image.load()
                mode = "I;16" if image.mode in ("I", "I;16B", "I;16L") else image.mode
                palette = image.getpalette("RGB") if mode == "P" else None
                array = np.asarray(image)
    except Exception as error:  # Pillow raises many kinds for broken files
        raise FormatError(
            f"cannot be decoded ({type(error).__name__}: {error}). Save the mask again",
            code="image.unreadable",
            path=shown,
        ) from error
    if mode == "1":
        array = array.astype(np.uint8)
    elif mode == "I;16":
        array = array.astype(np.uint16)
    return Png(
        array=array,
        mode=mode,
        palette=None if palette is None else np.array(palette, dtype=np.uint8).reshape(-1, 3),
        notes=tuple(walk.notes),
    )


def palette_png(indexes: NDArray[np.uint8], palette: NDArray[np.uint8] = VOC_PALETTE) -> bytes:
    """Return a palette PNG: `indexes` of shape (H, W), `palette` of shape (256, 3)."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(indexes, dtype=np.uint8))
    image.putpalette(np.ascontiguousarray(palette, dtype=np.uint8).tobytes())
    return _encoded(image)


def rgb_png(array: NDArray[np.uint8]) -> bytes:
    """Return a colour PNG of an array of shape (H, W, 3)."""
    from PIL import Image

    return _encoded(Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)))


def _encoded(image: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=6)
    return stream.getvalue()


def rgba_png(array: NDArray[np.uint8]) -> bytes:
    """Return a PNG with transparency of an array of shape (H, W, 4)."""
    from PIL import Image

    return _encoded(Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)))
