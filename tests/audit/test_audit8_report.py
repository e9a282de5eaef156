"""Entries of the report name the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dlgeom as dl

IMAGE = '{"id": 1, "file_name": "a.png", "width": 20, "height": 20}'
GOOD = '"image_id": 1, "category_id": 1, "iscrowd": 0'


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("named", ["17", '"seven"'])
def test_a_record_with_a_number_that_is_none_keeps_its_id(
    tmp_path: Path, number: str, named: str
) -> None:
    record = f'{{"id": {named}, {GOOD}, "bbox": [1, {number}, 3, 3], "area": 9}}'
    source = tmp_path / "a.json"
    source.write_text(
        f'{{"images": [{IMAGE}], "annotations": [{record}], '
        '"categories": [{"id": 1, "name": "c"}]}'
    )
    dl.convert(source, tmp_path / "b.json", on_error="skip", report=tmp_path / "r.json")
    (entry,) = json.loads((tmp_path / "r.json").read_text())["entries"]
    assert entry["code"] == "number.not_finite"
    assert entry["annotation_id"] == json.loads(named)
    assert entry["location"] == "annotations[0]"
