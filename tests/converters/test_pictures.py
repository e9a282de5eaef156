"""Pictures as files: `download`, images read upright, orientations there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

import dlgeom as dl
from dlgeom.converters.pictures import read_upright, stored, upright

KINDS = ("png", "tiff", "jpg", "webp")


def collection() -> dl.AnnotationCollection:
    builder = dl.Item(width=50, height=30).annotations.builder()
    builder.add(dl.Box(20, 10, 40, 20, "a"), object_id=7)
    return builder


def picture() -> np.ndarray:
    image = np.full((30, 50, 3), 40, dtype=np.uint8)
    image[0:10, 0:5] = (255, 0, 0)
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_images_are_read_as_pillow_turns_them(tmp_path: Path, orientation: int, kind: str) -> None:
    path = tmp_path / f"image.{kind}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored(picture(), orientation)).save(path, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    found = read_upright(path)
    assert_array_equal(found, expected)
    assert found.shape == picture().shape
    if kind in ("png", "tiff"):
        assert_array_equal(found, picture())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_go_back(orientation: int) -> None:
    array = np.arange(24).reshape(4, 6)
    assert_array_equal(upright(stored(array, orientation), orientation), array)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp"])
def test_annotated_images_are_stored_as_the_image(
    tmp_path: Path, orientation: int, kind: str
) -> None:
    source = tmp_path / "image.png"
    Image.fromarray(stored(picture(), orientation)).save(source)
    found = collection().download(
        tmp_path / f"out.{kind}",
        img_filepath=source,
        annotation_format="img_mask",
        thickness=-1,
        orientation=orientation,
    )
    with Image.open(found) as image:
        if kind != "tif":  # Pillow turns these while it loads them
            assert image.size == ((30, 50) if orientation > 4 else (50, 30))
        shown = np.asarray(ImageOps.exif_transpose(image))
    expected = collection().show(picture(), thickness=-1)[..., :3]
    assert np.abs(shown.astype(int) - expected).mean() < 3
    mask = collection().download(tmp_path / "mask", img_filepath=source, orientation=orientation,
                                 annotation_format="instance", thickness=-1)  # fmt: skip
    with Image.open(mask) as image:
        ids = collection().show(thickness=-1, annotation_format="instance")
        assert_array_equal(np.asarray(image), stored(ids, orientation))


def test_every_view_is_written(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "image.png")
    builder = collection()
    for view in dl.ViewAnnotationOptions:
        path = Path(builder.download(tmp_path / f"out_{view}", annotation_format=view,
                                     img_filepath=tmp_path / "image.png"))  # fmt: skip
        assert path.is_file()
        if view in ("json", "vtt"):
            continue
        with Image.open(path) as image:
            found = np.asarray(image)
        shown = builder.show(
            picture() if view == "img_mask" else None, annotation_format=view, thickness=1
        )
        assert_array_equal(found, shown[..., :3] if view == "img_mask" else shown)
    single = builder[0].download(tmp_path / "one.png", annotation_format="mask")
    assert single == str(tmp_path / "one.png")


def test_wide_ids_are_kept(tmp_path: Path) -> None:
    builder = collection()
    builder[0].object_id = "300"
    path = builder.download(tmp_path / "a.png", annotation_format="object_id", thickness=-1)
    with Image.open(path) as image:
        assert sorted(set(np.asarray(image).ravel().tolist())) == [0, 300]
    builder[0].object_id = "70000"
    with pytest.raises(dl.UsageError, match=r"do not fit.*\.tif"):
        builder.download(tmp_path / "a.png", annotation_format="object_id")
    path = builder.download(tmp_path / "a.tif", annotation_format="object_id", thickness=-1)
    with Image.open(path) as image:
        assert sorted(set(np.asarray(image).ravel().tolist())) == [0, 70_000]


def test_masks_are_never_written_with_losses(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.webp", "a.gif", "a.txt"):
        with pytest.raises(dl.UsageError, match="filepath ends in"):
            collection().download(tmp_path / name, annotation_format="instance")
    assert list(tmp_path.iterdir()) == []


def test_sixteen_bits_and_gray_and_transparent_images(tmp_path: Path) -> None:
    wide = np.linspace(0, 65_535, 1_500).astype(np.uint16).reshape(30, 50)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert_array_equal(read_upright(tmp_path / "wide.png"), wide)
    Image.fromarray((wide >> 8).astype(np.uint8)).save(tmp_path / "gray.png")
    clear = np.dstack((picture(), np.full((30, 50), 100, dtype=np.uint8)))
    Image.fromarray(clear).save(tmp_path / "clear.png")
    Image.fromarray(picture()).convert("P").save(tmp_path / "palette.png")
    for name, channels in (("wide", 3), ("gray", 3), ("clear", 4), ("palette", 3)):
        path = collection().download(
            tmp_path / f"{name}_out.png",
            img_filepath=tmp_path / f"{name}.png",
            annotation_format="img_mask",
        )
        with Image.open(path) as image:
            assert np.asarray(image).shape == (30, 50, channels)


def test_wrong_input_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    download = collection().download
    with pytest.raises(dl.UsageError, match="give img_filepath="):
        download(tmp_path / "a.png", annotation_format="img_mask")
    with pytest.raises(dl.UsageError, match="orientation is 9"):
        download(tmp_path / "a.png", annotation_format="mask", orientation=9)
    with pytest.raises(dl.FormatError, match=r"image\.unreadable"):
        download(tmp_path / "a.png", tmp_path / "bad.png", annotation_format="img_mask")
    with pytest.raises(dl.UsageError, match="annotation_format is 'gif'"):
        download(tmp_path / "a.png", annotation_format="gif")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.png"]
