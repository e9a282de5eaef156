"""Id maps: only ids that were given, painted in order, whatever the shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pycocotools import mask as coco
from scenes import LABELS, SOME, scenes

import dlgeom as dl
from dlgeom import render
from dlgeom.conversions import to_segmentation
from dlgeom.render.scene import in_order

THICKNESSES = st.sampled_from((None, -1, 1, 2, 5))
RULES = st.sampled_from(("exact", "fast"))
IDS = {"a": 1, "b": 200, "c": 77_000, "d": 0, "$default": 9}


@SOME
@given(scenes(), THICKNESSES, RULES, st.sampled_from(("later", "earlier", "void")))
def test_only_given_ids_occur(scene, thickness, rule, overlap) -> None:
    found = render.label_ids(scene, IDS, thickness=thickness, rule=rule, overlap=overlap)
    assert found.dtype == np.int32
    assert found.shape == scene.item.shape
    allowed = {IDS[one.label] for one in scene} | {9} | ({255} if overlap == "void" else set())
    assert set(np.unique(found).tolist()) <= allowed


@SOME
@given(scenes(), THICKNESSES, RULES)
def test_later_annotations_are_painted_on_top(scene, thickness, rule) -> None:
    options = {"thickness": thickness, "rule": rule}
    stack = render.instance_stack(scene, **options)
    expected = np.zeros(scene.item.shape, dtype=np.int64)
    for place in in_order(list(scene)):
        expected[stack[place]] = place + 1
    assert_array_equal(render.instance_ids(scene, **options), expected)
    # The earlier one wins where the order is turned around.
    for place in reversed(in_order(list(scene))):
        expected[stack[place]] = place + 1
    assert_array_equal(render.instance_ids(scene, overlap="earlier", **options), expected)


@SOME
@given(scenes())
def test_overlaps_are_void_or_an_error(scene) -> None:
    claims = render.instance_stack(scene).sum(axis=0)
    found = render.instance_ids(scene, overlap="void", void=99)
    assert_array_equal(found == 99, claims > 1)
    if (claims > 1).any():
        with pytest.raises(dl.GeometryError, match="one owner"):
            render.instance_ids(scene, overlap="error")
    else:
        assert_array_equal(render.instance_ids(scene, overlap="error"), render.instance_ids(scene))


@SOME
@given(scenes(), THICKNESSES, RULES, st.data())
def test_a_window_is_a_part_of_the_whole(scene, thickness, rule, data) -> None:
    height, width = scene.item.shape
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right = data.draw(st.integers(left + 1, width))
    bottom = data.draw(st.integers(top + 1, height))
    options = {"thickness": thickness, "rule": rule}
    whole = render.instance_ids(scene, **options)
    part = render.instance_ids(scene, window=(left, top, right, bottom), **options)
    assert_array_equal(part, whole[top:bottom, left:right])


@SOME
@given(scenes())
def test_filled_areas_are_those_of_the_one_rule(scene) -> None:
    stack = render.instance_stack(scene)
    for mask, annotation in zip(stack, scene, strict=True):
        shape = annotation.annotation_definition
        if isinstance(shape, dl.Polygon | dl.Box | dl.Ellipse | dl.Note | dl.Segmentation):
            expected = to_segmentation(shape, scene.item.shape).to_mask()
            assert_array_equal(mask, expected)


@SOME
@given(scenes(), st.integers(1, 3))
def test_the_boundary_lies_on_both_sides_of_edges(scene, reach) -> None:
    plain = render.instance_ids(scene)
    found = render.instance_ids(scene, boundary=reach, void=200)
    inside = found != 200
    assert_array_equal(found[inside], plain[inside])
    differs = np.zeros(plain.shape, dtype=bool)
    for axis in (0, 1):
        edge = np.diff(plain, axis=axis).astype(bool)
        low = [slice(None)] * 2
        high = [slice(None)] * 2
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        differs[tuple(low)] |= edge
        differs[tuple(high)] |= edge
    assert (found[differs] == 200).all()
    if not differs.any():
        assert inside.all()


@SOME
@given(scenes())
def test_one_hot_channels_are_the_ids(scene) -> None:
    ids = {label: k for k, label in enumerate(LABELS, 1)}
    found = render.one_hot(scene, ids)
    assert found.shape == (5, *scene.item.shape)
    assert (found.sum(axis=0) == 1).all()
    assert_array_equal(found.argmax(axis=0), render.label_ids(scene, ids))


@SOME
@given(scenes())
def test_nothing_that_is_drawn_changes(scene) -> None:
    before = [one.copy() for one in scene]
    background = np.full(scene.item.shape, 7, dtype=np.uint8)
    found = render.label_ids(scene, image=background)
    assert (background == 7).all()
    assert list(scene) == before
    assert found is not background


def test_dtypes_are_as_wide_as_the_ids() -> None:
    box = dl.Box(0, 0, 2, 2, "a")
    for number, dtype in ((255, np.uint8), (256, np.uint16), (65_536, np.int32)):
        found = render.label_ids([box], {"a": number}, width=3, height=3)
        assert found.dtype == dtype
        assert found.max() == number
    # The dtype follows from the map, not from what one picture happens to show.
    assert render.label_ids([], {"a": 300}, width=3, height=3).dtype == np.uint16
    with pytest.raises(dl.UsageError, match="too large"):
        render.label_ids([box], {"a": 1 << 31}, width=3, height=3)
    with pytest.raises(dl.UsageError, match="dtype"):
        render.label_ids([box], {"a": 256}, width=3, height=3, dtype=np.uint8)


def test_a_label_outside_of_the_map_is_never_somebody_elses() -> None:
    box = dl.Box(0, 0, 2, 2, "b")
    with pytest.raises(dl.UsageError, match=r"label 'b' is missing.*\$missing"):
        render.label_ids([box], {"a": 1}, width=3, height=3)
    assert render.label_ids([box], {"a": 1}, missing=5, width=3, height=3).max() == 5
    assert render.label_ids([box], {"a": 1, "$missing": 6}, width=3, height=3).max() == 6
    # What draws nothing needs no id.
    assert render.label_ids([dl.Classification("b")], {"a": 1}, width=3, height=3).max() == 0
    with pytest.raises(dl.UsageError, match="has no label"):
        render.label_ids([dl.Box(0, 0, 2, 2)], {"a": 1}, width=3, height=3)


def test_ids_of_objects() -> None:
    builder = dl.Item(width=4, height=2).annotations.builder()
    builder.add(dl.Box(0, 0, 2, 2, "a"), object_id=300)
    assert_array_equal(render.object_ids(builder), [[300, 300, 0, 0]] * 2)
    builder.add(dl.Box(2, 0, 3, 2, "a"))
    with pytest.raises(dl.UsageError, match=r"annotation 1 .*no object id"):
        render.object_ids(builder)
    assert render.object_ids(builder, missing=1)[0, 2] == 1


def test_orders() -> None:
    large, small = dl.Box(0, 0, 4, 4, "l", {"z": 1}), dl.Box(1, 1, 2, 2, "s", {"z": 0})
    size = {"width": 4, "height": 4}
    mask = dl.Segmentation(np.ones((4, 4)), "m", {"z": -1})

    def top(order: object, *shapes: dl.Definition) -> int:
        return int(render.instance_ids(shapes, order=order, **size)[1, 1])

    assert top("given", small, large) == 2
    assert top("area", small, large) == 1
    assert top("z", large, small) == 1
    assert top(lambda one: -one.attributes["z"], large, small) == 2
    assert top("documented", large, mask) == 1
    assert top("given", large, mask) == 2
    assert top(render.by_attribute("z"), large, mask) == 1
    with pytest.raises(dl.UsageError, match="order"):
        top("upside down", large)
    with pytest.raises(dl.UsageError, match="in the order of numbers"):
        top("z", dl.Box(0, 0, 1, 1, "x", {"z": "front"}))


def test_boxes_cover_their_pixels_and_the_quick_rule_one_more() -> None:
    box = dl.Box(10, 5, 30, 20, "a")
    size = {"width": 40, "height": 30}
    assert render.label_ids(box, **size).sum() == 20 * 15
    # The documented result for the platform: left..right, top..bottom inclusive.
    assert render.label_ids(box, rule="fast", **size).sum() == 21 * 16
    line = render.label_ids(box, thickness=1, **size)
    assert line[5, 10:31].all()
    assert line[5:21, 30].all()
    assert line.sum() == 2 * 21 + 2 * 14


def test_the_outline_of_the_whole_image_can_be_seen() -> None:
    found = render.label_ids(dl.Box(0, 0, 8, 6, "a"), width=8, height=6, thickness=1)
    assert found.sum() == 2 * 8 + 2 * 4


@pytest.mark.parametrize(
    "definition",
    [
        dl.Box(-1e9, -1e9, 1e9, 1e9, "a"),
        dl.Box(-9e6, -9e6, 9e6, 9e6, "a"),
    ],
    ids=repr,
)
def test_a_huge_box_fills_the_image(definition) -> None:
    assert render.label_ids(definition, width=5, height=4).all()
    assert not render.label_ids(definition, width=5, height=4, thickness=2).any()


@pytest.mark.parametrize("far", [1e5, 1e8, 1e15])
def test_lines_from_far_outside_pass_through_the_image(far) -> None:
    line = dl.Polyline([[-far, 3], [far, 3]], "a")
    found = render.label_ids(line, width=9, height=7, thickness=1)
    assert_array_equal(found.any(axis=1), np.arange(7) == 3)
    assert found[3].all()
    outside = [
        dl.Point(far, far, "a"),
        dl.Polyline([[-far, -far], [-far, far]], "a"),
        dl.Ellipse(-2e4, 3, 100, 100, 0, "a"),
    ]
    assert not render.label_ids(outside, width=9, height=7, thickness=3).any()


@settings(max_examples=50)
@given(scenes())
def test_equal_to_painting_the_masks_of_pycocotools(scene) -> None:
    shape = scene.item.shape
    expected = np.zeros(shape, dtype=np.int64)
    annotations = [one for one in scene if one.type in ("binary", "segment", "box")]
    for place in in_order(annotations):
        definition = annotations[place].annotation_definition
        if isinstance(definition, dl.Segmentation):
            mask = definition.to_mask()
        else:
            ring = definition.corners if isinstance(definition, dl.Box) else definition.geo
            mask = coco.decode(coco.frPyObjects([ring.ravel().tolist()], *shape))[..., 0]
        expected[mask.astype(bool)] = place + 1
    found = render.instance_ids(annotations, width=shape[1], height=shape[0])
    assert_array_equal(found, expected)


def test_a_large_image_is_painted_window_by_window() -> None:
    item = dl.Item(width=60_000, height=50_000)
    builder = item.annotations.builder()
    builder.add(dl.Box(100, 100, 59_000, 49_000, "a"))
    builder.add(dl.Ellipse(30_000, 25_000, 400, 300, 0, "b"))
    found = render.label_ids(builder, window=(29_900, 24_900, 30_100, 25_100))
    assert (found == 2).all()
    edge = render.label_ids(builder, window=(90, 90, 110, 110))
    assert edge.sum() == 100
    with pytest.raises(dl.LimitError, match="pixels"):
        render.label_ids(builder)


def test_a_pose_with_an_outline_is_its_outline() -> None:
    person = dl.Annotation(
        dl.Pose("person", "t", points=[dl.Point(1, 1, "nose")]),
        companions=(dl.Polygon([[0, 0], [4, 0], [4, 4], [0, 4]], "person"),),
    )
    assert render.label_ids(person, width=6, height=6).sum() == 16


def test_hidden_things_are_left_out_on_request() -> None:
    hidden = dl.Annotation(dl.Box(0, 0, 2, 2, "a"), object_visible=False)
    assert render.label_ids(hidden, width=2, height=2).all()
    assert not render.label_ids(hidden, width=2, height=2, hidden=False).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "size of the picture is not known"),
        ({"width": 0, "height": 4}, "width is 0"),
        ({"width": 4.5, "height": 4}, "width is 4.5"),
        ({"width": 4, "height": 4, "thickness": 0}, "thickness is 0"),
        ({"width": 4, "height": 4, "thickness": 1.5}, "thickness is 1.5"),
        ({"width": 4, "height": 4, "rule": "best"}, "rule is 'best'"),
        ({"width": 4, "height": 4, "overlap": "x"}, "overlap is 'x'"),
        ({"width": 4, "height": 4, "background": -1}, "background is -1"),
        ({"width": 4, "height": 4, "boundary": 0.5}, "boundary is 0.5"),
        ({"width": 4, "height": 4, "window": (0, 0, 5, 4)}, "window is"),
        ({"image": np.zeros((2, 2, 3))}, "ids are painted on ids"),
        ({"image": np.zeros((2, 2))}, "ids are painted on ids"),
    ],
)
def test_wrong_options_are_told(options, message) -> None:
    with pytest.raises(dl.UsageError, match=message):
        render.label_ids([dl.Box(0, 0, 1, 1, "a")], **options)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(dl.GeometryError, match=r"is \(2, 2\), the picture \(4, 4\)"):
        render.label_ids(dl.Segmentation(np.ones((2, 2)), "a"), width=4, height=4)


def test_generators_are_painted_too() -> None:
    found = render.one_hot((dl.Box(k, 0, k + 1, 1, "ab"[k]) for k in range(2)), width=2, height=1)
    assert_array_equal(found.argmax(axis=0), [[1, 2]])


def test_a_shape_that_cannot_be_rasterised_is_named() -> None:
    shapes = [dl.Box(0, 0, 1, 1, "a"), dl.Polygon([[0, 0], [1e8, 0], [0, 1e8]], "far away")]
    for rule in ("exact", "fast"):
        with pytest.raises(dl.GeometryError, match=r"Polygon.*far away.*outside_image"):
            render.label_ids(shapes, width=4, height=4, rule=rule)
    with pytest.raises(dl.GeometryError, match=r"far away.*outside_image"):
        render.overlay(np.zeros((4, 4)), shapes)
    with pytest.raises(dl.GeometryError, match=r"Box.*'b'.*column 1 and row 0"):
        render.label_ids(
            [dl.Box(0, 0, 2, 2, "a"), dl.Box(1, 0, 3, 2, "b")], width=4, height=4, overlap="error"
        )
