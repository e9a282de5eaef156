"""Laws of chunks: columns to objects and back."""

from __future__ import annotations

import numpy as np
import pytest
from chunk_strategies import chunks
from hypothesis import given

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import HOLES, KEYPOINTS, OTHER, OUTLINE, PARTS, Chunk
from dlgeom.definitions import Box, Classification, Description, Point, Polygon, Pose, Segmentation
from dlgeom.geometry.ragged import Rings
from dlgeom.item import Item
from dlgeom.labels import LabelTable

TRIANGLE = [[0, 0], [4, 0], [0, 4]]


@given(chunks())
def test_objects_of_a_chunk_give_the_chunk_back(chunk: Chunk) -> None:
    again = Chunk.of(chunk.pairs())
    assert again == chunk
    # A record without any shape becomes a classification.
    assert np.array_equal(again.shapes, np.where(chunk.shapes, chunk.shapes, OTHER))
    assert chunk == Chunk.of(again.pairs())


@given(chunks())
def test_annotations_of_one_item_are_those_of_the_pairs(chunk: Chunk) -> None:
    for index, (item, found) in enumerate(chunk.pairs()):
        assert chunk.annotations(index) == found
        assert item is chunk.items[index]
        rows = np.flatnonzero(chunk.item == index).tolist()
        assert [chunk.annotation(row) for row in rows] == list(found)


@given(chunks())
def test_looking_at_objects_does_not_change_the_chunk(chunk: Chunk) -> None:
    before = chunk.select(np.arange(len(chunk)))
    for _, found in chunk.pairs():
        for annotation in found:
            annotation.extra["new"] = 1
            annotation.attributes = {"new": 2}
            annotation.id = "new"
            for child in annotation.children:
                child.label = "new"
    assert chunk == before


@given(chunks())
def test_a_table_of_labels_is_only_added_to(chunk: Chunk) -> None:
    table = LabelTable(["first"])
    again = Chunk.of(chunk.pairs(), table)
    assert again == chunk
    assert again.labels is table
    assert table.names[0] == "first"


def _one(*shapes: object, **fields: object) -> Chunk:
    annotation = Annotation(shapes[0], companions=tuple(shapes[1:]), **fields)
    return Chunk.of([(Item(name="a"), AnnotationCollection(None, [annotation]))])


def test_shapes_of_one_record_come_in_the_documented_order() -> None:
    pose = Pose("x", None, points=[Point(1, 2, "0")])
    polygon = Polygon(TRIANGLE, "x")
    mask = Segmentation(np.eye(3), "x")
    turned = Box(0, 0, 2, 2, "x", angle=30)
    chunk = _one(turned, mask, polygon, pose, stored_bounds=(0.0, 1.0, 2.0, 3.0))
    found = chunk.annotation(0)
    assert [type(shape) for shape in found.shapes] == [Pose, Polygon, Segmentation, Box]
    assert found.shapes[1:] == (polygon, mask, turned)
    assert found.stored_bounds == (0.0, 1.0, 2.0, 3.0)


def test_a_box_alone_is_a_definition_and_beside_a_polygon_is_stored_bounds() -> None:
    box = Box(0, 0, 4, 4, "x")
    assert _one(box).annotation(0).annotation_definition == box
    found = _one(Polygon(TRIANGLE, "x"), box).annotation(0)
    assert found.stored_bounds == box.bounds
    assert found.companions == ()


def test_parts_and_holes_show_in_the_bits() -> None:
    hole = [[1, 1], [2, 1], [1, 2]]
    two = Polygon.from_parts([[TRIANGLE, hole], [np.add(TRIANGLE, 9)]], "x")
    assert _one(two).shapes.tolist() == [OUTLINE | PARTS | HOLES]


@pytest.mark.parametrize(
    "shapes",
    [
        [Point(1, 2, "x")],
        [Classification("x")],
        [Description("words")],
        [Polygon(TRIANGLE, "x"), Polygon(TRIANGLE, "x")],
        [Pose("x", "t")],
    ],
    ids=["point", "classification", "description", "two polygons", "pose without points"],
)
def test_what_has_no_column_stays_an_object(shapes: list[object]) -> None:
    chunk = _one(*shapes, id=7, stored_bounds=(0.0, 0.0, 1.0, 1.0), object_id="3")
    assert chunk.shapes[0] & OTHER
    found = chunk.annotation(0)
    assert found.shapes == tuple(shapes)
    assert (found.id, found.object_id) == (7, "3")
    assert found.stored_bounds == (0.0, 0.0, 1.0, 1.0)


def test_fields_without_a_column_go_to_extra_so_that_a_loss_is_counted() -> None:
    definition = Box(0, 0, 1, 1, "x", ["a", "b"], "words")
    chunk = _one(definition, status="approved", object_id="3", extra={"status": "own"})
    assert chunk.extra == {
        0: {"status": "own", "attributes": ["a", "b"], "object_id": "3", "description": "words"}
    }
    assert list(chunk.annotation(0).attributes) == ["a", "b"]


def test_an_object_of_a_row_follows_a_change_of_labels() -> None:
    chunk = _one(Point(1, 2, "x"))
    changed = chunk.relabel(lambda index: index, LabelTable(["y"]))
    assert changed.annotation(0).label == "y"
    assert chunk.annotation(0).label == "x"


def test_poses_take_names_and_skeleton_from_the_label_and_give_them_back() -> None:
    pose = Pose("x", None, points=[Point(1, 2, "eye"), Point(3, 4, "nose")], skeleton=[(0, 1)])
    chunk = _one(pose)
    assert chunk.shapes.tolist() == [KEYPOINTS]
    assert chunk.labels[0].keypoints == ("eye", "nose")
    found = chunk.annotation(0).annotation_definition
    assert isinstance(found, Pose)
    assert (found.names, found.skeleton) == (("eye", "nose"), ((0, 1),))
    assert [point.visibility for point in found.points] == [2, 2]


def test_rows_without_order_are_grouped_for_the_pairs() -> None:
    chunk = Chunk.build(
        items=[Item(name="a"), Item(name="b")],
        item=np.array([1, 0, 1]),
        labels=LabelTable(),
        label=np.array([-1, -1, -1]),
        ids=[1, 2, 3],
    )
    found = [[annotation.id for annotation in annotations] for _, annotations in chunk.pairs()]
    assert found == [[2], [1, 3]]
    assert [annotation.id for annotation in chunk.annotations(1)] == [1, 3]
    assert isinstance(chunk.annotation(0).annotation_definition, Classification)


def test_polygons_of_a_chunk_are_views_and_read_only() -> None:
    outline = Rings.of([[[TRIANGLE]], [[TRIANGLE, TRIANGLE]]])
    chunk = Chunk.build(
        items=[Item()],
        item=np.zeros(2, dtype=np.int32),
        labels=LabelTable(),
        label=np.full(2, -1),
        outline=outline,
    )
    for annotation in chunk.annotations(0):
        for ring in annotation.annotation_definition.rings:
            assert np.shares_memory(ring, outline.xy)
            assert not ring.flags.writeable
