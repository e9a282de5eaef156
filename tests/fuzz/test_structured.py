"""COCO records of any JSON, by Hypothesis: an error of ours or a report, nothing bad written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from trust.strict import check_output

import dlgeom as dl

numbers = st.one_of(
    st.integers(-50, 50),
    st.floats(),
    st.sampled_from([0, -1, 2**31, 2**32, 2**63, 2**64, 10**30, 1e300, 5e-324, -0.0]),
)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=5)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)
rings = st.lists(st.lists(numbers, min_size=4, max_size=10), max_size=3)
runs = st.fixed_dictionaries(
    {"size": st.just([30, 40]) | anything, "counts": st.lists(numbers, max_size=6) | st.text()}
)
records = st.fixed_dictionaries(
    {"image_id": st.just(1) | anything, "category_id": st.just(1) | anything},
    optional={
        "id": anything,
        "bbox": st.lists(numbers, min_size=4, max_size=4) | anything,
        "segmentation": rings | runs | anything,
        "keypoints": st.lists(numbers, max_size=6) | anything,
        "iscrowd": st.sampled_from([0, 1]) | anything,
        "area": numbers | anything,
        "attributes": anything,
        "score": numbers,
    },
)
GOOD: dict[str, Any] = {"id": 900, "image_id": 1, "category_id": 1, "bbox": [3, 6, 9, 8]}


@settings(max_examples=60)
@given(st.lists(records, max_size=3), st.sampled_from(["yolo", "voc", "coco", "cvat"]))
def test_any_record_is_read_or_told(found: list[Any], to: str) -> None:
    root = {
        "images": [{"id": 1, "file_name": "p.png", "width": 40, "height": 30}],
        "categories": [{"id": 1, "name": "apple", "keypoints": ["a", "b"]}],
        "annotations": [GOOD, *found],
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.json", Path(folder) / "out"
        source.write_text(json.dumps(root))
        if to == "cvat":
            target = target.with_suffix(".xml")
        report = dl.convert(source, target, from_format="coco", to_format=to, on_error="skip")
        assert report.read == len(found) + 1
        assert report.written + report.approximated >= 1
        check_output(target)
