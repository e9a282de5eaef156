"""Images beside platform JSON: copied or linked into ``items``, and read from there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

import dlgeom as dl

SAMPLE = Path(dl.__file__).parent / "sample" / "coco"


def files(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("how", ["copy", "link"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_images_come_along_under_their_own_names(
    tmp_path: Path, how: Literal["copy", "link"], version: str
) -> None:
    out = tmp_path / "out"
    dl.convert(SAMPLE, out, to_format="dataloop", image_files=how, dataloop_export_version=version)
    images = files(SAMPLE / "images")
    assert files(out / "items") == images
    assert len(files(out / "json")) == len(images)
    back = tmp_path / "back"
    dl.convert(out, back, to_format="coco", image_files="copy")
    assert files(back / "images") == images
    again = tmp_path / "again"
    dl.convert(out, again, to_format="dataloop", image_files="copy")
    assert files(again / "items") == images
    for name, data in images.items():
        assert (SAMPLE / "images" / name).read_bytes() == data


def test_no_images_come_along_unasked(tmp_path: Path) -> None:
    dl.convert(SAMPLE, tmp_path / "out", to_format="dataloop")
    assert not (tmp_path / "out/items").exists()


def test_an_image_that_is_not_there_is_told(tmp_path: Path) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    dl.convert(SAMPLE, out, to_format="dataloop", image_files="copy")
    (out / "items/empty.png").unlink()
    with pytest.raises(dl.FormatError, match=r"empty\.png"):
        dl.convert(out, again, to_format="dataloop", image_files="copy")
    report = dl.convert(out, again, to_format="dataloop", image_files="copy", on_error="skip")
    assert len(files(again / "items")) == 4
    assert {key[1] for key in report.codes} == {"image.unreadable", "path.collision"}


def test_a_pipe_among_the_files_does_not_stop_the_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dl.convert(SAMPLE, out, to_format="dataloop")
    os.mkfifo(out / "json/pipe.json")
    report = dl.convert(out, tmp_path / "again", to_format="dataloop", on_error="skip")
    assert report.written == 6
    assert ("file", "file.not_regular") in report.codes
