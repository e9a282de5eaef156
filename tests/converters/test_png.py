"""PNG masks: indexes as they are, and files that lie are found before they are decoded."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from dlgeom.converters.png import VOC_PALETTE, palette_png, read_png, rgb_png
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import Limits

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def part(kind: bytes, body: bytes, *, crc: int | None = None) -> bytes:
    value = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", value)


def header(width: int, height: int, depth: int = 8, color: int = 0, interlace: int = 0) -> bytes:
    return part(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def pixels(height: int, row: int, extra: bytes = b"") -> bytes:
    return part(b"IDAT", zlib.compress((b"\0" + bytes(row)) * height + extra))


END = part(b"IEND", b"")
GOOD = SIGNATURE + header(4, 3) + pixels(3, 4) + END


def put(folder: Path, data: bytes) -> Path:
    path = folder / "mask.png"
    path.write_bytes(data)
    return path


@st.composite
def arrays(draw: st.DrawFn, channels: int = 0) -> NDArray[np.uint8]:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    shape = (height, width, channels) if channels else (height, width)
    size = int(np.prod(shape))
    return np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8).reshape(shape)


@given(array=arrays())
def test_indexes_and_palette_come_back(
    tmp_path_factory: pytest.TempPathFactory, array: NDArray[np.uint8]
) -> None:
    path = put(tmp_path_factory.mktemp("png"), palette_png(array))
    found = read_png(path)
    assert found.mode == "P"
    assert found.array.dtype == np.uint8
    assert np.array_equal(found.array, array)
    assert found.palette is not None
    assert np.array_equal(found.palette, VOC_PALETTE[: len(found.palette)])
    assert len(found.palette) > array.max()
    assert found.notes == ()
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), VOC_PALETTE[array])


@given(array=arrays(channels=3))
def test_colours_come_back(
    tmp_path_factory: pytest.TempPathFactory, array: NDArray[np.uint8]
) -> None:
    found = read_png(put(tmp_path_factory.mktemp("png"), rgb_png(array)))
    assert found.mode == "RGB"
    assert np.array_equal(found.array, array)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P", "RGB", "RGBA", "LA"])
def test_every_mode_is_read_as_it_is(tmp_path: Path, mode: str) -> None:
    grey = np.arange(12, dtype=np.uint16).reshape(3, 4)
    if mode == "I;16":
        image = Image.fromarray(grey * 1000)
    else:
        image = Image.fromarray((grey * 20).astype(np.uint8)).convert(mode)
    image.save(tmp_path / "mask.png")
    found = read_png(tmp_path / "mask.png")
    assert found.mode == mode
    assert np.array_equal(found.array, np.asarray(image))
    assert found.array.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    assert (found.palette is None) == (mode != "P")


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_packed_indexes_are_unpacked(tmp_path: Path, depth: int) -> None:
    rows = b"\0\x1b\0\xe4"
    data = (
        SIGNATURE
        + header(8 // depth, 2, depth, color=3)
        + part(b"PLTE", bytes(3 * 2**depth))
        + part(b"IDAT", zlib.compress(rows))
        + END
    )
    bits = np.unpackbits(np.frombuffer(rows, np.uint8).reshape(2, 2)[:, 1:], axis=1)
    weights = 2 ** np.arange(depth - 1, -1, -1)
    due = bits.reshape(2, -1, depth) @ weights
    assert np.array_equal(read_png(put(tmp_path, data)).array, due)


def test_an_interlaced_mask_is_read(tmp_path: Path) -> None:
    array = np.arange(99, dtype=np.uint8).reshape(9, 11)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    rows = b"".join(
        b"\0" + row.tobytes()
        for x, y, dx, dy in [*passes, (0, 1, 1, 2)]
        for row in array[y::dy, x::dx]
        if row.size
    )
    data = SIGNATURE + header(11, 9, interlace=1) + part(b"IDAT", zlib.compress(rows)) + END
    assert np.array_equal(read_png(put(tmp_path, data)).array, array)


BAD = {
    "no png": (b"GIF89a" + bytes(50), "image.format"),
    "a script": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "image.format"),
    "empty": (b"", "file.empty"),
    "cut in a chunk": (GOOD[:-20], "image.unreadable"),
    "no end": (GOOD[: -len(END)], "image.unreadable"),
    "no header first": (SIGNATURE + pixels(3, 4) + header(4, 3) + END, "image.unreadable"),
    "short header": (SIGNATURE + part(b"IHDR", bytes(9)) + END, "image.unreadable"),
    "unknown colour": (SIGNATURE + header(4, 3, color=5) + END, "image.unreadable"),
    "unknown depth": (SIGNATURE + header(4, 3, depth=3) + END, "image.unreadable"),
    "no pixels": (SIGNATURE + header(4, 3) + END, "image.unreadable"),
    "few rows": (SIGNATURE + header(4, 3) + pixels(2, 4) + END, "image.unreadable"),
    "broken pixels": (
        SIGNATURE + header(4, 3) + part(b"IDAT", b"\x78\x9cxxxx") + END,
        "image.unreadable",
    ),
    "zero width": (SIGNATURE + header(0, 3) + END, "image.size"),
    "huge": (SIGNATURE + header(60_000, 60_000) + pixels(1, 4) + END, "limit.pixels"),
    "text bomb": (
        SIGNATURE
        + header(4, 3)
        + part(b"zTXt", b"k\0\0" + zlib.compress(bytes(2 << 20)))
        + pixels(3, 4)
        + END,
        "limit.png_text",
    ),
    "profile bomb": (
        SIGNATURE
        + header(4, 3)
        + part(b"iCCP", b"k\0\0" + zlib.compress(bytes(2 << 20)))
        + pixels(3, 4)
        + END,
        "limit.png_text",
    ),
    "international text bomb": (
        SIGNATURE
        + header(4, 3)
        + part(b"iTXt", b"k\0\1\0en\0k\0" + zlib.compress(bytes(2 << 20)))
        + pixels(3, 4)
        + END,
        "limit.png_text",
    ),
}


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=list(BAD))
def test_a_bad_mask_is_refused_by_its_code(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_png(put(tmp_path, data), shown="masks/1.png")
    assert (caught.value.code, caught.value.path) == (code, "masks/1.png")
    assert isinstance(caught.value, LimitError) == code.startswith("limit.")


def test_a_bomb_of_pixels_is_not_unpacked(tmp_path: Path) -> None:
    bomb = part(b"IDAT", zlib.compress(bytes(64 << 20)))
    found = read_png(put(tmp_path, SIGNATURE + header(4, 3) + bomb + END))
    assert [code for code, _ in found.notes] == ["file.trailing_data"]
    assert found.array.shape == (3, 4)


def test_what_leaves_the_pixels_whole_is_noted(tmp_path: Path) -> None:
    frames = part(b"acTL", struct.pack(">II", 3, 0))
    data = SIGNATURE + header(4, 3) + frames + pixels(3, 4) + END + b"more"
    assert [code for code, _ in read_png(put(tmp_path, data)).notes] == [
        "image.frames",
        "file.trailing_data",
    ]
    broken = part(b"IDAT", zlib.compress(bytes(15)), crc=1)
    data = SIGNATURE + header(4, 3) + broken + END
    assert [code for code, _ in read_png(put(tmp_path, data)).notes] == ["image.crc"]


def test_limits_can_be_raised(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD)
    with pytest.raises(LimitError, match="pixels"):
        read_png(path, limits=Limits(pixels=11))
    assert read_png(path, limits=Limits(pixels=12)).array.shape == (3, 4)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    data = bytearray(GOOD)
    data[place] ^= change
    try:
        found = read_png(put(tmp_path_factory.mktemp("png"), bytes(data)))
    except FormatError:
        return
    assert found.array.size


def test_the_palette_is_that_of_the_development_kit() -> None:
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    for index, color in known.items():
        assert tuple(VOC_PALETTE[index].tolist()) == color
    assert tuple(VOC_PALETTE[255].tolist()) == (224, 224, 192)
    assert len(np.unique(VOC_PALETTE, axis=0)) == 256


def test_encoded_images_are_those_of_pillow() -> None:
    with Image.open(io.BytesIO(palette_png(np.zeros((2, 3), np.uint8)))) as image:
        assert (image.size, image.mode) == ((3, 2), "P")
