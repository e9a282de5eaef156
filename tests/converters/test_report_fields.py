"""Fields of images that only repeat what every format has are no loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dlgeom as dl
from dlgeom.annotation import AnnotationCollection

PLAIN = {"width": 64, "height": 48, "mimetype": "image/png"}


@pytest.mark.parametrize(
    ("metadata", "lost"),
    [
        (None, 0),
        ({"system": PLAIN}, 0),
        ({"system": {**PLAIN, "mimetype": "image/webp"}}, 1),
        ({"system": {**PLAIN, "size": 12_345}}, 1),
        ({"system": PLAIN, "user": {}}, 0),
        ({"system": PLAIN, "user": {"weather": "rain"}}, 1),
        ({"system": None, "fps": 25}, 1),
        ({"system": ["a"]}, 1),
    ],
)
@pytest.mark.parametrize("to", ["coco", "yolo", "voc"])
def test_metadata_are_lost_where_they_say_more_than_name_and_size(
    tmp_path: Path, metadata: dict[str, Any] | None, lost: int, to: str
) -> None:
    item = dl.Item(name="a.png", width=64, height=48, metadata=metadata)
    found = AnnotationCollection(item, [dl.Annotation(dl.Box(1, 2, 30, 40, "x"))])
    report = dl.Dataset.from_pairs([(item, found)]).write(tmp_path / "out", format=to)
    assert report.fields["image.metadata"] == lost


def test_a_platform_file_that_has_size_and_kind_loses_nothing(tmp_path: Path) -> None:
    item = dl.Item(name="a.png", width=64, height=48)
    found = AnnotationCollection(item, [dl.Annotation(dl.Box(1, 2, 30, 40, "x"))])
    dl.Dataset.from_pairs([(item, found)]).write(tmp_path / "in", format="dataloop")
    report = dl.convert(tmp_path / "in", tmp_path / "out.json")
    assert not any(name.startswith("image.") for name in report.fields)
