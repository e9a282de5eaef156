"""Annotations and their collections."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest
from chunk_strategies import definitions
from hypothesis import given

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions import Box, Classification, Definition, Point, Polygon, Segmentation
from dlgeom.errors import UsageError
from dlgeom.item import Item

BOX = Box(1, 2, 3, 4, "cat", {"k": 1}, "words")


@given(definitions())
def test_geometry_is_that_of_the_definition(shape: Definition) -> None:
    annotation = Annotation(shape)
    names = ("bounds", "left", "top", "right", "bottom", "width", "height", "x", "y", "angle")
    for name in ("geo", "area", "type", "label", "attributes", "description", *names):
        found, expected = getattr(annotation, name), getattr(shape, name)
        assert type(found) is type(expected)
        flat = [found] if not isinstance(found, list) else found
        other = [expected] if not isinstance(expected, list) else expected
        for one, two in zip(flat, other, strict=True):
            if isinstance(one, str | dict | list | None):
                assert one == two
            else:
                assert np.array_equal(one, two, equal_nan=True)


@given(definitions())
def test_pickled_and_copied_annotations_are_equal(shape: Definition) -> None:
    annotation = Annotation(shape, 7, extra={"a": [1]}, children=(Annotation(BOX),))
    for again in (
        pickle.loads(pickle.dumps(annotation)),
        copy.deepcopy(annotation),
        annotation.copy(),
    ):
        assert again == annotation
        again.label = "other"
        again.extra["b"] = 2
        again.children[0].id = 9
        assert annotation.label == shape.label
        assert annotation.extra == {"a": [1]}
        assert annotation.children[0].id is None


@given(definitions(), definitions())
def test_different_is_not_equal_turned_around(one: Definition, two: Definition) -> None:
    assert (one != two) is not (one == two)
    assert (one != one.replace(label=one.label)) is False
    assert (Annotation(one) != Annotation(two)) is not (Annotation(one) == Annotation(two))
    assert (Annotation(one) != Annotation(one)) is False


def test_setting_label_attributes_and_description_makes_a_new_definition() -> None:
    mask = Segmentation(np.eye(2), "cat")
    annotation = Annotation(BOX, companions=(mask,))
    annotation.label = "dog"
    annotation.attributes = {"n": 2}
    annotation.description = "more"
    assert annotation.annotation_definition == Box(1, 2, 3, 4, "dog", {"n": 2}, "more")
    assert annotation.companions == (mask.replace(label="dog"),)
    assert BOX.label == "cat"


def test_new_takes_the_documented_parameters() -> None:
    expected = [
        "item",
        "annotation_definition",
        "object_id",
        "automated",
        "metadata",
        "frame_num",
        "parent_id",
        "start_time",
        "item_height",
        "item_width",
        "end_time",
    ]
    assert list(inspect.signature(Annotation.new).parameters) == expected
    annotation = Annotation.new(
        annotation_definition=BOX,
        object_id=5,
        metadata={"user": {}},
        frame_num=3,
        start_time=0.5,
        item_height=48,
        item_width=64,
    )
    assert annotation.object_id == "5"
    assert annotation.item == Item(width=64, height=48)
    assert (annotation.frame_num, annotation.start_time, annotation.automated) == (3, 0.5, True)
    assert Annotation.new(Item(name="a"), BOX).item == Item(name="a")


def test_an_annotation_may_wait_for_its_definition() -> None:
    annotation = Annotation.new()
    assert annotation.label is None
    assert len(annotation.frames) == 0
    with pytest.raises(UsageError, match="no definition yet"):
        annotation.label = "cat"
    with pytest.raises(UsageError, match="annotation_definition is 5"):
        Annotation.new(annotation_definition=5)  # type: ignore[arg-type]
    annotation.add_frame(BOX, 7)
    assert (annotation.left, annotation.start_frame, annotation.end_frame) == (1, 7, 7)


def test_the_item_does_not_count_in_comparisons() -> None:
    assert Annotation(BOX, item=Item(name="a")) == Annotation(BOX)
    assert Annotation(BOX, id=1) != Annotation(BOX)
    assert Annotation(BOX) != BOX


def test_repr_tells_what_is_set_only() -> None:
    text = repr(Annotation(Box(1, 2, 3, 4, "x"), 7, crowd=True, item=Item()))
    box = "Box(left=1.0, top=2.0, right=3.0, bottom=4.0, label='x')"
    assert text == f"Annotation({box}, id=7, crowd=True)"


def test_add_takes_the_documented_parameters() -> None:
    expected = [
        "self",
        "annotation_definition",
        "object_id",
        "frame_num",
        "end_frame_num",
        "start_time",
        "end_time",
        "automated",
        "fixed",
        "object_visible",
        "metadata",
        "parent_id",
        "model_info",
    ]
    assert list(inspect.signature(AnnotationCollection.add).parameters) == expected


def test_a_builder_is_tied_to_its_item_and_keeps_the_order() -> None:
    item = Item(name="a.jpg", width=64, height=48)
    builder = item.annotations.builder()
    shapes = [BOX, Point(1, 2, "p"), Polygon([[0, 0], [4, 0], [0, 4]], "q")]
    builder.add(shapes[0])
    builder.add(shapes[1:], object_id=3, frame_num=2, end_frame_num=4, object_visible=False)
    assert builder.item is item
    assert [annotation.annotation_definition for annotation in builder] == shapes
    assert builder[-1].item is item
    assert (builder[1].object_id, builder[1].frame_num, builder[1].end_frame_num) == ("3", 2, 4)
    assert not builder[1].object_visible
    part = builder[1:]
    assert isinstance(part, AnnotationCollection)
    assert (len(part), part.item) == (2, item)
    assert part == AnnotationCollection(item, list(builder)[1:])
    assert part != builder
    assert repr(builder) == "AnnotationCollection(3 annotations of 'a.jpg')"


def test_a_ready_annotation_is_taken_as_it_is() -> None:
    annotation = Annotation(BOX, 7)
    builder = AnnotationCollection()
    builder.add([annotation, BOX])
    assert builder[0] is annotation
    assert builder == AnnotationCollection(annotations=[annotation, Annotation(BOX)])


def test_model_info_becomes_metadata_and_score() -> None:
    builder = AnnotationCollection()
    info = {"name": "m", "confidence": 0.75}
    builder.add(BOX, model_info=info, metadata={"user": {"a": 1}, "system": {}})
    assert builder[0].score == 0.75
    assert builder[0].metadata == {"user": {"a": 1, "model": info}, "system": {}}


@pytest.mark.parametrize(
    ("info", "message"),
    [({"name": "m"}, "no confidence"), ({"confidence": 1.5}, r"lies in \[0, 1\]")],
)
def test_bad_model_info_is_refused(info: dict[str, object], message: str) -> None:
    builder = AnnotationCollection()
    with pytest.raises(UsageError, match=message):
        builder.add(BOX, model_info=info)
    assert len(builder) == 0


def test_circular_parents_are_refused() -> None:
    one, other = Annotation(BOX, "1"), Annotation(BOX, "2", parent_id="1")
    builder = AnnotationCollection(annotations=[one, other])
    builder.add(Point(1, 2, "p"), parent_id="2")
    builder.add(Point(1, 2, "p"), parent_id="not here")
    one.parent_id = "2"
    with pytest.raises(UsageError, match="own ancestor"):
        builder.add(Point(1, 2, "p"), parent_id="2")
    assert len(builder) == 4


def test_nothing_is_added_if_one_of_many_is_no_definition() -> None:
    builder = AnnotationCollection()
    with pytest.raises(UsageError, match="annotation_definition is 'box'"):
        builder.add([BOX, "box"])  # type: ignore[list-item]
    assert len(builder) == 0
    with pytest.raises(UsageError, match="no Annotation"):
        AnnotationCollection(annotations=[BOX])  # type: ignore[list-item]


def test_annotations_and_collections_have_no_hash() -> None:
    for value in (Annotation(Classification("x")), AnnotationCollection()):
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)
