"""Data sets: streams of items with annotations."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pytest
from chunk_strategies import chunks
from hypothesis import given

from dlgeom.annotation import AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.dataset import Dataset
from dlgeom.definitions import Box, Point, Polygon, Pose, Segmentation
from dlgeom.errors import DlgeomError
from dlgeom.item import Item


def _pairs() -> list[tuple[Item, AnnotationCollection]]:
    first = Item(name="a.jpg", width=64, height=48, id=1).annotations.builder()
    first.add(Box(1, 2, 30, 40, "cat"))
    first.add([Polygon([[0, 0], [40, 0], [0, 40]], "dog"), Segmentation(np.eye(48, 64), "cat")])
    second = Item(name="b/c.jpg", width=10, height=10, id=2).annotations.builder()
    pose = Pose("man", None, points=[Point(1, 2, "eye"), Point(3, 4, "ear")], skeleton=[(0, 1)])
    second.add(pose)
    third = Item(name="empty.jpg", width=5, height=5, id=3).annotations.builder()
    return [(each.item, each) for each in (first, second, third)]


@given(chunks())
def test_pairs_in_memory_are_the_same_stream(chunk: Chunk) -> None:
    dataset = Dataset.from_pairs(chunk.pairs())
    for _ in range(2):
        assert [annotations for _, annotations in dataset] == [a for _, a in chunk.pairs()]
    assert len(dataset) == len(chunk.items)


def test_a_data_set_can_be_read_again_and_knows_its_labels() -> None:
    dataset = Dataset.from_pairs(_pairs(), labels=["man"])
    assert dataset.labels.names == ["man", "cat", "dog"]
    assert list(dataset) == list(dataset)
    assert [item.name for item, _ in dataset] == ["a.jpg", "b/c.jpg", "empty.jpg"]
    assert [item.number for item, _ in dataset] == [0, 1, 2]
    assert dataset.reader.kinds() == {"box", "outline", "runs", "keypoints"}
    assert sum(len(chunk) for chunk in dataset.chunks(grouped=False)) == 4
    assert repr(dataset) == "Dataset(format='memory', 3 labels)"


def test_many_items_come_in_several_chunks() -> None:
    items = [Item(name=str(k)) for k in range(2500)]
    dataset = Dataset.from_pairs((item, item.annotations.builder()) for item in items)
    sizes = [len(chunk.items) for chunk in dataset.chunks(needs=frozenset())]
    assert sizes == [1000, 1000, 500]


def test_a_length_that_is_not_known_is_a_type_error() -> None:
    class Reader:
        def count(self) -> None:
            return None

    dataset = Dataset(Reader())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not known"):
        len(dataset)
    assert dataset


def test_a_reader_is_closed_with_its_data_set() -> None:
    closed = []

    class Reader:
        def chunks(self, *, grouped: bool) -> list[Chunk]:
            return [Chunk.of(_pairs())]

        def close(self) -> None:
            closed.append(True)

    with Dataset(Reader()) as dataset:  # type: ignore[arg-type]
        assert sum(1 for _ in dataset) == 3
        assert not closed
    assert closed == [True]
    found = [len(chunk) for chunk in Dataset(Reader()).chunks() if len(closed) == 1]  # type: ignore[arg-type]
    assert found == [4]
    gc.collect()
    assert closed == [True, True]


def test_an_unknown_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DlgeomError):
        Dataset.open(tmp_path / "nothing", format="coco")


def test_objects_written_as_coco_are_read_back(tmp_path: Path) -> None:
    dataset = Dataset.from_pairs(_pairs())
    report = dataset.write(tmp_path / "out.json", format="coco")
    assert (report.read, report.written, report.images) == (4, 4, 3)
    names = [
        image["file_name"] for image in json.loads((tmp_path / "out.json").read_text())["images"]
    ]
    assert names == ["a.jpg", "b/c.jpg", "empty.jpg"]
    again = Dataset.open(tmp_path / "out.json")
    found = {item.name: annotations for item, annotations in again}
    for item, given_ones in _pairs():
        for mine, theirs in zip(given_ones, found[item.name], strict=True):
            assert theirs.annotation_definition.is_close(
                mine.annotation_definition, atol=0
            ) or isinstance(mine.annotation_definition, Pose)
    assert again.path == tmp_path / "out.json"


def test_writing_into_the_source_is_refused(tmp_path: Path) -> None:
    Dataset.from_pairs(_pairs()).write(tmp_path / "out.json", format="coco")
    before = (tmp_path / "out.json").read_bytes()
    with pytest.raises(DlgeomError, match="source"):
        Dataset.open(tmp_path / "out.json").write(
            tmp_path / "out.json", format="coco", overwrite=True
        )
    assert (tmp_path / "out.json").read_bytes() == before


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    report = Dataset.from_pairs(_pairs()).write(tmp_path / "out", format="voc", dry_run=True)
    assert report.read == 4
    assert list(tmp_path.iterdir()) == []
