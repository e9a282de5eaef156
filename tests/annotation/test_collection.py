"""Collections: masks in and out, parents, tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions import Box, Point, Pose, Segmentation
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.labels import LabelTable


@given(arrays(np.int64, (5, 7), elements=st.integers(0, 4)))
def test_an_instance_mask_becomes_the_masks_of_its_ids(ids: np.ndarray) -> None:
    names = {"a": 1, "b": 3, "$default": 0, "c": 9}
    found = AnnotationCollection.from_instance_mask(ids, names)
    assert [a.label for a in found] == [n for n in "ab" if (ids == names[n]).any()]
    for annotation in found:
        mask = annotation.annotation_definition.to_mask()
        assert np.array_equal(mask, ids == names[annotation.label])


def test_an_instance_mask_fills_the_collection_that_it_is_called_on() -> None:
    builder = Item(name="a").annotations.builder()
    builder.labels = LabelTable(["dog", "cat"])
    assert builder.from_instance_mask(np.array([[0, 1], [2, 2]])) is builder
    assert [a.label for a in builder] == ["cat", "dog"]
    again = AnnotationCollection.from_instance_mask(np.array([[0, 7]]))
    assert [a.label for a in again] == ["7"]
    with pytest.raises(UsageError, match="holds ids"):
        AnnotationCollection.from_instance_mask(np.zeros((2, 2)))


def test_a_colour_mask_becomes_one_mask_for_each_colour() -> None:
    picture = np.zeros((2, 3, 3), dtype=np.uint8)
    picture[0, 1] = (255, 0, 0)
    picture[1] = (0, 10, 0)
    found = AnnotationCollection.from_color_mask(
        picture, {"red": (255, 0, 0), "green": (0, 10, 0), "blue": (0, 0, 9)}
    )
    assert {a.label: a.area for a in found} == {"red": 1, "green": 3}
    with pytest.raises(UsageError, match="holds colours"):
        AnnotationCollection.from_color_mask(picture[..., 0], {})


@given(st.lists(arrays(np.bool_, (4, 5)), min_size=1, max_size=4))
def test_merged_masks_are_the_union(masks: list[np.ndarray]) -> None:
    builder = AnnotationCollection()
    for mask in masks:
        builder.add(Segmentation(mask, "cat"))
    builder.add(Segmentation(masks[0], "cat"), object_id=2)
    builder.add(Box(1, 2, 3, 4, "cat"))
    merged = builder.merge_masks()
    assert [a.type for a in merged] == ["binary", "binary", "box"]
    assert np.array_equal(merged[0].annotation_definition.to_mask(), np.any(masks, axis=0))
    assert len(builder) == len(masks) + 2
    assert np.array_equal(builder[0].annotation_definition.to_mask(), masks[0])


def test_parents_are_annotations_or_their_ids() -> None:
    pose = Annotation.new(annotation_definition=Pose("person", "t"))
    builder = AnnotationCollection()
    builder.add(pose)
    builder.add([Point(1, 2, "nose"), Point(3, 4, "eye")], parent_id=pose)
    assert pose.id is not None
    assert {a.parent_id for a in builder[1:]} == {pose.id}
    pose.parent_id = "x"
    builder.add(Box(0, 0, 1, 1, "a"))
    builder[-1].id, builder[-1].parent_id = "x", pose.id
    with pytest.raises(UsageError, match="own ancestor"):
        builder.add(Point(1, 2, "ear"), parent_id=pose)
    assert len(builder) == 4


def test_print_shows_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    builder = AnnotationCollection()
    builder.add(Box(1, 2, 3, 4, "cat"), model_info={"name": "m", "confidence": 0.5})
    builder.add(Point(1, 2, "nose"))
    text = builder.print(to_return=True)
    assert text is not None
    assert text.splitlines()[1].split()[:4] == ["0", "box", "cat", "1"]
    assert "0.5" in text
    assert builder.print(columns=["label"]) is None
    assert capsys.readouterr().out.split() == ["label", "0", "cat", "1", "nose"]
    with pytest.raises(UsageError, match="no such attribute"):
        builder.print(columns=["lable"])


def test_slices_are_collections_of_the_same_item() -> None:
    builder = Item(name="a").annotations.builder()
    builder.add([Box(k, 0, k + 1, 1, "a") for k in range(5)])
    part = builder[1:4:2]
    assert isinstance(part, AnnotationCollection)
    assert [a.left for a in part] == [1, 3]
    assert part.item is builder.item


def test_a_circle_is_refused_of_annotations_too() -> None:
    first, second = Annotation(Point(1, 2, "a"), "x"), Annotation(Point(1, 2, "b"), "y")
    first.parent_id, second.parent_id = "y", "x"
    builder = AnnotationCollection()
    with pytest.raises(UsageError, match="own ancestor"):
        builder.add([first, second])
    first.parent_id = "x"
    with pytest.raises(UsageError, match="own ancestor"):
        builder.add(first)
    assert len(builder) == 0
