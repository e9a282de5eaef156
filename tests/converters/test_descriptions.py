"""A description comes back, or the report counts it as lost: each shape, each target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlgeom as dl
from dlgeom.annotation import Annotation
from dlgeom.item import Item

IMAGE: dict[str, Any] = {"name": "a.jpg", "width": 64, "height": 48}
FILM: dict[str, Any] = {"name": "a.mp4", "media": "video", "width": 64, "height": 48, "fps": 25.0}
WHY = {"description": "why"}
RING = [[1, 1], [40, 1], [40, 40], [1, 40]]
MASK = np.zeros((48, 64), dtype=bool)
MASK[3:20, 3:30] = True
SHAPES = [
    dl.Box(1, 2, 30, 40, "cat", **WHY),
    dl.Box(10, 12, 30, 40, "cat", angle=20, **WHY),
    dl.Polygon(RING, "cat", **WHY),
    dl.Polygon.from_parts([[RING, [[5, 5], [9, 5], [9, 9]]]], "cat", **WHY),
    dl.Segmentation(MASK, "cat", **WHY),
    dl.Point(3, 4, "cat", **WHY),
    dl.Ellipse(20, 20, 8, 5, 10, "cat", **WHY),
    dl.Polyline(RING, "cat", **WHY),
    dl.Classification("cat", **WHY),
    dl.Description("text", "why", label="cat"),
    dl.Pose("cat", None, None, points=[dl.Point(1, 2, "n", visibility=2)], **WHY),
]
TARGETS = [
    ("coco", {}),
    ("coco", {"coco_task": "results"}),
    ("coco", {"coco_task": "panoptic"}),
    ("yolo", {"task": "detect"}),
    ("yolo", {"task": "segment"}),
    ("yolo", {"task": "obb"}),
    ("voc", {}),
    ("dataloop", {}),
    ("mot", {}),
]


def through(
    annotation: Annotation | dl.Definition, item: Item, folder: Path, name: str, **options: Any
) -> tuple[Any, list[Annotation]]:
    """Write and read one annotation; return the report, and what came back."""
    found = item.annotations.builder()
    found.add(annotation)
    report = dl.Dataset.from_pairs([(item, found)]).write(folder / "out", format=name, **options)
    if not report.written + report.approximated:
        return report, []
    with dl.open_dataset(folder / "out", format=name) as back:
        return report, [annotation for _, annotations in back for annotation in annotations]


def kept_or_counted(report: Any, back: list[Annotation]) -> None:
    if report.dropped:
        assert not back
        return
    (one,) = back
    assert (one.description == "why") != ("description" in report.fields), report.fields
    assert "description" not in one.extra


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
@pytest.mark.parametrize(("name", "options"), TARGETS, ids=str)
def test_shapes(shape: dl.Definition, name: str, options: dict[str, Any], tmp_path: Path) -> None:
    kept_or_counted(*through(shape, Item(**IMAGE), tmp_path, name, **options))


@pytest.mark.parametrize("name", ["vtt", "srt"])
def test_subtitles(name: str, tmp_path: Path) -> None:
    item = Item(**FILM)
    words = Annotation(dl.Subtitle("hello", "cat", **WHY), start_time=1, end_time=2, item=item)
    kept_or_counted(*through(words, item, tmp_path, name))


def test_boxes_of_films(tmp_path: Path) -> None:
    item = Item(**FILM)
    box = Annotation(dl.Box(1, 2, 3, 4, "cat", **WHY), frame_num=3, object_id="1", item=item)
    kept_or_counted(*through(box, item, tmp_path, "mot"))


def test_a_description_of_a_file_that_is_no_text_stays_an_unknown_field(tmp_path: Path) -> None:
    records = [
        {"id": k, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "description": value}
        for k, value in enumerate(["why", "", 5, None], 1)
    ]
    records.append({"id": 9, "image_id": 1, "category_id": None, "caption": "words"})
    records[-1] |= WHY | {"x": 1}
    root = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": records,
    }
    path = tmp_path / "in.json"
    path.write_text(json.dumps(root))
    with dl.open_dataset(path, format="coco") as data:
        ((_, found),) = list(data)
    assert [a.description for a in found] == ["why", "", None, None, "why"]
    assert [a.extra for a in found] == [{}, {}, {"description": 5}, {"description": None}, {"x": 1}]
    dl.convert(path, tmp_path / "out.json", from_format="coco", to_format="coco")
    assert json.loads((tmp_path / "out.json").read_text())["annotations"] == records
