"""Root keys of COCO files: what one file has comes back, what two cannot share is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlgeom.converters.pipeline import convert

IMAGE = {"id": 2**53 + 1, "file_name": "a.png", "width": 64, "height": 48, "x": {"y": [1e-7]}}
RECORD = {
    "id": 10**20,
    "image_id": 2**53 + 1,
    "category_id": 7,
    "bbox": [1, 2, 3.0, 4.1],
    "area": 12.3,
    "iscrowd": 0,
    "segmentation": [[1, 2, 4, 2, 4, 6.1, 1, 6.1]],
    "attributes": {"a": [1, {"b": None}]},
    "weird": 'é😀 \\ " \n',
}
CATEGORY = {"id": 7, "name": "cat", "supercategory": None, "zzz": [[]]}
ROOTS: dict[str, dict[str, Any]] = {
    "annotations first, nulls": {
        "annotations": [RECORD],
        "foo": {"a": 1},
        "categories": [CATEGORY],
        "images": [IMAGE],
        "info": None,
        "licenses": None,
    },
    "repeats": {"categories": [CATEGORY], "annotations": [RECORD, RECORD], "images": [IMAGE] * 2},
    "text ids": {
        "images": [IMAGE | {"id": "a"}],
        "annotations": [RECORD | {"id": "x", "image_id": "a", "category_id": "c"}],
        "categories": [CATEGORY | {"id": "c"}],
    },
    "empty": {"images": [], "annotations": [], "categories": []},
    "no annotations": {"images": [IMAGE], "categories": [CATEGORY]},
    "no categories": {"images": [IMAGE], "annotations": []},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ROOTS)
def test_odd_roots_come_out_as_they_went_in(name: str, indent: int | None, tmp_path: Path) -> None:
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    source.write_text(json.dumps(ROOTS[name], indent=indent), encoding="utf-8")
    convert(source, target, on_error="skip")
    assert json.dumps(json.loads(target.read_text("utf-8"))) == json.dumps(ROOTS[name])


def test_sections_that_one_file_cannot_hold_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "annotations"
    folder.mkdir(parents=True)
    for number, split in enumerate(("train", "val")):
        root = {
            "info": {"description": split},
            "licenses": [],
            "images": [IMAGE | {"id": number}],
            "annotations": [RECORD | {"image_id": number, "id": number}],
            "categories": [CATEGORY],
        }
        (folder / f"instances_{split}.json").write_text(json.dumps(root))
    report = convert(tmp_path / "in", tmp_path / "one.json")
    assert report.fields == {"section.info": 1, "image.subset": 2}
    apart = convert(tmp_path / "in", tmp_path / "two", to_format="coco")
    assert not apart.fields
