"""Drawn, then read: the same segmentations, as long as they do not overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scenes import SOME

import dlgeom as dl
from dlgeom import render
from dlgeom.geometry.segments import distinct_ids, id_map, rgb_of


@st.composite
def partitions(draw: st.DrawFn) -> dl.AnnotationCollection:
    """Draw masks that do not overlap, each with a label of its own."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    owners = draw(
        st.lists(st.integers(0, 4), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    )
    ids = np.array(owners).reshape(shape)
    builder = dl.Item(width=shape[1], height=shape[0]).annotations.builder()
    for number in draw(st.permutations(range(1, 5))):
        if (ids == number).any():
            builder.add(dl.Segmentation(ids == number, f"label {number}"))
    return builder


def shapes(collection: dl.AnnotationCollection) -> set[dl.Definition]:
    return {one.annotation_definition for one in collection}


@SOME
@given(partitions())
def test_masks_of_label_ids(scene) -> None:
    ids = render.label_map(scene)
    found = scene.show(annotation_format="instance", label_instance_dict=ids)
    assert shapes(dl.AnnotationCollection.from_instance_mask(found, ids)) == shapes(scene)


@SOME
@given(partitions())
def test_masks_of_colours(scene) -> None:
    colors = dict(zip(render.label_map(scene), render.palette(4), strict=False))
    mask = render.color_mask(scene, colors=colors)
    assert shapes(dl.AnnotationCollection.from_color_mask(mask, colors)) == shapes(scene)


@SOME
@given(partitions(), st.booleans())
def test_panoptic_pictures(scene, wished) -> None:
    for k, annotation in enumerate(scene):
        annotation.id = 70_000 + 7 * k if wished else None
        annotation.crowd = k % 2 == 1
    picture = render.panoptic(scene)
    names = {number: name for name, number in render.label_map(scene).items()}
    for mask in (picture.ids, picture.rgb):
        again = dl.AnnotationCollection.from_panoptic(mask, picture.segments_info, names)
        assert [one.annotation_definition for one in again] == [
            one.annotation_definition for one in scene
        ]
        assert [one.crowd for one in again] == [one.crowd for one in scene]
        if wished:
            assert [one.id for one in again] == [one.id for one in scene]
    for entry, annotation in zip(picture.segments_info, scene, strict=True):
        left, top, right, bottom = annotation.bounds
        assert entry["bbox"] == [left, top, right - left, bottom - top]
        assert entry["area"] == annotation.area


@given(st.lists(st.one_of(st.none(), st.booleans(), st.text(max_size=2), st.integers(-2, 12))))
def test_ids_are_distinct_and_wishes_are_granted_once(wishes) -> None:
    given_ids = distinct_ids(wishes)
    assert len(set(given_ids)) == len(wishes)
    granted = set()
    for wish, number in zip(wishes, given_ids, strict=True):
        assert number >= 1
        if type(wish) is int and wish >= 1 and wish not in granted:
            assert number == wish
            granted.add(wish)


@given(st.lists(st.integers(0, (1 << 24) - 1), min_size=1))
def test_ids_and_colours_are_the_same(ids) -> None:
    array = np.array([ids], dtype=np.uint32)
    assert_array_equal(id_map(rgb_of(array)), array)


def test_what_is_covered_wholly_is_no_segment() -> None:
    boxes = [dl.Box(0, 0, 2, 2, "a"), dl.Box(0, 0, 3, 3, "b")]
    picture = render.panoptic(boxes, {"a": 5, "b": 6}, width=4, height=4)
    assert [entry["category_id"] for entry in picture.segments_info] == [6]
    with pytest.raises(dl.UsageError, match="no category id"):
        render.panoptic(boxes, {"a": 5}, width=4, height=4)


def test_panoptic_input_is_checked() -> None:
    read = dl.AnnotationCollection.from_panoptic
    with pytest.raises(dl.UsageError, match="mask has shape"):
        read(np.zeros((2, 2, 2)), [], {})
    with pytest.raises(dl.UsageError, match="category 7"):
        read(np.ones((2, 2), dtype=int), [{"id": 1, "category_id": 7}], {1: "a"})
    with pytest.raises(dl.UsageError, match="mask has shape"):
        read(np.full((2, 2), -1), [], {})
    found = read(np.ones((2, 2), dtype=int), [{"id": 1, "category_id": 1},
                 {"id": 2, "category_id": 1}], [{"id": 1, "name": "a"}])  # fmt: skip
    assert len(found) == 1


def test_ids_are_read_in_the_order_of_the_map() -> None:
    def read(mask, ids):
        return dl.AnnotationCollection.from_instance_mask(mask, ids)

    ids = np.array([[0, 1, 7], [7, 7, 300]], dtype=np.int32)
    found = read(ids, {"dog": 7, "gone": 5, "none": 0, "cat": 1, "same": 7, "$default": 300})
    assert [(one.label, one.area) for one in found] == [
        ("dog", 3), ("none", 1), ("cat", 1), ("same", 3),
    ]  # fmt: skip
    for one in found:
        expected = ids == {"dog": 7, "none": 0, "cat": 1, "same": 7}[one.label]
        assert_array_equal(one.annotation_definition.to_mask(), expected)
    assert [one.area for one in read(ids > 0, {"thing": 1})] == [5]
    assert len(read(np.zeros((0, 3), dtype=int), {"a": 1, "b": 0})) == 0
