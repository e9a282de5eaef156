"""Laws that hold for every definition."""

from __future__ import annotations

import copy
import math
import pickle

import msgspec
import numpy as np
import pytest
from chunk_strategies import definitions
from hypothesis import given

import dlgeom.definitions
from dlgeom.definitions import (
    Box,
    Classification,
    Comparison,
    Cube,
    Cube3d,
    Definition,
    Description,
    Ellipse,
    FreeText,
    Gis,
    Message,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    RefImage,
    Segmentation,
    Subtitle,
    Text,
    UndefinedAnnotationType,
)
from dlgeom.errors import GeometryError, UsageError

EXAMPLES: list[Definition] = [
    Box(0, 1, 2, 3, "x"),
    Box(0, 1, 2, 3, "x", angle=30),
    Polygon([[0, 0], [4, 0], [0, 4]], "x"),
    Segmentation(np.eye(4), "x"),
    Point(1, 2, "x"),
    Pose("x", "t", points=[Point(1, 2, "a"), Point(3, 4, "b")]),
    Classification("x"),
    Description("words", label="x"),
    Polyline([[0, 0], [4, 0]], "x"),
    Polyline([[[0, 0], [4, 0]], [[1, 1], [2, 2]]], "x"),
    Ellipse(1, 2, 3, 4, 30, "x"),
    Cube.from_boxes_and_angle(0, 0, 4, 4, 1, 1, 5, 5, "x", 20),
    Cube3d("x", [0, 0, 9], [1, 2, 3], [0, 0, 0.5]),
    Subtitle("words", "x"),
    Note(1, 2, 3, 4, "x", messages=[Message("1", "me", 5, "words")]),
    Comparison({"a": [1, 2]}, "x"),
    FreeText("words", "x"),
    Text("block", 3, 9, "x"),
    RefImage("abc", label="x"),
    Gis("point", [1, 2], "x"),
    UndefinedAnnotationType("hologram", "x", [{"x": 1}]),
]
NO_PLACE = (
    Classification,
    Comparison,
    Cube3d,
    Description,
    FreeText,
    Gis,
    Pose,
    RefImage,
    Subtitle,
    Text,
    UndefinedAnnotationType,
)
each_example = pytest.mark.parametrize("shape", EXAMPLES, ids=lambda shape: type(shape).__name__)


def test_there_is_an_example_of_each_definition() -> None:
    kinds = {getattr(dlgeom.definitions, name) for name in dlgeom.definitions.__all__}
    assert {type(shape) for shape in EXAMPLES} == kinds - {Definition, Message}


def test_type_strings_are_those_of_the_platform() -> None:
    assert {type(shape).__name__: shape.type for shape in EXAMPLES} == {
        "Box": "box",
        "Polygon": "segment",
        "Segmentation": "binary",
        "Point": "point",
        "Pose": "pose",
        "Classification": "class",
        "Description": "item_description",
        "Polyline": "polyline",
        "Ellipse": "ellipse",
        "Cube": "cube",
        "Cube3d": "cube_3d",
        "Subtitle": "subtitle",
        "Note": "note",
        "Comparison": "comparison",
        "FreeText": "text",
        "Text": "text_mark",
        "RefImage": "ref_image",
        "Gis": "gis",
        "UndefinedAnnotationType": "hologram",
    }


def _pickled(shape: Definition) -> Definition:
    again = pickle.loads(pickle.dumps(shape))
    assert isinstance(again, Definition)
    return again


@given(definitions())
def test_pickled_and_copied_definitions_are_equal_with_equal_hash(shape: Definition) -> None:
    for again in (_pickled(shape), copy.copy(shape), copy.deepcopy(shape)):
        assert again == shape
        assert hash(again) == hash(shape)
        assert type(again) is type(shape)


@given(definitions(), definitions())
def test_equal_definitions_have_equal_hashes(one: Definition, other: Definition) -> None:
    assert (one == other) == (other == one)
    if one == other:
        assert hash(one) == hash(other)


@given(definitions())
def test_replacing_fields_and_putting_them_back_is_identity(shape: Definition) -> None:
    changed = shape.replace(label="other", attributes={"k": 1}, description="words")
    assert (changed.label, changed.attributes, changed.description) == ("other", {"k": 1}, "words")
    assert changed.is_close(changed, atol=0)
    back = changed.replace(
        label=shape.label, attributes=shape.attributes, description=shape.description
    )
    assert back == shape


@given(definitions())
def test_hash_leaves_attributes_and_description_out(shape: Definition) -> None:
    assert hash(shape.replace(attributes={"k": [1]}, description="w")) == hash(shape)


@given(definitions())
def test_arrays_handed_out_do_not_change_the_definition(shape: Definition) -> None:
    before = copy.deepcopy(shape), hash(shape), repr(shape)
    arrays = [shape.geo] if isinstance(shape.geo, np.ndarray) else shape.geo
    for array in [*arrays, shape.x, shape.y]:
        if isinstance(array, np.ndarray) and array.flags.writeable:
            array[...] = 0
    assert (shape, hash(shape), repr(shape)) == before


@given(definitions())
def test_bounds_hold_the_geometry(shape: Definition) -> None:
    left, top, right, bottom = shape.bounds
    if math.isnan(left):
        assert isinstance(shape, NO_PLACE)
        return
    assert left <= right
    assert top <= bottom
    assert not isinstance(shape, NO_PLACE) or isinstance(shape, Pose)
    if not isinstance(shape, Box):
        assert (shape.left, shape.top, shape.right, shape.bottom) == shape.bounds
        assert (shape.width, shape.height) == (right - left, bottom - top)


