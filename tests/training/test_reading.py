"""Images are read upright as RGB of 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from dlgeom.converters.images import image_info
from dlgeom.errors import FormatError, LimitError, OutputError
from dlgeom.limits import Limits
from dlgeom.training import read_image

PIXELS = np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_exif_says(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless: dict[str, Any] = {"webp": {"lossless": True}}.get(suffix, {})
    Image.fromarray(PIXELS).save(path, exif=exif.tobytes(), **lossless)
    found = read_image(path)
    with Image.open(path) as picture:
        wanted = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    assert np.array_equal(found, wanted)
    info = image_info(path)
    assert found.shape == (info.height, info.width, 3)
    assert found.flags.c_contiguous
    assert found.flags.writeable


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"])
def test_all_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture = Image.fromarray(PIXELS).convert(mode)
    picture.save(path)
    assert np.array_equal(read_image(path), np.asarray(picture.convert("RGB")))


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 257, 65535, 300]], dtype=np.uint16)).save(path)
    assert read_image(path).tolist() == [[[0] * 3, [1] * 3, [255] * 3, [1] * 3]]


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    floats = tmp_path / "f.tif"
    Image.fromarray(np.array([[0.5]], dtype=np.float32)).save(floats)
    with pytest.raises(FormatError, match=r"f\.tif: has floats") as caught:
        read_image(floats)
    assert caught.value.code == "image.mode"
    wide = tmp_path / "w.tif"
    Image.fromarray(np.array([[70_000]], dtype=np.int32)).save(wide)
    with pytest.raises(FormatError, match="values from 70000 to 70000"):
        read_image(wide)
    good = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(good)
    with pytest.raises(LimitError, match="pixels"):
        read_image(good, limits=Limits(pixels=10))
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.read_bytes()[:-60])
    with pytest.raises(FormatError, match=r"cut\.png: cannot be decoded"):
        read_image(cut)
    with pytest.raises(OutputError):
        read_image(tmp_path / "absent.png")
    with pytest.raises(FormatError, match="is a folder"):
        read_image(tmp_path)
