"""The files of annotations are named by their whole paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlgeom.training import DatasetGenerator
from dlgeom.training.sources import SourceFiles


def test_files_below_an_inner_folder_are_found(tmp_path: Path) -> None:
    inner = tmp_path / "export" / "labels"
    inner.mkdir(parents=True)
    for name in ("a.txt", "b.txt"):
        (inner / name).write_text("")
    files = SourceFiles(tmp_path)
    assert files.full("labels/a.txt") == str(inner / "a.txt")
    assert files.full("labels/b.txt") == str(inner / "b.txt")
    assert files.full("labels/a.txt") is files.full("labels/a.txt")
    (tmp_path / "other").mkdir()
    for folder in (inner, tmp_path / "other"):
        (folder / "twice.txt").write_text("")
    # Which one is meant nobody knows.
    assert files.full("twice.txt") == str(tmp_path / "twice.txt")
    assert files.full("absent.txt") == str(tmp_path / "absent.txt")
    assert files.full("") == ""
    assert SourceFiles(None).full("a.txt") == "a.txt"
    assert SourceFiles(inner / "a.txt").full("a.txt") == str(inner / "a.txt")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("place", "samples", "annotations"),
    [
        ("yolo/coco8_detect", 8, 30),
        ("voc/voc100", 100, 273),
        ("voc/bccd", 364, 4888),
        ("coco/voc100_coco", 100, 273),
        ("coco/coco_mini/instances_val2017.json", 79, 624),
    ],
)
def test_real_sets_give_all_their_boxes(
    shared_data: Path, place: str, samples: int, annotations: int
) -> None:
    path = shared_data / place
    if place == "coco/voc100_coco":
        path = sorted(path.rglob("*.json"))[0]
    generator = DatasetGenerator(path, "box", with_images=False, on_error="skip")
    assert (len(generator), sum(generator.class_counts.values())) == (samples, annotations)
    for sample in generator:
        assert Path(sample["annotation_filepath"]).is_file()
        count = len(sample["labels"])
        assert sample["box"].shape == (count, 4)
        assert (sample["box"][:, :2] <= sample["box"][:, 2:]).all()


def _boxes(path: Path, **options: Any) -> dict[str, list[tuple[Any, ...]]]:
    more = {"with_images": False, "shuffle": False, "on_error": "skip", **options}
    generator = DatasetGenerator(path, "box", **more)
    found = {}
    for item, sample in zip(generator.items, generator, strict=True):
        rows = zip(sample["box"].round(2).tolist(), sample["labels"], strict=True)
        found[Path(str(item.name)).stem] = sorted((*box, label) for box, label in rows)
    return found


@pytest.mark.shared
def test_copies_of_a_real_set_in_other_formats_are_the_same(shared_data: Path) -> None:
    wanted = _boxes(shared_data / "voc" / "voc100" / "cvat_voc_export")
    assert len(wanted) == 100
    for copy in sorted((shared_data / "coco" / "voc100_coco").rglob("*.json")):
        assert _boxes(copy) == wanted
    images = shared_data / "voc" / "voc100" / "images"
    assert _boxes(shared_data / "yolo" / "darknet_voc100", images=images) == wanted
