"""ItemReader and ItemWriter: objects in and out, columns in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlgeom import Annotation, AnnotationCollection, Item
from dlgeom.chunk import Chunk
from dlgeom.converters.base import Meta, ReadContext, WriteContext
from dlgeom.converters.items import ItemLosses, ItemReader, ItemRecord, ItemWriter, fields_of
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.converters.report import Report
from dlgeom.definitions import Box, Subtitle
from dlgeom.labels import LabelTable


class Reader(ItemReader):
    """Items k of n boxes and a subtitle, those of every third left out with a word."""

    unit = "box {}"

    def __init__(self, count: int, context: ReadContext) -> None:
        super().__init__(Meta(format="test", labels=LabelTable()), context)
        self._count = count

    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        for k in range(self._count):
            item = Item(name=f"{k}.jpg", width=9, height=9)
            if k % 3 == 2:
                problems.skipped("type.number", "bad", path=f"{k}.txt")
                yield ItemRecord(item, [], f"{k}.txt")
                continue
            made = [Annotation(Box(0, 0, n + 1, 2, f"label {k % 2}")) for n in range(k % 4)]
            made.append(Annotation(Subtitle("x", "words"), start_time=1.0))
            yield ItemRecord(item, made, f"{k}.txt", [10 * n for n in range(len(made))])


class Writer(ItemWriter):
    """Drops subtitles and the third box of an item, and remembers what it was given."""

    codes = (("shape.text", "words"), ("geometry.rounded", "third"))

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self.given: list[tuple[str, int, str]] = []

    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        assert item.name is not None
        self.given.append((item.name, len(annotations), where))
        for position, annotation in enumerate(annotations):
            losses.fields.update(fields_of(annotation))
            if annotation.type == "subtitle":
                losses.drop(position, "shape.text")
                losses.drop(position, "geometry.rounded")
                losses.approximate(position, "geometry.rounded")
            elif position == 2:
                losses.approximate(position, "geometry.rounded", 0.5)
                losses.approximate(position, "shape.text", 0.1)


def reader_of(count: int) -> tuple[Reader, Problems]:
    problems = Problems(strict=False)
    return Reader(count, ReadContext(problems=problems)), problems


def test_chunks_tell_items_rows_and_places() -> None:
    reader, problems = reader_of(700)
    chunks = list(reader.chunks(grouped=True))
    assert len(chunks) > 1
    items = [item for chunk in chunks for item in chunk.items]
    assert [item.number for item in items] == list(range(700))
    assert [item.name for item in items] == [f"{k}.jpg" for k in range(700)]
    orders = [order for chunk in chunks for order in chunk.order.tolist()]
    assert orders == list(range(len(orders)))
    for chunk in chunks:
        assert chunk.labels is reader.meta.labels
        assert Chunk.of(chunk.pairs(), chunk.labels) == chunk
        for row in range(len(chunk)):
            item = chunk.items[chunk.item[row]]
            place = row - int(chunk.item_offsets[chunk.item[row]])
            assert chunk.where(row) == {
                "path": f"{item.number}.txt",
                "location": f"box {10 * place}",
                "annotation_id": None,
            }
    assert reader.meta.labels.names == ["words", "label 1", "label 0"]
    assert problems.counts == {"skipped": 233}
    assert [len(chunk) for chunk in reader.chunks(grouped=False)] == [len(c) for c in chunks]


def test_kinds_are_found_without_a_word() -> None:
    reader, problems = reader_of(5)
    assert reader.kinds() == {"box", "other"}
    assert reader.count() is None
    assert problems.counts == {}


def test_losses_reach_the_report_with_their_places(tmp_path: Path) -> None:
    reader, problems = reader_of(700)
    report = Report()
    with Output(tmp_path / "out", dry_run=True) as output:
        writer = Writer(WriteContext(output=output, meta=reader.meta, problems=problems))
        for chunk in reader.chunks(grouped=True):
            report.add(chunk, writer.write(chunk))
        writer.finish()
    report.check()
    assert [name for name, _, _ in writer.given] == [f"{k}.jpg" for k in range(700)]
    assert {where for _, _, where in writer.given} == {f"{k}.txt" for k in range(700)}
    dropped = report.codes["dropped", "shape.text"]
    assert dropped.count == sum(count > 0 for _, count, _ in writer.given)
    assert (dropped.examples[1].path, dropped.examples[1].location) == ("1.txt", "box 10")
    changed = report.codes["approximated", "geometry.rounded"]
    assert changed.least == 0.5
    assert {entry.location for entry in changed.examples} == {"box 20"}
    assert set(report.codes) == {
        ("dropped", "shape.text"),
        ("approximated", "geometry.rounded"),
    }
    assert report.fields == {"start_time": dropped.count}


def test_fields_are_those_that_say_something() -> None:
    annotation = Annotation(
        Box(0, 0, 1, 1, "a", {"k": 1, "l": 2}, description="d"),
        id=3,
        score=0.5,
        crowd=True,
        stored_area=2.0,
        stored_bounds=(0, 0, 1, 1),
        extra={"mine": 1},
        children=(Annotation(Box(0, 0, 1, 1, "b")),),
        object_id="7",
        frame_num=0,
        automated=False,
    )
    assert sorted(fields_of(annotation)) == [
        "area", "attributes.k", "attributes.l", "automated", "bbox", "children", "description",
        "frame_num", "id", "iscrowd", "mine", "object_id", "score",
    ]  # fmt: skip
    assert not list(fields_of(Annotation(Box(0, 0, 1, 1, None))))
    assert list(fields_of(Annotation(Box(0, 0, 1, 1, "a", ["x"])))) == ["attributes"]


def test_a_reader_has_to_have_records() -> None:
    with pytest.raises(TypeError, match="abstract"):
        ItemReader(Meta(format="x", labels=LabelTable()), ReadContext(problems=Problems()))
