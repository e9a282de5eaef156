"""The report: everything is counted once, and told with where it came from."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.chunk import Chunk
from dlgeom.converters.base import APPROXIMATED, DROPPED, Losses
from dlgeom.converters.measures import mask_ious
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Entry, Problems
from dlgeom.converters.report import EXAMPLES, Report
from dlgeom.errors import FormatError, InternalError, LimitError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable

CODES = (("geometry.box", "became a box"), ("ref.category", "has no class"), ("x.y", "other"))
SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])


def rows(count: int, **columns: Any) -> Chunk:
    return Chunk.build(
        items=[Item(name="a.jpg", width=8, height=8, number=0)],
        item=np.zeros(count, dtype=np.int32),
        labels=LabelTable(["cat"]),
        label=np.zeros(count, dtype=np.int32),
        ids=list(range(100, 100 + count)),
        **columns,
    )


def losses_of(status: list[int], code: list[int], measure: list[float] | None = None) -> Losses:
    losses = Losses.none(len(status), CODES)
    losses.status[:] = status
    losses.code[:] = np.where(losses.status > 0, code, -1)
    if measure is not None:
        losses.measure[:] = measure
    return losses


@st.composite
def outcomes(draw: st.DrawFn) -> Losses:
    """Draw what a writer could answer for a chunk."""
    count = draw(st.integers(0, 40))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    measures = column(st.floats(0, 1) | st.just(float("nan")))
    losses = losses_of(column(st.integers(0, 2)), column(st.integers(0, 2)), measures)
    losses.fields.update(draw(st.dictionaries(st.sampled_from("ab"), st.integers(1, 9))))
    return losses


tellings = st.lists(st.sampled_from(["skipped", "repaired", "warning", "notice"]), max_size=30)


@given(st.lists(outcomes(), max_size=4), tellings)
def test_read_is_written_and_approximated_and_dropped(
    answers: list[Losses], told: list[str]
) -> None:
    report = Report()
    problems = Problems(strict=False, listener=report.tell)
    for status in told:
        getattr(problems, status)("number.range", "is far away")
    for losses in answers:
        report.add(rows(len(losses.status)), losses)
    report.check()
    counts = report.summary()["annotations"]
    assert counts["read"] == sum(len(losses.status) for losses in answers) + told.count("skipped")
    assert counts["read"] == counts["written"] + counts["approximated"] + counts["dropped"]
    assert counts["written"] == sum(int((losses.status == 0).sum()) for losses in answers)
    assert report.skipped == told.count("skipped")
    assert report.repaired == told.count("repaired")
    for (status, code), kind in report.codes.items():
        assert len(kind.examples) == min(kind.count, EXAMPLES)
        if status in ("approximated", "dropped"):
            number = {"approximated": APPROXIMATED, "dropped": DROPPED}[status]
            index = [name for name, _ in CODES].index(code)
            hits = [(a.status == number) & (a.code == index) for a in answers]
            assert kind.count == sum(int(hit.sum()) for hit in hits)
            known = np.concatenate([a.measure[hit] for a, hit in zip(answers, hits, strict=True)])
            known = known[~np.isnan(known)]
            assert kind.least == (known.min() if len(known) else None)
    assert report.exit_code() == bool({"skipped", "repaired"} & set(told))
    lossless = not (counts["approximated"] or counts["dropped"] or report.fields)
    assert report.lossless == lossless
    assert (report.exit_code(fail_on_loss=True) == 0) == (lossless and report.exit_code() == 0)


@given(st.lists(outcomes(), max_size=3), tellings)
def test_the_file_has_an_entry_for_each_loss(answers: list[Losses], told: list[str]) -> None:
    class Memory:
        data = b""

        def write(self, data: bytes) -> None:
            self.data += data

    memory, report = Memory(), Report()
    report.attach(memory)  # type: ignore[arg-type]
    problems = Problems(strict=False, listener=report.tell)
    for status in told:
        getattr(problems, status)("number.range", "is far away", path="a.json", location="x[1]")
    for losses in answers:
        report.add(rows(len(losses.status)), losses)
    report.finish_stream()
    found = json.loads(memory.data)
    assert found["dlgeom_report"] == 1
    due = report.summary()
    assert {key: found[key] for key in due} == json.loads(json.dumps(due))
    by_status: dict[str, int] = {}
    for entry in found["entries"]:
        by_status[entry["status"]] = by_status.get(entry["status"], 0) + 1
    for status in ("skipped", "repaired", "warning", "notice", "approximated", "dropped"):
        assert by_status.get(status, 0) == report._total(status)  # type: ignore[arg-type]
    ids = [entry["annotation_id"] for entry in found["entries"] if entry["status"] == "dropped"]
    assert all(isinstance(identifier, int) for identifier in ids)


@given(st.lists(outcomes(), max_size=3))
def test_a_report_is_a_value(answers: list[Losses]) -> None:
    first, second = Report(), Report()
    for report in (first, second):
        for losses in answers:
            report.add(rows(len(losses.status)), losses)
    second.seconds = 12.5
    assert first == second
    assert pickle.loads(pickle.dumps(first)) == first
    assert copy.deepcopy(first) == first
    second.written += 1
    assert first != second
    assert first != 3
    with pytest.raises(TypeError):
        hash(first)


def test_a_report_with_a_file_can_be_pickled(tmp_path: Path) -> None:
    with Output(tmp_path / "r.json", single=True) as output, output.file("r.json") as stream:
        report = Report()
        report.attach(stream)
        assert pickle.loads(pickle.dumps(report)) == report
        report.finish_stream()


def test_entries_of_another_report_are_told_once(tmp_path: Path) -> None:
    opening = Report()
    for number in range(3):
        opening.tell(Entry(status="skipped", code="a.b", message="m", annotation_id=number))
    for name in ("one.json", "two.json"):
        with Output(tmp_path / name, single=True) as output, output.file(name) as stream:
            report = Report()
            report.attach(stream)
            report.include(opening)
            report.tell(Entry(status="skipped", code="a.b", message="m", annotation_id=3))
            report.finish_stream()
        found = json.loads((tmp_path / name).read_bytes())
        assert [entry["annotation_id"] for entry in found["entries"]] == [0, 1, 2, 3]
        assert found["skipped"] == report.skipped == 4
    assert opening.skipped == 3
    many = Report()
    for _ in range(50):
        many.tell(Entry(status="notice", code="a.b", message="m"))
    report.include(many)
    assert report.codes["notice", "a.b"].count == 50
    assert len(report.codes["notice", "a.b"].examples) == EXAMPLES


@given(st.lists(st.lists(st.integers(0, 5000) | st.just(-1), max_size=20), max_size=6))
def test_an_image_is_counted_once(numbers: list[list[int]]) -> None:
    report, seen, fresh = Report(), set(), []
    for some in numbers:
        fresh += [item.number for item in report.add_items([Item(number=k) for k in some])]
        seen.update(number for number in some if number >= 0)
    known = [number for number in fresh if number >= 0]
    assert sorted(known) == sorted(seen)
    assert report.images == len(fresh) == len(seen) + sum(some.count(-1) for some in numbers)


def test_a_writer_has_to_answer_for_each_row() -> None:
    report = Report()
    with pytest.raises(InternalError, match="answered for 2 of 3"):
        report.add(rows(3), Losses.none(2, CODES))
    silent = Losses.none(1, CODES)
    silent.status[0] = DROPPED
    with pytest.raises(InternalError, match="without saying why"):
        report.add(rows(1), silent)
    report = Report()
    report.written = 1
    with pytest.raises(InternalError, match="read 0, but written 1"):
        report.check()


def test_the_table_can_be_read() -> None:
    report = Report()
    report.target_format = "yolo"
    report.add_items([Item(number=k) for k in range(1234)])
    losses = losses_of([1, 2, 0, 1], [0, 1, 0, 0], [0.25, np.nan, np.nan, 0.5])
    losses.fields.update({f"field{k}": 1 for k in range(EXAMPLES + 3)})
    losses.fields["id"] = 1500
    report.add(rows(4), losses)
    head, values, *lines = report.table().splitlines()
    assert head.split() == ["images", "read", "written", "approximated", "dropped", "seconds"]
    assert values.split()[:-1] == ["1,234", "4", "1", "2", "1"]
    assert len(head) == len(values)
    assert lines[0] == (
        "approximated 2 geometry.box: became a box, least 0.25 "
        "(first: annotations[0] annotation 100)"
    )
    assert lines[1].startswith("dropped 1 ref.category: has no class (first: annotations[1]")
    assert lines[2].startswith("fields without a place in yolo: id 1,500, field0 1, ")
    assert lines[2].endswith("other fields 4")
    assert repr(report) == "Report(read=4, written=1, approximated=2, dropped=1)"


def test_the_pixels_of_what_was_written_instead_are_compared() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[0:4, 0:2] = True
    shapes: list[dict[str, Any]] = [
        {"outline": Rings.of([[[SQUARE * [0.5, 1.0]]]])},
        {"runs": Runs.of([(rle.encode(mask), mask.shape)])},
        {"rotated": np.array([[1.0, 2.0, 2.0, 4.0, 0.0]])},
        {"bounds": np.array([[0.0, 0.0, 2.0, 4.0]])},
    ]
    for columns in shapes:
        losses = losses_of([1], [0])
        losses.replaced = Rings.of([[[SQUARE]]])
        report = Report()
        report.add(rows(1, **columns), losses)
        assert report.codes["approximated", "geometry.box"].least == 0.5
    losses.replaced = Rings.of([[[SQUARE]]])
    assert np.isnan(mask_ious(rows(1), np.arange(1), losses.replaced)).all()


def test_names_that_are_no_text_are_written_with_escapes(tmp_path: Path) -> None:
    with Output(tmp_path / "r.json", single=True) as output, output.file("r.json") as stream:
        report = Report()
        report.source = "a\udcff"
        report.attach(stream)
        report.tell(Entry(status="notice", code="a.b", message="m", path="b\udcff"))
        report.finish_stream()
    found = json.loads((tmp_path / "r.json").read_bytes())
    assert (found["source"], found["entries"][0]["path"]) == ("a\udcff", "b\udcff")


def test_strict_problems_raise_and_notices_do_not() -> None:
    heard: list[Entry] = []
    strict = Problems(strict=True, listener=heard.append)
    for name in ("skipped", "repaired", "warning"):
        with pytest.raises(FormatError, match=r"a\.json:x annotation 7: m \[number\.range\]"):
            getattr(strict, name)("number.range", "m", path="a.json", location="x", annotation_id=7)
    with pytest.raises(LimitError):
        strict.skipped("limit.points", "m")
    with pytest.raises(FormatError):
        strict.file(FormatError("m"))
    strict.notice("path.reserved", "m")
    assert [entry.status for entry in heard] == ["notice"]
    lenient = Problems(strict=False)
    lenient.file(FormatError("m", code="json.syntax", path="p"))
    lenient.skipped("a.b", "m")
    assert lenient.counts == {"file": 1, "skipped": 1}
    assert [entry.status for entry in lenient.entries] == ["file", "skipped"]
