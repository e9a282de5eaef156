"""What is written can be read, strictly: shapes without extent, outside of the image, any."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.testing import strategies as shapes

WRITING = [
    ("coco", {}),
    ("coco", {"coco_box_polygons": True, "coco_holes": "bridge", "coco_recompute": "both"}),
    ("voc", {}),
    ("voc", {"task": "segment"}),
    ("voc", {"voc_numbers": "int", "voc_base": "1", "voc_polygons": "yes"}),
    ("yolo", {"task": "detect"}),
    ("yolo", {"task": "segment"}),
    ("yolo", {"task": "obb"}),
    ("dataloop", {}),
]
KINDS = [dl.Box, dl.Polygon, dl.Segmentation, dl.Ellipse, dl.Cube, dl.Polyline, dl.Point, dl.Note]


def written_and_read(
    found: list[dl.Definition], name: str, options: dict[str, Any]
) -> tuple[Any, list[dl.Annotation]]:
    """Write shapes of one image and read them strictly."""
    item = dl.Item(name="a.jpg", width=24, height=20)
    builder = item.annotations.builder()
    builder.add(found)
    with TemporaryDirectory() as folder:
        target = Path(folder, "out")
        report = dl.Dataset.from_pairs([(item, builder)]).write(target, format=name, **options)
        # Where pixels count from 1 is nothing that a file says.
        reading = {key: value for key, value in options.items() if key == "voc_base"}
        with dl.open_dataset(target, format=name, on_error="raise", **reading) as back:
            return report, [a for _, annotations in back for a in annotations]


@pytest.mark.parametrize(("name", "options"), WRITING, ids=str)
def test_what_is_written_is_read(name: str, options: dict[str, Any]) -> None:
    # Each example writes and reads a folder.
    few = settings(
        max_examples=40, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    one = shapes.definitions(KINDS, labels=["a", "b"], attributes=False, descriptions=False)

    @few
    @given(st.lists(one, min_size=1, max_size=6))
    def law(found: list[dl.Definition]) -> None:
        report, back = written_and_read(found, name, options)
        assert report.read == len(found)
        assert report.written + report.approximated + report.dropped == report.read
        assert len(back) == report.written + report.approximated

    law()


FLAT = [[1, 1], [9, 9], [5, 5]]
SQUARE = [[1, 1], [9, 1], [9, 9], [1, 9]]
OUTSIDE = [[30, 1], [39, 1], [39, 9], [30, 9]]


@pytest.mark.parametrize(
    ("shape", "code", "kept"),
    [
        (dl.Polygon(FLAT, "a"), "polygon.zero_area", False),
        (dl.Box.from_rotated([9, 9, 8, 0, 30], "a"), "polygon.zero_area", False),
        (dl.Polygon.from_parts([[SQUARE], [FLAT]], "a"), "polygon.zero_area", True),
        (dl.Polygon(OUTSIDE, "a"), "geometry.outside_image", False),
        (dl.Box(30, 1, 39, 9, "a"), "geometry.outside_image", False),
        (dl.Polygon([[0, 0], [2e7, 0], [0, 2e7]], "a"), "geometry.outside_image", False),
    ],
    ids=str,
)
def test_coco_tells_what_no_reader_takes(shape: dl.Definition, code: str, kept: bool) -> None:
    report, back = written_and_read([shape], "coco", {})
    (((status, told), entry),) = report.codes.items()
    assert (status, told) == ("approximated" if kept else "dropped", code)
    assert len(back) == kept
    if kept:
        assert entry.least == 1
        assert back[0].annotation_definition == dl.Polygon(SQUARE, "a")


def test_coco_keeps_what_a_record_has_beside_a_flat_outline() -> None:
    mask = np.zeros((20, 24), dtype=bool)
    mask[2:5, 3:9] = True
    item = dl.Item(name="a.jpg", width=24, height=20)
    builder = item.annotations.builder()
    whole = dl.Segmentation(mask, "a")
    builder.add(dl.Annotation(dl.Polygon(FLAT, "a"), companions=(whole,)))
    with TemporaryDirectory() as folder:
        target = Path(folder, "out")
        report = dl.Dataset.from_pairs([(item, builder)]).write(target, format="coco")
        assert list(report.codes) == [("approximated", "polygon.zero_area")]
        with dl.open_dataset(target) as back:
            ((_, (found,)),) = list(back)
    assert found.annotation_definition == whole


@pytest.mark.parametrize("box", [(30, 1, 39, 9), (24, 1, 30, 9), (-5, 1, -1, 9)], ids=str)
def test_voc_drops_boxes_outside_of_the_image(box: tuple[float, ...]) -> None:
    report, back = written_and_read([dl.Box(*box, "a")], "voc", {})
    assert list(report.codes) == [("dropped", "geometry.outside_image")]
    assert not back


def test_voc_keeps_the_box_of_an_outline_that_no_reader_takes() -> None:
    options = {"voc_polygons": "yes", "task": "detect"}
    report, back = written_and_read([dl.Polygon(FLAT, "a")], "voc", options)
    assert list(report.codes) == [("approximated", "geometry.box")]
    assert back[0].bounds == (1, 1, 9, 9)
