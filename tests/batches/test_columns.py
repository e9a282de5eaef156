"""Columns of a collection: rows aligned, views where promised, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chunk_strategies import chunks, definitions
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import boxes, masks, rotated_boxes

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.batches import Columns, from_arrays
from dlgeom.chunk import Chunk
from dlgeom.conversions import to_rotated_box, to_segmentation
from dlgeom.definitions import (
    Box,
    Classification,
    Cube,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry.ragged import Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable


@st.composite
def collections(draw: st.DrawFn) -> AnnotationCollection:
    """Draw annotations of any definitions, some with companions and stored boxes."""
    made = []
    for shape in draw(st.lists(definitions(), max_size=5)):
        annotation = Annotation(shape, score=draw(st.none() | st.floats(0, 1)))
        annotation.crowd = draw(st.booleans())
        if draw(st.booleans()):
            annotation.stored_bounds = tuple(draw(boxes(max_rows=1))[0].tolist())
        made.append(annotation)
    return AnnotationCollection(Item(name="a", width=24, height=24), made)


@settings(max_examples=150)
@given(collections())
def test_rows_are_aligned_with_the_collection(collection: AnnotationCollection) -> None:
    columns = collection.columns()
    names = sorted({a.label for a in collection if a.label is not None})
    ids = {name: k for k, name in enumerate(names, 1)}
    arrays: list[Any] = [
        columns,
        columns.boxes_xyxy(),
        columns.boxes_xyxy(prefer="shape"),
        columns.boxes_rotated(),
        columns.keypoints(),
        columns.scores,
        columns.crowd,
        columns.areas(),
        columns.labels,
        columns.class_ids(ids, missing=-1),
    ]
    assert {len(array) for array in arrays} == {len(collection)}
    assert columns.labels == [a.label for a in collection]
    assert columns.class_ids(ids, missing=-1).tolist() == [ids.get(a.label, -1) for a in collection]
    assert columns.crowd.tolist() == [a.crowd for a in collection]
    np.testing.assert_equal(
        columns.scores, [np.nan if a.score is None else a.score for a in collection]
    )


@settings(max_examples=150)
@given(collections())
def test_boxes_are_those_of_the_shapes(collection: AnnotationCollection) -> None:
    stored, shaped = collection.boxes_xyxy(), collection.boxes_xyxy(prefer="shape")
    for row, annotation in enumerate(collection):
        shape = annotation.annotation_definition
        bounds = np.array(shape.bounds)
        if isinstance(shape, Segmentation) and not shape.area:
            bounds[:] = np.nan
        given_box = annotation.stored_bounds
        if isinstance(shape, Box) and not shape.is_rotated and given_box is not None:
            continue  # two boxes: either may be meant
        wanted = bounds if given_box is None else np.array(given_box)
        np.testing.assert_allclose(stored[row], wanted, atol=1e-9)
        # Key points lie inside of a thing, they do not bound it.
        if (np.isnan(bounds[0]) or isinstance(shape, Pose)) and given_box is not None:
            bounds = np.array(given_box)
        np.testing.assert_allclose(shaped[row], bounds, atol=1e-9)


@settings(max_examples=150)
@given(collections())
def test_columns_and_back_is_the_collection(collection: AnnotationCollection) -> None:
    assert collection.columns().collection() == collection
    assert Columns.of(collection.columns().collection()) == collection.columns()


@settings(max_examples=100)
@given(chunks(), st.data())
def test_rows_of_a_chunk_are_views_that_say_the_same(chunk: Chunk, data: st.DataObject) -> None:
    for index in range(len(chunk.items)):
        columns = Columns.of_item(chunk, index)
        assert columns.collection() == chunk.annotations(index)
        start = data.draw(st.integers(-1, len(columns) + 1))
        stop = data.draw(st.none() | st.integers(-1, len(columns) + 1))
        part = columns[start:stop]
        assert part.collection().annotations == chunk.annotations(index)[start:stop].annotations
        assert columns[::-1][::-1] == columns
        for name in ("bounds", "rotated", "label", "score", "crowd"):
            mine = getattr(part.chunk, name)
            assert not mine.flags.writeable
            if mine.size:
                assert np.shares_memory(mine, getattr(chunk, name))
        if part.chunk.outline.xy.size:
            assert np.shares_memory(part.chunk.outline.xy, chunk.outline.xy)
        if part.chunk.runs.counts.size:
            assert np.shares_memory(part.chunk.runs.counts, chunk.runs.counts)
        if part.chunk.keypoints.values.size:
            assert np.shares_memory(part.chunk.keypoints.values, chunk.keypoints.values)


def test_stored_columns_are_handed_out_without_copies() -> None:
    edges = np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 5.0, 4.0]])
    points = np.arange(12.0).reshape(2, 2, 3)
    points[..., 2] = [[2, 1], [0, 2]]
    score = np.array([0.5, 0.25])
    columns = from_arrays(["a", "b"], boxes_xyxy=edges, keypoints=points, scores=score)
    assert np.shares_memory(columns.boxes_xyxy(), edges)
    assert np.shares_memory(columns.keypoints(), points)
    assert np.shares_memory(columns.scores, score)
    assert np.shares_memory(columns[1:].boxes_xyxy(), edges)
    collection = columns.collection()
    assert np.shares_memory(collection[1].annotation_definition.keypoints, points)
    mask = from_arrays("a", masks=np.eye(4, dtype=bool)[None])
    assert np.shares_memory(mask.runs().counts, mask.chunk.runs.counts)


labels = st.sampled_from(["a", "b", "c d"]) | st.none()


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """Draw arguments of `from_arrays`."""
    count = draw(st.integers(0, 4))
    maybe = st.booleans()
    given_arrays: dict[str, Any] = {"labels": [draw(labels) for _ in range(count)]}
    if draw(maybe):
        table = np.concatenate(
            [np.zeros((0, 4)), *(draw(boxes(max_rows=1))[:1] for _ in range(count))]
        )
        given_arrays["boxes_xyxy"] = table.reshape(count, 4)
    if draw(maybe):
        rows = [draw(rotated_boxes(max_rows=1)) for _ in range(count)]
        given_arrays["boxes_rotated"] = np.concatenate([np.zeros((0, 5)), *rows])
    if draw(maybe) and count:
        shape = draw(masks(6)).shape
        given_arrays["masks"] = np.array([draw(masks(shape=shape)) for _ in range(count)])
    if draw(maybe):
        values = st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.sampled_from([0.0, 1.0, 2.0]))
        sizes = draw(st.integers(1, 3))
        given_arrays["keypoints"] = np.array(
            [[draw(values) for _ in range(sizes)] for _ in range(count)]
        ).reshape(count, sizes, 3)
    if draw(maybe):
        given_arrays["scores"] = np.array([draw(st.floats(0, 1)) for _ in range(count)])
    if draw(maybe):
        given_arrays["crowd"] = np.array([draw(maybe) for _ in range(count)], dtype=bool)
    return given_arrays


@settings(max_examples=300)
@given(arrays())
def test_arrays_to_a_collection_and_back_are_the_arrays(given_arrays: dict[str, Any]) -> None:
    collection = AnnotationCollection.from_arrays(**given_arrays)
    columns = collection.columns()
    assert columns.labels == given_arrays["labels"]
    assert len(collection) == len(given_arrays["labels"])
    if "boxes_xyxy" in given_arrays:
        assert np.array_equal(columns.boxes_xyxy(), given_arrays["boxes_xyxy"])
    if "boxes_rotated" in given_arrays:
        assert np.array_equal(columns.boxes_rotated(), given_arrays["boxes_rotated"])
    if "masks" in given_arrays:
        assert np.array_equal(columns.masks(), given_arrays["masks"])
        again = AnnotationCollection.from_arrays(given_arrays["labels"], runs=columns.runs())
        assert np.array_equal(again.masks(), given_arrays["masks"])
    if "keypoints" in given_arrays:
        # No rows, and no length of theirs.
        found = columns.keypoints(given_arrays["keypoints"].shape[1])
        assert np.array_equal(found, given_arrays["keypoints"])
    if "scores" in given_arrays:
        assert np.array_equal(columns.scores, given_arrays["scores"])
    if "crowd" in given_arrays:
        assert np.array_equal(columns.crowd, given_arrays["crowd"])


@settings(max_examples=150)
@given(collections())
def test_masks_are_those_of_each_shape_alone(collection: AnnotationCollection) -> None:
    shape = (24, 24)
    fits = [a for a in collection if getattr(a.annotation_definition, "shape", shape) == shape]
    chosen = AnnotationCollection(collection.item, fits)
    found = chosen.masks(shape)
    assert found.shape == (len(fits), *shape)
    runs = chosen.runs(shape)
    for row, annotation in enumerate(fits):
        definition = annotation.annotation_definition
        if isinstance(definition, Polygon | Segmentation | Ellipse | Cube) or (
            isinstance(definition, Box) and definition.is_rotated
        ):
            try:
                wanted = to_segmentation(definition, shape).to_mask()
            except GeometryError:
                assert isinstance(definition, Cube)
                assert not found[row].any()
                continue
            assert np.array_equal(found[row], wanted)
            assert runs.present[row]
        else:
            assert not found[row].any()
            assert not runs.present[row]


def _mixed() -> AnnotationCollection:
    mask = np.zeros((20, 30), dtype=bool)
    mask[2:5, 3:9] = True
    points = [Point(1, 2, "a"), Point(5, 8, "b", visibility=1), Point(9, 9, "c", visibility=0)]
    pose = Pose("man", None, points=points)
    shapes = [
        Box(1, 2, 3, 4, "box"),
        Box(0, 0, 10, 4, "turned", angle=90),
        Polygon([[0, 0], [8, 0], [8, 4], [0, 4]], "ring"),
        Segmentation(mask, "mask"),
        Segmentation(np.zeros_like(mask), "empty"),
        pose,
        Polyline([[1, 1], [3, 7]], "line"),
        Ellipse(10, 10, 4, 2, 0, "oval"),
        Classification("whole"),
    ]
    return AnnotationCollection(Item(width=30, height=20), [Annotation(shape) for shape in shapes])


def test_each_kind_of_shape_has_its_row() -> None:
    mixed = _mixed()
    nan = [np.nan] * 4
    np.testing.assert_allclose(
        mixed.boxes_xyxy(),
        [
            [1, 2, 3, 4],
            [3, -3, 7, 7],
            [0, 0, 8, 4],
            [3, 2, 9, 5],
            nan,
            [1, 2, 5, 8],
            [1, 1, 3, 7],
            [6, 8, 14, 12],
            nan,
        ],
        atol=1e-9,
    )
    turned = mixed.boxes_rotated()
    wanted = [[2, 3, 2, 2, 0], [5, 2, 10, 4, 90], [4, 2, 8, 4, 0], [6, 3.5, 6, 3, 0]]
    np.testing.assert_allclose(turned[:4], wanted)
    assert np.isnan(turned[[4, 8]]).all()
    np.testing.assert_allclose(turned[7], [10, 10, 8, 4, 0])
    assert mixed.masks().sum(axis=(1, 2)).tolist()[:7] == [0, 28, 32, 18, 0, 0, 0]
    assert mixed.runs().present.tolist() == [0, 1, 1, 1, 1, 0, 0, 1, 0]
    points = mixed.keypoints(4)
    assert points.shape == (9, 4, 3)
    assert points[5].tolist() == [[1, 2, 2], [5, 8, 1], [9, 9, 0], [0, 0, 0]]
    assert not points[[0, 1, 2, 3, 4, 6, 7, 8]].any()
    with pytest.raises(UsageError, match="3 key points; count is 2"):
        mixed.keypoints(2)


def test_a_polygon_beside_a_box_is_fitted_only_on_request() -> None:
    ring = [[2, 0], [4, 2], [2, 4], [0, 2]]
    annotation = Annotation(Polygon(ring, "a"), stored_bounds=(0.0, 0.0, 4.0, 4.0))
    collection = AnnotationCollection(None, [annotation])
    assert collection.boxes_rotated().tolist() == [[2, 2, 4, 4, 0]]
    fitted = collection.boxes_rotated(fit=True)[0]
    assert fitted[2] * fitted[3] == pytest.approx(8)
    assert collection.columns().areas().tolist() == [8]
    lone = AnnotationCollection(None, [Annotation(Polygon(ring, "a"))])
    assert lone.boxes_rotated()[0].tolist() == list(to_rotated_box(Polygon(ring, "a")).rotated)


def test_masks_want_a_size_and_the_same_one() -> None:
    polygon = Annotation(Polygon([[0, 0], [4, 0], [4, 4]], "a"))
    with pytest.raises(GeometryError, match="row 0 is an outline and the size"):
        AnnotationCollection(None, [polygon]).masks()
    with pytest.raises(GeometryError, match="size of the image is not known"):
        AnnotationCollection(None, []).masks()
    assert AnnotationCollection(None, []).masks((3, 4)).shape == (0, 3, 4)
    mask = Annotation(Segmentation(np.ones((3, 4)), "a"))
    assert AnnotationCollection(None, [mask]).masks().shape == (1, 3, 4)
    with pytest.raises(GeometryError, match="mask of row 0 is"):
        AnnotationCollection(None, [mask]).masks((4, 4))


def test_a_missing_label_is_an_error_or_the_id_asked_for() -> None:
    mixed = AnnotationCollection.from_arrays(["a", None, "b"])
    assert mixed.class_ids({"a": 7, "b": 7}, missing=0).tolist() == [7, 0, 7]
    with pytest.raises(UsageError, match="without a label has no id"):
        mixed.class_ids({"a": 1, "b": 1})
    with pytest.raises(UsageError, match="label 'b' has no id; the map has 'a'"):
        mixed[2:].class_ids({"a": 1})


def test_class_ids_come_back_as_labels() -> None:
    columns = from_arrays(class_ids=[2, 1, 2], id_to_label={1: "a", 2: "b"})
    assert columns.labels == ["b", "a", "b"]
    assert from_arrays(class_ids=np.array([0, 1]), id_to_label=["x", "y"]).labels == ["x", "y"]
    assert len(from_arrays(class_ids=[], id_to_label=[])) == 0
    table = LabelTable(["z", "b"])
    assert from_arrays(["b"], label_table=table).label.tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"boxes_xyxy": [[1, 2, 3]]}, r"boxes_xyxy has shape \(1, 3\); it is \(N, 4\)"),
        ({"boxes_xyxy": [[3, 2, 1, 4]]}, "row 0 is .*low to high"),
        ({"boxes_xyxy": [[0, 0, np.inf, 4]]}, "infinite"),
        ({"boxes_xyxy": [[0, 0, np.nan, 4]]}, "some NaN"),
        ({"boxes_xyxy": "x"}, "no array of numbers"),
        ({"boxes_rotated": [[0, 0, -1, 4, 0]]}, "negative width"),
        ({"labels": ["a"], "scores": [1, 2]}, "labels has 1 rows, scores 2"),
        ({"labels": [3]}, "label 3 is no text"),
        ({"labels": ["a"], "class_ids": [1]}, "both given"),
        ({"class_ids": [1]}, "need id_to_label"),
        ({"class_ids": [1.5], "id_to_label": {}}, "whole numbers"),
        ({"class_ids": [3], "id_to_label": {1: "a"}}, "class id 3 has no name"),
        ({"masks": np.zeros((1, 2, 3)), "runs": Runs.empty(1)}, "both given"),
        ({"masks": np.zeros((2, 3))}, "masks has shape"),
        ({"masks": [[["a"]]]}, "bools or numbers"),
        ({"masks": np.full((1, 2, 3), np.nan)}, "masks have NaN"),
        ({"keypoints": [[[1, 2, 2], [np.nan] * 3]]}, "row 0 has NaN for some of its points"),
        ({"keypoints": [[[np.nan] * 3], [[1, 2, 0.9]]]}, "row 1 has the visibility 0.9; it is 0"),
        (
            {"runs": Runs.of([(np.array([3], dtype=np.uint32), (2, 2))])},
            "run lengths of row 0 do not add up",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        from_arrays(**arguments)


def test_rows_that_are_not_there_are_refused() -> None:
    columns = from_arrays(["a", "b"], boxes_xyxy=np.zeros((2, 4)))
    assert columns[[-1, 0]].labels == ["b", "a"]
    assert columns[np.array([True, False])].labels == ["a"]
    assert len(columns[[]]) == 0
    assert columns[::2].labels == ["a"]
    for rows in ([2], [-3]):
        with pytest.raises(IndexError):
            columns[rows]
    for wrong in ([True], ["a"], 1.5):
        with pytest.raises(UsageError):
            columns[wrong]  # type: ignore[index]
    two = columns.collection()
    chunk = Chunk.of([(Item(name="a"), two), (Item(name="b"), two)])
    with pytest.raises(UsageError, match="rows of 2 items"):
        Columns(chunk)
    with pytest.raises(UsageError, match="no item 2"):
        Columns.of_item(chunk, 2)
    assert Columns.of_item(chunk, 1).item.name == "b"
    shuffled = chunk.select(np.array([2, 0, 3, 1]))
    assert Columns.of_item(shuffled, 1).item.name == "b"
    assert Columns.of_item(shuffled, 1).labels == ["a", "b"]
    assert from_arrays(["a"]) != from_arrays(["b"])
    assert repr(columns) == "Columns(2 rows)"


def test_a_point_that_nobody_calls_visible_comes_back_equal() -> None:
    points = [Point(1, 2, "a"), Point(3, 4, None), Point(5, 6, "b", visibility=1)]
    pose = Pose("man", "t", "i", points=points, skeleton=[(0, 2), (2, 1)])
    said = Pose(
        "man",
        "t",
        "i",
        points=[Point(1, 2, "a", visibility=2), Point(3, 4, "", visibility=2), points[2]],
        skeleton=[(0, 2), (2, 1)],
    )
    assert pose == said
    assert hash(pose) == hash(said)
    assert pose.is_close(said, atol=0.1)
    hidden = Pose("man", "t", "i", points=[Point(1, 2, "a", visibility=0), *points[1:]])
    assert pose != hidden
    assert not pose.is_close(hidden, atol=0.1)
    words = Point(1, 2, "a", None, "words")
    assert pose != Pose("man", "t", "i", points=[words, *points[1:]], skeleton=pose.skeleton)
    collection = AnnotationCollection(Item(name="a"), [Annotation(pose)])
    columns = collection.columns()
    assert columns.keypoints().shape == (1, 3, 3)
    assert columns.collection() == collection
