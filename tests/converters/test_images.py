"""Images: upright sizes from headers, files found by name, copied and linked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from dlgeom.chunk import Chunk
from dlgeom.converters.base import ALL, Losses, Meta, WriteContext
from dlgeom.converters.image_files import ImageCopier, WithImages
from dlgeom.converters.images import ImageFolder, image_info, is_image_name, item_from_file
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError, LimitError, OutputError, UsageError
from dlgeom.item import Item
from dlgeom.labels import LabelTable
from dlgeom.limits import Limits


def picture(path: Path, size: tuple[int, int] = (30, 20), turn: int = 1, color: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size, color)
    exif = Image.Exif()
    if turn != 1:
        exif[0x0112] = turn
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_sizes_are_those_of_the_upright_image(tmp_path: Path, turn: int, ending: str) -> None:
    path = picture(tmp_path / f"a.{ending}", turn=turn)
    if turn == 1:
        assert image_info(path).orientation == 1
    info = image_info(path)
    # A PNG may keep its EXIF behind the pixels, where it is not looked for.
    known = info.orientation
    assert known in ((turn,) if ending != "png" else (turn, 1))
    assert (info.width, info.height) == ((20, 30) if known >= 5 else (30, 20))
    item = item_from_file(path)
    assert (item.name, item.width, item.exif_orientation) == (path.name, info.width, known)


def test_only_the_formats_asked_for_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(FormatError, match=r"image\.unreadable"):
        image_info(tmp_path / "a.png")


def test_what_is_no_image_is_an_error_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    for name, code in (("empty.png", "file.empty"), ("pipe.png", "file.not_regular")):
        with pytest.raises(FormatError) as caught:
            image_info(tmp_path / name)
        assert caught.value.code == code
    with pytest.raises(OutputError, match=r"io\.read"):
        image_info(tmp_path / "nothing.png")


def test_the_number_of_pixels_is_limited(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    with pytest.raises(LimitError, match=r"30 x 20 image is 600; the limit pixels is 599"):
        image_info(path, limits=Limits(pixels=599))
    assert image_info(path, limits=Limits(pixels=600)).width == 30


def test_a_name_of_an_image_is_told_by_its_ending() -> None:
    assert is_image_name("a/b.JPG")
    assert not is_image_name("a.txt")
    assert not is_image_name("jpg")


def test_images_are_found_by_path_ending_and_base_name(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for name in ("a.jpg", "x/b.png", "x/twice.png", "y/twice.png"):
        picture(root / name)
    folder = ImageFolder(root)
    assert folder.find("a.jpg") == root / "a.jpg"
    assert folder.find("a") == root / "a.jpg"
    assert folder.find("old/place/b.png") == root / "x" / "b.png"
    assert folder.find("x/twice.png") == root / "x" / "twice.png"
    assert folder.find("twice.png") is None
    assert folder.find("nothing.png") is None


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = picture(tmp_path / "outside.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").symlink_to(outside)
    with pytest.raises(FormatError, match=r"path\.symlink"):
        ImageFolder(tmp_path / "images").find("a.png")


class _Nothing:
    """A writer of nothing."""

    grouped = True
    needs = ALL
    item_fields = frozenset({"*"})
    finished = False

    def write(self, chunk: Chunk) -> Losses:
        return Losses.none(len(chunk))

    def finish(self) -> None:
        self.finished = True


def _context(output: Output, root: Path | None, how: str, problems: Problems) -> WriteContext:
    meta = Meta(format="made", labels=LabelTable(), images_root=root)
    return WriteContext(output=output, meta=meta, problems=problems, image_files=how)


def _chunk(items: list[Item]) -> Chunk:
    return Chunk.of([(item, item.annotations.builder()) for item in items])


@pytest.mark.parametrize("how", ["copy", "link"])
def test_images_go_beside_the_annotations(tmp_path: Path, how: str) -> None:
    root = tmp_path / "data"
    names = ["a.jpg", "x/a.jpg", "train/s.png", "val/s.png", "bare.png"]
    for number, name in enumerate(names):
        picture(root / name, color=number * 40)
    items = [
        Item(name="a.jpg", number=0),
        Item(name="x/a.jpg", number=1),
        Item(name="s.png", subset="train", number=2),
        Item(name="s.png", subset="val", number=3),
        Item(name="bare", number=4),
        Item(name="gone.jpg", number=5),
        Item(name="../out.jpg", number=6),
        Item(number=7),
        Item(name="a.jpg", number=0),
        Item(name="a.jpg", number=9),
    ]
    problems = Problems(strict=False)
    with Output(tmp_path / "out") as output:
        inner = _Nothing()
        writer = WithImages(inner, _context(output, root, how, problems))
        assert writer.item_fields == frozenset({"*"})
        writer.write(_chunk(items))
        writer.finish()
        assert inner.finished
    due = {
        "images/a.jpg": "a.jpg",
        "images/x/a.jpg": "x/a.jpg",
        "images/s.png": "train/s.png",
        "images/val/s.png": "val/s.png",
        "images/bare.png": "bare.png",
    }
    out = tmp_path / "out"
    found = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert found == set(due)
    for name, source in due.items():
        assert (out / name).read_bytes() == (root / source).read_bytes()
        assert (out / name).samefile(root / source) == (how == "link")
    assert [(entry.status, entry.code) for entry in problems.entries] == [
        ("warning", "image.unreadable"),
        ("repaired", "path.escape"),
    ]


def test_a_third_image_of_one_name_is_put_elsewhere_and_told(tmp_path: Path) -> None:
    root = tmp_path / "data"
    items = []
    for number, name in enumerate(["a.png", "A.png", "train/A.png"]):
        picture(root / name, color=number * 40)
        items.append(Item(name=name.removeprefix("train/"), number=number))
    items[2].subset = "train"
    problems = Problems(strict=False)
    with Output(tmp_path / "out") as output:
        writer = WithImages(_Nothing(), _context(output, root, "copy", problems))
        writer.write(_chunk([*items, Item(name="a.PNG", subset="train", number=5)]))
    found = sorted(p.relative_to(tmp_path).as_posix() for p in (tmp_path / "out").rglob("*.png"))
    assert found[:2] == ["out/images/a.png", "out/images/train/A.png"]
    assert "path.collision" in [entry.code for entry in problems.entries]


def test_nobody_knowing_where_the_images_are_is_a_usage_error(tmp_path: Path) -> None:
    with Output(tmp_path / "out") as output, pytest.raises(UsageError, match="--images"):
        ImageCopier(output, None, "copy", Problems())


def test_a_missing_image_stops_a_strict_run(tmp_path: Path) -> None:
    with Output(tmp_path / "out") as output:
        copier = ImageCopier(output, tmp_path, "copy", Problems())
        with pytest.raises(FormatError, match=r"image\.unreadable"):
            copier.put(Item(name="a.png"), "images/a")
