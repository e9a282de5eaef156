"""Crops: what is left, how much of it, and what was dropped."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from transform_strategies import SOME, collections, definitions

import dlgeom as dl
from dlgeom import Affine
from dlgeom.errors import GeometryError, UsageError
from dlgeom.transforms import cut_definition, visible_fraction

windows = st.tuples(
    st.integers(-20, 40), st.integers(-20, 40), st.integers(1, 60), st.integers(1, 60)
).map(lambda w: (w[0], w[1], w[0] + w[2], w[1] + w[3]))


def region(d: dl.Definition) -> shapely.Geometry | None:
    """Return what a definition covers."""
    if isinstance(d, dl.Box):
        return shapely.Polygon(d.corners)
    if isinstance(d, dl.Note):
        return shapely.box(*d.bounds)
    if isinstance(d, dl.Polygon):
        parts = [shapely.Polygon(part[0], part[1:]) for part in d.parts]
        return shapely.union_all([p if p.is_valid else shapely.make_valid(p) for p in parts])
    return None


@SOME
@given(
    definitions(kinds=("box", "rotated", "polygon", "note")),
    windows,
)
def test_what_is_left_is_the_intersection(
    d: dl.Definition, window: tuple[int, int, int, int]
) -> None:
    whole = region(d)
    assert whole is not None
    if not whole.area > 1e-6:
        return
    expected = whole.intersection(shapely.box(*window))
    found = d.crop(*window)
    moved = d.translate(-window[0], -window[1])
    size = (window[2] - window[0], window[3] - window[1])
    assert visible_fraction(moved, size) == pytest.approx(expected.area / whole.area, abs=1e-9)
    if found is None:
        assert expected.area <= 1e-9
        return
    got = region(found.translate(window[0], window[1]))
    assert got is not None
    assert got.symmetric_difference(expected).area <= 1e-6
    assert (found.label, found.attributes) == (d.label, d.attributes)


@SOME
@given(definitions(), windows)
def test_what_is_left_lies_in_the_window(
    d: dl.Definition, window: tuple[int, int, int, int]
) -> None:
    found = d.crop(*window)
    left, top, right, bottom = d.bounds
    inside = left >= window[0] and top >= window[1] and right <= window[2] and bottom <= window[3]
    if inside and not isinstance(d, dl.Segmentation):
        assert found == d.translate(-window[0], -window[1])
    if isinstance(d, dl.Segmentation):
        expected = d.translate(-window[0], -window[1])
        if found is None:
            canvas = d.paste((200, 200), 60, 60).crop(*(edge + 60 for edge in window))
            assert canvas is None
        else:
            assert found.shape == (window[3] - window[1], window[2] - window[0])
            assert expected.area >= found.area or window[0] < 0 or window[1] < 0
    if found is None or isinstance(d, dl.Cube) or left != left:
        return
    edges = found.bounds
    assert edges[0] >= 0
    assert edges[1] >= 0
    assert edges[2] <= window[2] - window[0]
    assert edges[3] <= window[3] - window[1]


@SOME
@given(definitions(), windows, st.data())
def test_a_crop_of_a_crop_is_a_crop(
    d: dl.Definition, window: tuple[int, int, int, int], data: st.DataObject
) -> None:
    width, height = window[2] - window[0], window[3] - window[1]
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right = data.draw(st.integers(left + 1, width))
    bottom = data.draw(st.integers(top + 1, height))
    first = d.crop(*window)
    twice = None if first is None else first.crop(left, top, right, bottom)
    x, y = window[:2]
    once = d.crop(x + left, y + top, x + right, y + bottom)
    if isinstance(d, dl.Segmentation | dl.Point | dl.Classification | dl.Note):
        assert (twice is None) == (once is None)
        assert twice is None or twice == once or twice.is_close(once, atol=1e-9)
    elif isinstance(d, dl.Box | dl.Polygon):
        a, b = (None if s is None else region(s) for s in (twice, once))
        area = 0.0 if a is None else a.area
        other = 0.0 if b is None else b.area
        assert area == pytest.approx(other, abs=1e-6)
        if a is not None and b is not None:
            assert a.symmetric_difference(b).area <= 1e-6


@SOME
@given(collections(), windows, st.sampled_from([0.0, 0.25, 1.0]))
def test_everything_is_kept_or_dropped(
    collection: dl.AnnotationCollection, window: tuple[int, int, int, int], least: float
) -> None:
    cut = collection.crop(*window, min_visibility=least)
    rows = sorted([*cut.sources.tolist(), *cut.dropped_sources.tolist()])
    assert rows == list(range(len(collection)))
    assert len(cut.visible) == len(cut.annotations) == len(cut)
    assert len(cut.dropped) == len(cut.dropped_visible)
    assert ((cut.visible >= least) & (cut.visible > 0) & (cut.visible <= 1)).all()
    assert ((cut.dropped_visible < least) | (cut.dropped_visible == 0)).all()
    for source, annotation in zip(cut.dropped_sources, cut.dropped, strict=True):
        assert annotation is collection[int(source)]
    item = cut.annotations.item
    assert item is not None
    assert (item.width, item.height) == (window[2] - window[0], window[3] - window[1])
    for annotation in cut:
        assert annotation.record is None
        assert len({type(s.annotation_definition) for s in annotation.states}) == 1
        if isinstance(annotation.annotation_definition, dl.Segmentation):
            assert annotation.annotation_definition.shape == item.shape


@SOME
@given(collections())
def test_a_crop_to_the_whole_image_cuts_only_what_leaves_it(
    collection: dl.AnnotationCollection,
) -> None:
    cut = Affine.identity((48, 40)).cut(collection)
    for source, visible, annotation in zip(cut.sources, cut.visible, cut, strict=True):
        before = collection[int(source)]
        single = len(before.states) == 1 and not before.companions and not before.children
        left, top, right, bottom = before.stored_bounds or (0, 0, 0, 0)
        inside = left >= 0 and top >= 0 and right <= 48 and bottom <= 40
        # What leaves by less than a rounding is cut, though its visible part rounds to all of it.
        leaves = max(-before.left, -before.top, before.right - 48, before.bottom - 40)
        if single and visible == 1 and inside and not 0 < leaves < 1e-12:
            if isinstance(before.annotation_definition, dl.Pose):
                continue
            assert annotation == before


def test_visible_fractions_of_each_kind() -> None:
    size = (10, 10)
    mask = np.zeros((10, 20), bool)
    mask[2:4, 8:12] = True
    cases: list[tuple[dl.Definition, float]] = [
        (dl.Box(5, 5, 15, 15, "a"), 0.25),
        (dl.Box(0, 5, 20, 5, "no height"), 0.5),
        (dl.Box(3, 3, 3, 3, "a point"), 1.0),
        (dl.Box(13, 3, 13, 3, "a point"), 0.0),
        (dl.Box(10, 0, 20, 10, "touches"), 0.0),
        (dl.Box.from_rotated([10, 5, 4, 4, 45], "a"), 0.5),
        (dl.Polygon([[5, 0], [15, 0], [15, 10], [5, 10]], "a"), 0.5),
        (dl.Polyline([[0, 5], [40, 5]], "a"), 0.25),
        (dl.Point(10, 10, "a"), 1.0),
        (dl.Point(10.1, 10, "a"), 0.0),
        (dl.Note(5, 5, 15, 10, "a"), 0.5),
        (dl.Segmentation(mask, "a"), 0.5),
        (dl.Segmentation(np.zeros((10, 20)), "empty"), 0.0),
        (dl.Pose("a", "t", points=[dl.Point(1, 1, "x"), dl.Point(11, 1, "y")]), 0.5),
        (dl.Pose("a", "t", points=[]), 1.0),
        (dl.Cube.from_boxes_and_angle(5, 0, 15, 10, 5, 0, 15, 10, "a"), 0.5),
        (dl.Classification("a"), 1.0),
        (dl.Gis("point", [1, 2]), 1.0),
    ]
    for definition, expected in cases:
        assert visible_fraction(definition, size) == pytest.approx(expected), definition
        found, _ = cut_definition(definition, size)
        assert (found is None) == (expected == 0), definition
    ellipse = dl.Ellipse(10, 5, 3, 2, 0, "a")
    assert visible_fraction(ellipse, size) == pytest.approx(0.5, abs=1e-6)
    assert isinstance(ellipse.crop(0, 0, 10, 10), dl.Polygon)
    assert ellipse.crop(0, 0, 20, 20) == ellipse


def test_a_rotated_box_that_is_cut_becomes_what_is_asked_for() -> None:
    box = dl.Box.from_rotated([10, 5, 4, 4, 45], "a")
    assert isinstance(box.crop(0, 0, 10, 10), dl.Polygon)
    bounds = box.crop(0, 0, 10, 10, boxes="bounds")
    assert bounds is not None
    assert bounds.bounds == pytest.approx((10 - 8**0.5, 5 - 8**0.5, 10, 5 + 8**0.5))
    assert isinstance(bounds, dl.Box)
    smallest = box.crop(0, 0, 10, 10, boxes="rotated")
    assert isinstance(smallest, dl.Box)
    assert smallest.area == pytest.approx(16)
    assert box.crop(0, 0, 20, 20) == box
    item = dl.Item(width=20, height=20)
    collection = dl.AnnotationCollection(item, [dl.Annotation(dl.Box(2, 2, 8, 4, "a"))])
    turned = Affine.rotate(30, center=(0, 0), size=(20, 20)).cut(collection, boxes="bounds")
    found = turned[0].annotation_definition
    assert isinstance(found, dl.Box)
    assert not found.is_rotated


def test_fractions_of_pixels() -> None:
    box = dl.Box(0, 0, 10, 10, "a")
    assert box.crop(0.5, 0.25, 5, 4) == dl.Box(0, 0, 4.5, 3.75, "a")
    with pytest.raises(GeometryError, match="whole"):
        dl.Segmentation(np.ones((10, 10)), "m").crop(0.5, 0, 5, 4)
    with pytest.raises(GeometryError, match="no area"):
        box.crop(5, 5, 5, 8)


def test_a_pose_goes_with_its_record() -> None:
    """COCO people: key points, outline and box in one record."""
    nobody = dl.Pose("person", None, points=[dl.Point(0, 0, "nose", visibility=0)])
    outline = dl.Polygon([[0, 0], [20, 0], [20, 20], [0, 20]], "person")
    item = dl.Item(width=40, height=40)

    def crop(annotation: dl.Annotation, *window: int) -> tuple[dl.Annotation | None, float]:
        cut = dl.AnnotationCollection(item, [annotation]).crop(*window)
        return (
            (cut[0], float(cut.visible[0])) if len(cut) else (None, float(cut.dropped_visible[0]))
        )

    # Nobody labelled a point: the outline says where it is.
    found, visible = crop(dl.Annotation(nobody, companions=(outline,)), 10, 0, 40, 40)
    assert found is not None
    assert visible == 0.5
    assert found.companions[0].bounds == (0, 0, 10, 20)
    assert crop(dl.Annotation(nobody, companions=(outline,)), 30, 30, 40, 40) == (None, 0)
    # Without it the stored box.
    found, visible = crop(dl.Annotation(nobody, stored_bounds=(0, 0, 20, 20)), 10, 0, 40, 40)
    assert found is not None
    assert (found.stored_bounds, visible) == ((0, 0, 10, 20), 0.5)
    assert crop(dl.Annotation(nobody, stored_bounds=(0, 0, 20, 20)), 30, 0, 40, 40)[0] is None
    # All points leave, the outline does not.
    pose = dl.Pose("person", None, points=[dl.Point(1, 1, "nose")])
    found, visible = crop(dl.Annotation(pose, companions=(outline,)), 10, 0, 40, 40)
    assert found is not None
    assert found.keypoints.tolist() == [[-9, 1, 0]]
    assert visible == 0.5


def test_stored_numbers_follow() -> None:
    item = dl.Item(width=40, height=40)
    box = dl.Annotation(
        dl.Box(10, 10, 20, 20, "a"), stored_bounds=(10, 10, 20, 20), stored_area=100, item=item
    )
    whole = box.crop(5, 5, 35, 35)
    assert whole is not None
    assert (whole.stored_bounds, whole.stored_area) == ((5, 5, 15, 15), 100)
    half = box.crop(15, 0, 40, 40)
    assert half is not None
    assert (half.stored_bounds, half.stored_area) == ((0, 10, 5, 20), None)
    assert box.crop(30, 30, 40, 40) is None
    assert box.crop(15, 0, 40, 40, min_visibility=0.6) is None
    assert half.item is not None
    assert half.item.width == 25


def test_a_track_is_hidden_where_it_is_outside() -> None:
    item = dl.Item(name="a.mp4", media="video", width=100, height=100)
    track = dl.Annotation.new(item, dl.Box(0, 0, 10, 10, "car"), frame_num=0)
    track.add_frame(dl.Box(45, 0, 55, 10, "car"), 3)
    track.add_frame(dl.Box(60, 0, 70, 10, "car"), 6)
    cut = dl.AnnotationCollection(item, [track]).crop(0, 0, 50, 50)
    found = cut[0]
    assert [found.frames[k].object_visible for k in (0, 3, 6)] == [True, True, False]
    assert [found.frames[k].right for k in (0, 3, 6)] == [10, 50, 70]
    assert cut.visible.tolist() == [1.0]
    strict = dl.AnnotationCollection(item, [track]).crop(0, 0, 50, 50, min_visibility=0.6)
    assert [strict[0].frames[k].object_visible for k in (0, 3, 6)] == [True, False, False]
    assert len(dl.AnnotationCollection(item, [track]).crop(80, 80, 90, 90).dropped) == 1


@SOME
@given(
    st.sampled_from(["linear", "approach"]),
    st.lists(st.tuples(st.integers(-60, 60), st.integers(-60, 60), st.booleans()), min_size=2),
    st.sampled_from([None, 0.0, 30.0]),
    windows,
)
def test_a_track_is_cut_in_each_frame_as_it_is_drawn_there(
    mode: str, places: list, angle: float | None, window: tuple[int, int, int, int]
) -> None:
    item = dl.Item(name="v.mp4", width=64, height=48, media="video", fps=10)
    track = dl.Annotation.new(item=item)
    for k, (x, y, seen) in enumerate(places[:4]):
        turned = None if angle is None else angle * k
        box = dl.Box(x, y, x + 12, y + 7, "car", angle=turned)
        track.add_frame(box, 5 * k, object_visible=seen)
    track.interpolation = mode  # type: ignore[assignment]
    cut = track.crop(*window)
    wanted = {f: state.annotation_definition.crop(*window) for f, state in track.frames.items()}
    if cut is None:
        assert not any(wanted.values())
        return
    for frame, state in track.frames.items():
        now = cut.frames[frame]
        assert now.object_visible == (state.object_visible and wanted[frame] is not None)
        if wanted[frame] is not None:
            there = np.array(now.annotation_definition.bounds)
            assert np.abs(there - wanted[frame].bounds).max() < 1e-6


def test_a_track_passes_through_a_window_between_its_key_frames() -> None:
    item = dl.Item(name="v.mp4", width=100, height=80, media="video", fps=10)
    track = dl.Annotation.new(item, dl.Box(0, 20, 10, 30, "car"), frame_num=0)
    track.add_frame(dl.Box(90, 20, 100, 30, "car"), 10)
    track.interpolation = "linear"
    collection = dl.AnnotationCollection(item, [track])
    cut = collection.crop(40, 0, 60, 80)
    assert cut.visible.tolist() == [1.0]
    seen = {f: s.bounds for f, s in cut[0].frames.items() if s.object_visible}
    assert seen == {4: (0, 20, 6, 30), 5: (5, 20, 15, 30), 6: (14, 20, 20, 30)}
    whole = collection.crop(0, 10, 100, 40)
    assert len(whole[0].states) == 2  # nothing is cut: the key frames are enough
    turning = dl.Annotation.new(item, dl.Box(40, 20, 60, 30, "car"), frame_num=0)
    turning.add_frame(dl.Box(40, 20, 60, 30, "car", angle=90), 6)
    turning.interpolation = "linear"
    lean = Affine.shear(20, size=(100, 80))
    for frame, state in lean.apply(turning).frames.items():
        wanted = lean.apply(turning.frames[frame].annotation_definition)
        assert np.allclose(state.bounds, wanted.bounds, rtol=0, atol=1e-9)
    tiles = collection.tile((20, 40))
    assert [len(tile) for tile in tiles] == [1] * 5 + [0] * 5
    assert tiles.merge() == collection


@pytest.mark.parametrize("least", [-0.1, 1.5, "a", True, float("nan")])
def test_min_visibility_is_a_fraction(least: object) -> None:
    collection = dl.AnnotationCollection(dl.Item(width=9, height=9))
    with pytest.raises(UsageError, match="min_visibility"):
        collection.crop(0, 0, 5, 5, min_visibility=least)  # type: ignore[arg-type]


def test_a_cut_needs_a_size() -> None:
    with pytest.raises(UsageError, match="size"):
        Affine.rotate(3).cut(dl.AnnotationCollection(None))
    with pytest.raises(UsageError, match="size"):
        Affine.rotate(3).cut(dl.Box(0, 0, 1, 1))
    with pytest.raises(UsageError, match="cannot be cut"):
        Affine.crop(0, 0, 1, 1).cut(np.zeros((3, 2)))
    assert Affine.crop(0, 0, 5, 5).cut(dl.Box(0, 0, 9, 9)) == dl.Box(0, 0, 5, 5)
    assert Affine.crop(0, 0, 5, 5).cut(dl.Annotation(dl.Box(8, 8, 9, 9))) is None
