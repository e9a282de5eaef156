"""Records without a stored box have the extent of their outline or mask, in all box formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_panoptic import make, source

import dlgeom as dl
from dlgeom.converters.report import Report

IMAGES = [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}]
CATEGORIES = [{"id": 3, "name": "cat"}]
RING, FAR = [1.5, 2, 30, 2.25, 29, 20, 1.5, 20], [40, 30, 60, 30, 60.5, 40, 40, 40]
COUNTS = [48 * 3 + 5, 10, 38, 10, 48 * 64 - (48 * 3 + 5 + 58)]
SHAPES: dict[str, tuple[Any, list[float]]] = {
    "ring": ([RING], [1.5, 2, 28.5, 18]),
    "parts": ([RING, FAR], [1.5, 2, 59, 38]),
    "runs": ({"size": [48, 64], "counts": COUNTS}, [3, 5, 2, 10]),
}
NONE: dict[str, dict[str, Any]] = {"missing": {}, "null": {"bbox": None}, "empty": {"bbox": []}}
TARGETS = [("yolo", {"task": "detect"}), ("voc", {"task": "detect"})]


def data(folder: Path, boxes: dict[str, Any]) -> Path:
    """Write all shapes; `boxes` is what stands for the box, or "told" for the real one."""
    records = []
    for number, (shape, box) in enumerate(SHAPES.values(), 1):
        told = {"bbox": box} if boxes.get("told") else boxes
        records.append(
            {"id": number, "image_id": 1, "category_id": 3, "iscrowd": 0, "area": 9.0}
            | {"segmentation": shape, **told}
        )
    # One that has both, which differ: its own box counts.
    records.append({**records[0], "id": 9, "bbox": [5, 6, 7, 8]})
    folder.mkdir(exist_ok=True)
    root = {"images": IMAGES, "annotations": records, "categories": CATEGORIES}
    (folder / "in.json").write_text(json.dumps(root))
    return folder / "in.json"


def files(folder: Path) -> dict[str, bytes]:
    found = sorted(folder.rglob("*"))
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in found if f.is_file()}


def counts(report: Report) -> dict[tuple[str, str], int]:
    return {key: code.count for key, code in report.codes.items()}


@pytest.mark.parametrize("report", [False, True])
@pytest.mark.parametrize("none", NONE)
@pytest.mark.parametrize(("to", "options"), TARGETS, ids=["yolo", "voc"])
def test_the_box_is_the_extent_of_the_shape(
    to: str, options: dict[str, Any], none: str, report: bool, tmp_path: Path
) -> None:
    told, bare = data(tmp_path / "told", {"told": True}), data(tmp_path / "bare", NONE[none])
    extra = {"report": tmp_path / "r.json"} if report else {}
    one = dl.convert(told, tmp_path / "one", to_format=to, **options, **extra)
    two = dl.convert(bare, tmp_path / "two", to_format=to, overwrite=True, **options, **extra)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert (two.read, two.dropped, two.approximated) == (4, 0, one.approximated)
    assert counts(two) == counts(one)


@pytest.mark.parametrize(("to", "options"), TARGETS, ids=["yolo", "voc"])
def test_outlines_without_a_box_that_cannot_be_used_are_told(
    to: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = data(tmp_path, {})
    root = json.loads(path.read_text())
    root["annotations"][0]["segmentation"] = [[1, 2, 3, 4, 5, 6]]
    root["annotations"][1]["segmentation"] = [RING, [1, 2, 3, 4, 5, 6]]
    path.write_text(json.dumps(root))
    report = dl.convert(path, tmp_path / "t", to_format=to, on_error="skip", **options)
    assert ("skipped", "polygon.zero_area") in report.codes
    assert ("repaired", "polygon.zero_area") in report.codes
    assert (report.dropped, report.approximated) == (1, 3)


def test_a_pose_without_a_box_has_that_of_its_outline(tmp_path: Path) -> None:
    category = {"id": 3, "name": "p", "keypoints": ["a", "b"], "skeleton": []}
    record = {"id": 1, "image_id": 1, "category_id": 3, "keypoints": [4, 5, 2, 9, 9, 2]}
    record |= {"num_keypoints": 2, "segmentation": [RING]}
    for name, more in (("one", {"bbox": SHAPES["ring"][1]}), ("two", {})):
        root = {"images": IMAGES, "annotations": [record | more], "categories": [category]}
        (tmp_path / f"{name}.json").write_text(json.dumps(root))
        dl.convert(tmp_path / f"{name}.json", tmp_path / name, to_format="yolo")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert dl.open_dataset(tmp_path / "one").meta.format == "yolo"


@pytest.mark.parametrize(("to", "options"), TARGETS, ids=["yolo", "voc"])
def test_segments_of_pictures_without_a_box(
    to: str, options: dict[str, Any], tmp_path: Path
) -> None:
    told = source()
    bare = json.loads(json.dumps(told))
    for annotation in bare["annotations"]:
        for segment in annotation["segments_info"]:
            segment.pop("bbox", None)
    for name, value in (("told", told), ("bare", bare)):
        (tmp_path / name).mkdir()
        path = make(tmp_path / name, value)
        report = dl.convert(path, tmp_path / f"{name}_out", to_format=to, **options)
        assert report.read
        assert not report.dropped
    assert files(tmp_path / "told_out") == files(tmp_path / "bare_out")
