"""What has no size in targets that need one: left out for the reason that is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dlgeom as dl
from dlgeom.annotation import AnnotationCollection
from dlgeom.converters.report import Report

TARGETS: list[dict[str, Any]] = [
    {"format": "coco"},
    {"format": "yolo", "task": "detect"},
    {"format": "yolo", "task": "segment"},
    {"format": "yolo", "task": "obb"},
]
targets = pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.get("task", t["format"]))


def data_set(**items: tuple[dl.Item, list[dl.Definition]]) -> dl.Dataset:
    pairs = []
    for item, shapes in items.values():
        pairs.append((item, AnnotationCollection(item, [dl.Annotation(s) for s in shapes])))
    return dl.Dataset.from_pairs(pairs)


def codes(report: Report) -> dict[tuple[str, str], int]:
    return {key: kind.count for key, kind in report.codes.items()}


BOX = dl.Box(1, 2, 3, 4, "x")


@targets
def test_records_of_what_is_no_image_are_dropped_for_what_they_are(
    tmp_path: Path, target: dict[str, Any]
) -> None:
    found = data_set(
        image=(dl.Item(name="a.png", width=9, height=9), [BOX]),
        video=(dl.Item(name="b.mp4", media="video"), [dl.Subtitle("hello", "who")] * 2),
        audio=(dl.Item(name="c.vtt", media="audio"), [dl.Subtitle("hello", "who")]),
    )
    report = found.write(tmp_path / "out", **target)
    told = codes(report)
    boxes = told.pop(("approximated", "geometry.box_to_polygon"), 0)
    assert told == {
        ("notice", "image.format"): 2,
        ("dropped", "video.frames"): 2,
        ("dropped", "shape.text"): 1,
    }
    assert (report.read, report.written + boxes, report.dropped) == (4, 1, 3)
    assert report.read == report.written + report.approximated + report.dropped
    again = [(item.name, len(a)) for item, a in dl.open_dataset(tmp_path / "out")]
    assert [(Path(str(name)).stem, count) for name, count in again] == [("a", 1)]


@targets
def test_subtitles_alone_have_nothing_to_write_and_no_size_to_ask_for(
    tmp_path: Path, target: dict[str, Any]
) -> None:
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Bo>one\n")
    options = dict(target)
    report = dl.convert(
        tmp_path / "a.vtt", tmp_path / "out", to_format=options.pop("format"), **options
    )
    assert codes(report) == {("notice", "image.format"): 1, ("dropped", "shape.text"): 1}


@targets
def test_a_record_without_a_place_in_the_target_needs_no_size(
    tmp_path: Path, target: dict[str, Any]
) -> None:
    found = data_set(
        image=(dl.Item(name="a.png", width=9, height=9), [BOX]),
        other=(dl.Item(name="b.png"), [dl.Polyline([[1, 1], [1, 9]], "x"), BOX]),
    )
    found.write(tmp_path / "in", format="dataloop")
    options = dict(target)
    to = options.pop("format")
    report = dl.convert(tmp_path / "in", tmp_path / "out", to_format=to, on_error="skip", **options)
    told = codes(report)
    told.pop(("repaired", "image.size"), None)
    told.pop(("approximated", "geometry.box_to_polygon"), None)
    reason = "polygon.zero_area" if target.get("task") == "detect" else "geometry.line"
    assert told == {("skipped", "image.size"): 1, ("dropped", reason): 1}
    assert report.read == report.written + report.approximated + report.dropped == 3


def test_images_without_a_size_are_still_asked_for(tmp_path: Path) -> None:
    found = data_set(image=(dl.Item(name="a.png"), [BOX]))
    with pytest.raises(dl.FormatError, match="no known size"):
        found.write(tmp_path / "out.json", format="coco")
