"""The words of a report: its keys, its JSON and its table are what scripts and people read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.chunk import Chunk
from dlgeom.converters.base import APPROXIMATED, DROPPED, Losses
from dlgeom.converters.problems import Entry
from dlgeom.converters.report import EXAMPLES, Report
from dlgeom.item import Item
from dlgeom.labels import LabelTable

CODES = (("geometry.box", "became a box"), ("ref.category", "has no class"))
EMPTY = {
    "source": "",
    "source_format": "",
    "target": "",
    "target_format": "",
    "task": None,
    "dry_run": False,
    "images": 0,
    "annotations": {"read": 0, "written": 0, "approximated": 0, "dropped": 0},
    "filtered": 0,
    "filtered_images": 0,
    "skipped": 0,
    "repaired": 0,
    "files_skipped": 0,
    "files_written": 0,
    "seconds": 0.0,
    "codes": [],
    "fields": {},
}


class Memory:
    data = b""

    def write(self, data: bytes) -> None:
        self.data += data


def rows(count: int) -> Chunk:
    return Chunk.build(
        items=[Item(name="a.jpg", width=8, height=8, number=0)],
        item=np.zeros(count, dtype=np.int32),
        labels=LabelTable(["cat"]),
        label=np.zeros(count, dtype=np.int32),
        ids=list(range(100, 100 + count)),
    )


def lost(statuses: list[int], measures: list[float] | None = None) -> Losses:
    losses = Losses.none(len(statuses), CODES)
    losses.status[:] = statuses
    losses.code[:] = np.array([-1, 0, 1])[losses.status]
    if measures is not None:
        losses.measure[:] = measures
    return losses


def test_the_summary_of_nothing_has_every_key() -> None:
    assert Report().summary() == EMPTY
    assert list(Report().summary()) == list(EMPTY)


def test_the_summary_of_something_has_it_under_its_key() -> None:
    report = Report()
    report.source, report.source_format = "in", "coco"
    report.target, report.target_format = "out", "yolo"
    report.task, report.dry_run, report.files = "detect", True, 7
    report.filtered, report.filtered_images, report.seconds = 5, 2, 1.23456
    report.add_items([Item(number=0), Item(number=1), Item(number=0)])
    report.add(rows(3), lost([APPROXIMATED, 0, DROPPED], [0.5, np.nan, np.nan]))
    report.add(rows(2), lost([0, 0]))
    for status in ("skipped", "repaired", "file"):
        report.tell(Entry(status=status, code="x.y", message=f"was {status}"))
    report.fields.update({"id": 3})
    assert report.summary() == {
        **EMPTY,
        "source": "in",
        "source_format": "coco",
        "target": "out",
        "target_format": "yolo",
        "task": "detect",
        "dry_run": True,
        "images": 2,
        "annotations": {"read": 6, "written": 3, "approximated": 1, "dropped": 2},
        "filtered": 5,
        "filtered_images": 2,
        "skipped": 1,
        "repaired": 1,
        "files_skipped": 1,
        "files_written": 7,
        "seconds": 1.235,
        "codes": [
            {
                "status": "approximated",
                "code": "geometry.box",
                "count": 1,
                "message": "became a box",
                "least": 0.5,
            },
            {"status": "dropped", "code": "ref.category", "count": 1, "message": "has no class"},
            {"status": "skipped", "code": "x.y", "count": 1, "message": "was skipped"},
            {"status": "repaired", "code": "x.y", "count": 1, "message": "was repaired"},
            {"status": "file", "code": "x.y", "count": 1, "message": "was file"},
        ],
        "fields": {"id": 3},
    }


@given(st.lists(st.integers(0, 3), max_size=5))
def test_the_file_is_one_entry_a_line(measures: list[int]) -> None:
    report, memory = Report(), Memory()
    report.attach(memory)  # type: ignore[arg-type]
    kept = [value / 4 for value in measures]
    report.add(rows(len(kept)), lost([APPROXIMATED] * len(kept), kept))
    report.finish_stream()
    found = json.loads(memory.data)
    assert [entry["measure"] for entry in found["entries"]] == kept
    lines = memory.data.decode().splitlines()
    assert lines[:2] == [
        "{",
        '  "dlgeom_report": 1,',
    ]
    start = lines.index('  "entries": [' if kept else '  "entries": [],')
    if kept:
        assert lines[start + len(kept) + 1] == "  ],"
        assert all(line.startswith("    {") for line in lines[start + 1 : start + 1 + len(kept)])
    # A second file of the same report starts anew.
    again = Memory()
    report.attach(again)  # type: ignore[arg-type]
    report.finish_stream()
    assert json.loads(again.data)["entries"] == []


def test_examples_are_kept_up_to_their_number_and_counted_beyond() -> None:
    report = Report()
    for _ in range(3):
        report.add(rows(EXAMPLES), lost([DROPPED] * EXAMPLES))
    kind = report.codes["dropped", "ref.category"]
    assert kind.count == 3 * EXAMPLES
    assert len(kind.examples) == EXAMPLES


def test_measures_that_are_unknown_are_left_out() -> None:
    report = Report()
    report.add(rows(2), lost([APPROXIMATED, APPROXIMATED], [np.nan, 0.75]))
    kind = report.codes["approximated", "geometry.box"]
    assert [entry.measure for entry in kind.examples] == [None, 0.75]
    assert kind.least == 0.75


@pytest.mark.parametrize(
    ("records", "images", "line"),
    [
        (0, 0, None),
        (3, 0, "filtered 3 records: left out as asked for"),
        (1234, 5678, "filtered 1,234 records, 5,678 images: left out as asked for"),
        (0, 2, "filtered 0 records, 2 images: left out as asked for"),
    ],
)
def test_what_was_filtered_is_said(records: int, images: int, line: str | None) -> None:
    report = Report()
    report.filtered, report.filtered_images = records, images
    assert report.table().splitlines()[2:] == ([] if line is None else [line])


@pytest.mark.parametrize("more", [0, 1, 5])
def test_fields_beyond_the_most_frequent_are_counted(more: int) -> None:
    report = Report()
    report.target_format = "voc"
    report.fields.update({f"f{k:02d}": 2 for k in range(EXAMPLES + more)})
    line = report.table().splitlines()[-1]
    assert line.startswith("fields without a place in voc: f00 2, f01 2, ")
    assert ("other fields" in line) == bool(more)
    if more:
        assert line.endswith(f"other fields {more}")


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({}, ""),
        ({"path": "a.json"}, " (first: a.json)"),
        ({"location": "x[1]"}, " (first: x[1])"),
        ({"path": "a.json", "location": "x[1]"}, " (first: a.json:x[1])"),
        ({"path": "a", "location": "b", "annotation_id": 7}, " (first: a:b annotation 7)"),
    ],
)
def test_the_line_of_a_code_says_where(place: dict[str, Any], shown: str) -> None:
    report = Report()
    report.tell(Entry(status="skipped", code="a.b", message="is\n  bad", **place))
    assert report.table().splitlines()[-1] == f"skipped 1 a.b: is bad{shown}"


def test_the_first_image_may_have_the_number_0() -> None:
    report = Report()
    assert len(report.add_items([Item(number=0)])) == 1
    assert len(report.add_items([Item(number=0), Item(number=1)])) == 1
    assert report.images == 2