@given(definitions())
def test_attributes_are_a_copy_that_goes_into_json(shape: Definition) -> None:
    msgspec.json.encode(shape.attributes)
    assert isinstance(shape.attributes, dict | list)


@given(definitions())
def test_coordinates_go_into_json_and_reading_them_changes_nothing(shape: Definition) -> None:
    before = hash(shape), repr(shape)
    assert msgspec.json.encode(shape.coordinates) == msgspec.json.encode(shape.coordinates)
    assert (hash(shape), repr(shape)) == before


@each_example
def test_fields_cannot_be_set(shape: Definition) -> None:
    for name in ("label", "attributes", "description", "nothing_such"):
        with pytest.raises(AttributeError):
            setattr(shape, name, None)
    with pytest.raises(AttributeError):
        del shape.label


@each_example
def test_repr_is_short_and_names_the_type(shape: Definition) -> None:
    text = repr(shape)
    assert text.startswith(type(shape).__name__ + "(")
    assert "'x'" in text
    assert len(text) < 100


@each_example
def test_definitions_of_other_types_are_not_equal(shape: Definition) -> None:
    assert [shape == other for other in EXAMPLES].count(True) == 1
    assert shape != "x"


def test_negative_zero_equals_zero_and_hashes_alike() -> None:
    pairs = [
        (Box(-0.0, 0, 1, 1), Box(0.0, -0.0, 1, 1)),
        (Point(-0.0, 1, "x"), Point(0.0, 1, "x")),
        (Polygon([[-0.0, 0], [1, 0], [0, 1]], "x"), Polygon([[0, 0], [1, -0.0], [0, 1]], "x")),
        (
            Pose("x", None, points=[Point(-0.0, 0, "a")]),
            Pose("x", None, points=[Point(0, 0, "a")]),
        ),
    ]
    for one, other in pairs:
        assert one == other
        assert hash(one) == hash(other)


def test_attributes_cannot_be_changed_from_inside_or_outside() -> None:
    given_values = {"a": [1, {"b": 2}]}
    box = Box(0, 0, 1, 1, "x", given_values)
    given_values["a"][1]["b"] = 3  # type: ignore[index]
    given_values["c"] = []
    assert box.attributes == {"a": [1, {"b": 2}]}
    with pytest.raises(TypeError, match="read-only"):
        box.attributes["a"] = 1
    with pytest.raises(TypeError, match="read-only"):
        box.attributes["a"].append(1)
    with pytest.raises(TypeError, match="read-only"):
        box.attributes["a"][1].update(b=3)
    with pytest.raises(TypeError, match="read-only"):
        box.attributes |= {"b": 1}


def test_attributes_inside_of_tuples_and_sets_are_copied_too() -> None:
    inner, names, raw = [1], {"a"}, bytearray(b"x")
    box = Box(0, 0, 1, 1, "x", {"pair": (inner, 2), "names": names, "raw": raw})
    inner.append(2)
    names.add("b")
    raw.append(0)
    assert box.attributes == {"pair": ([1], 2), "names": {"a"}, "raw": b"x"}
    with pytest.raises(TypeError, match="read-only"):
        box.attributes["pair"][0].append(3)


def test_attributes_may_be_a_list_of_strings() -> None:
    assert list(Point(1, 2, "x", ["a", "b"]).attributes) == ["a", "b"]
    assert Point(1, 2, "x", []) == Point(1, 2, "x", {}) == Point(1, 2, "x")


@pytest.mark.parametrize("wrong", ["text", 5, {1: 2}, [1, 2]])
def test_other_attributes_are_refused(wrong: object) -> None:
    with pytest.raises(UsageError, match="attribute"):
        Classification("x", wrong)


@pytest.mark.parametrize("make", [Classification, lambda label: Box(0, 0, 1, 1, label)])
def test_a_label_that_is_no_text_is_refused(make: object) -> None:
    with pytest.raises(UsageError, match="label is 3"):
        make(3)  # type: ignore[operator]


def test_is_close_allows_a_distance_and_nothing_else() -> None:
    ring = np.array([[0, 0], [4, 0], [0, 4]])
    near = Polygon(ring + 0.25, "x")
    assert near.is_close(Polygon(ring, "x"), atol=0.25)
    assert not near.is_close(Polygon(ring, "x"), atol=0.2)
    assert not near.is_close(Polygon(ring, "y"), atol=9)
    assert not near.is_close(Polygon([*ring.tolist(), [1, 1]], "x"), atol=9)
    assert Box(0, 0, 1, 1, angle=1).is_close(Box(0, 0, 1, 1), atol=1)
    pose, other = (Pose("x", "t", points=[Point(x, 1, "a")]) for x in (1, 1.5))
    assert pose.is_close(other, atol=0.5)
    assert not pose.is_close(other, atol=0.4)
    assert not pose.is_close(Point(1, 1, "x"), atol=9)


def test_what_has_no_place_has_no_geometry() -> None:
    for shape in (Classification("x"), Description("words"), Pose("x", "t")):
        assert all(math.isnan(value) for value in (*shape.bounds, shape.width))
        assert len(shape.geo) == 0
        assert shape.area == 0


@pytest.mark.parametrize("wrong", [0.5, 3, -1])
def test_visibility_is_0_1_or_2(wrong: float) -> None:
    with pytest.raises(GeometryError, match="visibility"):
        Point(1, 2, "x", visibility=wrong)


def test_description_needs_text() -> None:
    with pytest.raises(UsageError, match="text is 3"):
        Description(3)  # type: ignore[arg-type]
    assert repr(Description("word " * 30)).endswith("...')")
