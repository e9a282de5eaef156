"""The strategies for users: each knob does what it says, each class has one, examples are small."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, Phase, assume, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import dlgeom as dl
import dlgeom.definitions
from dlgeom.definitions import Definition
from dlgeom.errors import UsageError
from dlgeom.geometry import rle
from dlgeom.testing import strategies as shapes
from dlgeom.testing.strategies.anything import STRATEGIES

CLASSES = [
    cls
    for name in dlgeom.definitions.__all__
    if isinstance(cls := getattr(dlgeom.definitions, name), type)
    and issubclass(cls, Definition)
    and cls is not Definition
]
PLACED = [cls for cls in CLASSES if STRATEGIES[cls].place]
WITH_EXTENT = [cls for cls in CLASSES if STRATEGIES[cls].extent]
by_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
placed = pytest.mark.parametrize("cls", PLACED, ids=lambda cls: cls.__name__)
extended = pytest.mark.parametrize("cls", WITH_EXTENT, ids=lambda cls: cls.__name__)
# A law for each class: a share of the examples is enough for each.
some = settings(max_examples=max(settings().max_examples // 8, 25))
HUGE = shapes.HUGE
# No words: what is drawn is geometry.
BARE: dict[str, Any] = {"labels": st.none(), "attributes": False, "descriptions": False}


def example(
    strategy: st.SearchStrategy[Any],
    condition: Any = lambda _: True,
    *phases: Phase,
) -> Any:
    """Return an example that meets a condition: the first one that comes up."""
    quick = settings(
        max_examples=1_000,
        database=None,
        derandomize=True,
        phases=[Phase.generate, *phases],
        suppress_health_check=list(HealthCheck),
    )
    return find(strategy, condition, settings=quick)


def smallest(strategy: st.SearchStrategy[Any], condition: Any = lambda _: True) -> Any:
    """Return what an example that meets a condition shrinks to."""
    return example(strategy, condition, Phase.shrink)


def coordinates_of(shape: Definition) -> np.ndarray:
    """Return all corners and vertices of a shape, hidden points included, shape (N, 2)."""
    if isinstance(shape, dl.Polygon | dl.Polyline):
        return np.column_stack((shape.x, shape.y))
    if isinstance(shape, dl.Pose | dl.Cube):
        return np.asarray(shape.geo)
    left, top, right, bottom = shape.bounds
    return np.array([[left, top], [right, bottom]])


def is_degenerate(shape: Any) -> bool:
    """Tell by means of its own whether a shape has no extent."""
    if isinstance(shape, dl.Box | dl.Note):
        return shape.right == shape.left or shape.bottom == shape.top
    if isinstance(shape, dl.Polygon):
        return all(_flat(ring) for ring in shape.rings)
    if isinstance(shape, dl.Segmentation):
        return not shape.to_crop()[0].any()
    if isinstance(shape, dl.Polyline):
        return all((line == line[0]).all() for line in shape.lines)
    if isinstance(shape, dl.Ellipse):
        return min(shape.rx, shape.ry) == 0
    if isinstance(shape, dl.Pose):
        return math.isnan(shape.left)
    if isinstance(shape, dl.Cube):
        return _flat(shape.geo)
    assert isinstance(shape, dl.Cube3d)
    return shape.volume == 0


def _flat(points: np.ndarray) -> bool:
    return shapely.MultiPoint(points).convex_hull.area <= 1e-9 * (1 + np.ptp(points) ** 2)


def holes_in(shape: Definition) -> int:
    """Count holes: of a polygon its own, of a mask by filling its crop from outside."""
    if isinstance(shape, dl.Polygon):
        return int(shape.outline.is_hole.sum())
    assert isinstance(shape, dl.Segmentation)
    from skimage.measure import label

    crop = shape.to_crop()[0]
    return int(label(np.pad(~crop, 1, constant_values=True), connectivity=1).max()) - 1


# -- which strategies there are -----------------------------------------------------------------


def test_each_class_of_definitions_has_a_strategy() -> None:
    def below(cls: type) -> set[type]:
        return {cls}.union(*(below(child) for child in cls.__subclasses__()))

    ours = {
        cls
        for cls in below(Definition)
        if cls.__module__.startswith("dlgeom.definitions.") and cls.__name__ in dl.__all__
    }
    assert ours - {Definition} == set(STRATEGIES) == set(CLASSES)


@by_class
def test_a_kind_draws_its_class(cls: type[Definition]) -> None:
    @some
    @given(shapes.definitions([cls]))
    def law(shape: Definition) -> None:
        assert type(shape) is cls
        assert shape == shape.replace()
        assert hash(shape) == hash(shape.replace())

    law()


def test_all_kinds_come_up() -> None:
    seen = set()

    @settings(max_examples=400, database=None, derandomize=True, phases=[Phase.generate])
    @given(shapes.definitions(**BARE))
    def look(shape: Definition) -> None:
        seen.add(type(shape))

    look()
    assert seen == set(CLASSES)


@by_class
def test_from_type_draws_the_class(cls: type[Definition]) -> None:
    assert type(example(st.from_type(cls))) is cls


@some
@given(...)
def test_annotated_arguments_are_drawn(
    box: dl.Box, shape: Definition, annotation: dl.Annotation, found: dl.AnnotationCollection
) -> None:
    assert type(box) is dl.Box
    assert isinstance(shape, Definition)
    assert isinstance(annotation, dl.Annotation)
    assert isinstance(found, dl.AnnotationCollection)


def test_examples_shrink_to_the_simplest() -> None:
    assert smallest(shapes.boxes(degenerate=False)) == dl.Box(0, 0, 1, 1)
    assert smallest(shapes.boxes(degenerate=True)) == dl.Box(0, 0, 0, 1)
    assert smallest(shapes.points()) == dl.Point(0, 0, None)
    assert smallest(shapes.segmentations()) == dl.Segmentation([[False]], None)
    assert smallest(shapes.masks(), lambda mask: mask.sum() > 2).sum() <= 4
    assert len(smallest(shapes.polygons(degenerate=False)).geo) == 3
    assert smallest(shapes.annotations(shapes.points())) == dl.Annotation(dl.Point(0, 0, None))
    assert len(smallest(shapes.collections())) == 0
    assert len(list(smallest(shapes.datasets(min_items=1)))) == 1


# -- the knobs ----------------------------------------------------------------------------------


@placed
def test_shapes_with_a_size_lie_in_the_image(cls: type[Definition]) -> None:
    @some
    @given(st.data(), st.tuples(st.integers(1, 40), st.integers(1, 40)))
    def law(data: st.DataObject, size: tuple[int, int]) -> None:
        shape = data.draw(shapes.definitions([cls], size=size, **BARE))
        xy = coordinates_of(shape)
        xy = xy[~np.isnan(xy).any(axis=1)]
        assert (xy >= -1e-9).all()
        assert (xy <= np.array(size) + 1e-9).all()
        if cls is dl.Segmentation:
            assert shape.shape == size[::-1]

    law()


@extended
def test_degenerate_shapes_are_without_extent(cls: type[Definition]) -> None:
    @some
    @given(shapes.definitions([cls], degenerate=True, **BARE))
    def always(shape: Definition) -> None:
        assert is_degenerate(shape)

    @some
    @given(shapes.definitions([cls], degenerate=False, **BARE))
    def never(shape: Definition) -> None:
        assert not is_degenerate(shape)

    always()
    never()


@extended
def test_both_come_up_where_nobody_chooses(cls: type[Definition]) -> None:
    either = shapes.definitions([cls], **BARE)
    if cls is not dl.Cube3d:
        example(either, is_degenerate)
    example(either, lambda shape: not is_degenerate(shape))


@placed
def test_huge_shapes_lie_far_out(cls: type[Definition]) -> None:
    @some
    @given(shapes.definitions([cls], huge=True, degenerate=None, **BARE))
    def law(shape: Definition) -> None:
        if cls is dl.Segmentation:
            assert shape.shape == (50_000, 60_000)
            assert not shape.area or min(shape.bounds) >= HUGE
            return
        xy = coordinates_of(shape)
        xy = xy[~np.isnan(xy).any(axis=1)]
        assert (xy >= HUGE - 1e-9).all()
        assert (xy <= np.array(shapes.HUGE_SIZE) + 1e-9).all()

    law()
    mixed = shapes.definitions([cls], huge=None, degenerate=False, **BARE)
    example(mixed, lambda shape: shape.right >= HUGE)
    example(mixed, lambda shape: shape.right < HUGE)


@pytest.mark.parametrize("cls", [dl.Polygon, dl.Segmentation], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("knobs", [{}, {"huge": True}, {"size": (9, 7)}], ids=str)
def test_holes_are_there_or_not(cls: type[Definition], knobs: dict[str, Any]) -> None:
    # Huge masks are decoded to count their holes.
    few = settings(some, max_examples=25 if knobs.get("huge") else some.max_examples)

    @few
    @given(shapes.definitions([cls], holes=True, degenerate=False, **knobs, **BARE))
    def always(shape: Definition) -> None:
        assume(cls is dl.Polygon or shape.width * shape.height < 1e6)
        assert holes_in(shape)

    @few
    @given(shapes.definitions([cls], holes=False, **knobs, **BARE))
    def never(shape: Definition) -> None:
        assume(cls is dl.Polygon or 0 < shape.width * shape.height < 1e6)
        assert not holes_in(shape)

    always()
    never()


@given(
    st.data(),
    st.none() | st.tuples(st.integers(6, 40), st.integers(6, 40)),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, 1, 0.5, 0.1]),
)
def test_valid_polygons_are_valid_and_on_their_grid(
    data: st.DataObject, size: tuple[int, int] | None, holes: bool | None, grid: float | None
) -> None:
    polygon = data.draw(shapes.polygons(valid=True, size=size, holes=holes, grid=grid, **BARE))
    parts = [shapely.Polygon(part[0], part[1:]) for part in polygon.parts]
    whole = shapely.MultiPolygon(parts)
    assert whole.is_valid, shapely.is_valid_reason(whole)
    assert whole.area > 0
    for k, part in enumerate(parts):
        assert all(not part.intersects(other) for other in parts[k + 1 :])
    assert len(polygon.rings) - len(parts) == holes_in(polygon)
    if holes is not None:
        assert bool(holes_in(polygon)) is holes
    if grid is not None:
        assert on_grid(np.column_stack((polygon.x, polygon.y)), grid)


def test_polygons_of_any_kind_cross_themselves_and_leave_the_image() -> None:
    def invalid(polygon: dl.Polygon) -> bool:
        return not shapely.Polygon(polygon.rings[0]).is_valid

    example(shapes.polygons(degenerate=False, **BARE), invalid)
    example(shapes.polygons(**BARE), lambda polygon: polygon.left < 0)


def on_grid(values: Any, grid: float) -> bool:
    return bool((values == np.round(np.asarray(values) / grid) / (1 / grid)).all())


@some
@given(
    shapes.definitions(
        [dl.Box, dl.Polygon, dl.Point, dl.Polyline, dl.Note], size=(30, 20), grid=1, **BARE
    )
)
def test_coordinates_on_a_grid_of_whole_pixels_are_whole(shape: Definition) -> None:
    assume(not (isinstance(shape, dl.Box) and shape.is_rotated))
    xy = coordinates_of(shape)
    assert (xy == np.round(xy)).all()


@given(st.data(), st.sampled_from([0.1, 0.5, 0.25, 1, 2, 10]))
def test_coordinates_are_multiples_of_their_grid(data: st.DataObject, grid: float) -> None:
    value = data.draw(shapes.coordinates(-20, 44, grid=grid))
    assert -20 <= value <= 44
    assert on_grid(value, grid)


def test_fractional_coordinates_come_up() -> None:
    for step in (1, 0.5, 0.1):
        example(shapes.coordinates(), lambda value, s=step: not on_grid(value, s))


@by_class
def test_labels_attributes_and_descriptions_are_drawn_from_what_is_given(
    cls: type[Definition],
) -> None:
    @some
    @given(
        shapes.definitions(
            [cls],
            labels=["cat", "dog"],
            attributes=st.just({"a": 1}),
            descriptions=False,
        )
    )
    def law(shape: Definition) -> None:
        assert shape.label in ("cat", "dog")
        assert shape.attributes == {"a": 1}
        assert shape.description is None

    law()


def test_areas_of_what_has_an_extent_are_above_0() -> None:
    for strategy in (shapes.boxes(degenerate=False), shapes.ellipses(degenerate=False)):
        with pytest.raises(NoSuchExample):
            find(strategy, lambda shape: not shape.area > 0, settings=some)
    coarse = smallest(shapes.boxes(size=(9, 4), grid=5, rotated=False, **BARE))
    assert coarse.height == 0


@some
@given(st.data(), st.booleans())
def test_boxes_are_rotated_or_not(data: st.DataObject, rotated: bool) -> None:
    box = data.draw(shapes.boxes(rotated=rotated, size=(20, 10), **BARE))
    assert box.is_rotated is rotated


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: shapes.boxes(siz=(3, 4)), "unknown knob 'siz'; known: size"),
        (lambda: shapes.boxes(size=(0, 4)), "in whole pixels, both > 0"),
        (lambda: shapes.boxes(size=3), r"it is \(width, height\)"),
        (lambda: shapes.boxes(grid=0.3), "a pixel divided by one"),
        (lambda: shapes.boxes(grid=-1), "a pixel divided by one"),
        (lambda: shapes.points(size=(5, 5), huge=True), "huge shapes begin at 10000"),
        (lambda: shapes.polygons(valid=True, degenerate=True), "is not valid"),
        (lambda: shapes.segmentations(holes=True, degenerate=True), "has no holes"),
        (lambda: shapes.polygons(valid=True, holes=True, size=(3, 9), grid=1), "finer grid"),
        (lambda: shapes.boxes(size=(9, 4), grid=5, degenerate=False), "grid is 5, the image 9 x 4"),
        (lambda: shapes.segmentations(holes=True, size=(2, 9)), "at least 3 x 3"),
        (lambda: shapes.definitions([int]), "no strategy for <class 'int'>"),
        (lambda: shapes.definitions([dl.Subtitle], huge=True), "no definition meets"),
        (lambda: shapes.definitions([dl.Box], holes=True), "no definition meets"),
    ],
)
def test_knobs_that_do_not_fit_are_refused(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        example(make())


# -- masks --------------------------------------------------------------------------------------


@some
@given(st.data(), st.booleans())
def test_masks_have_holes_or_not(data: st.DataObject, holes: bool) -> None:
    mask = data.draw(shapes.masks(9, holes=holes))
    assert mask.dtype == np.bool_
    assert bool(holes_in(dl.Segmentation(np.pad(mask, 1), None))) is holes


@some
@given(shapes.runs(9, canonical=False), shapes.runs(9), shapes.id_masks(9, max_id=3))
def test_runs_and_ids_are_legal(loose: Any, tight: Any, ids: np.ndarray) -> None:
    for counts, shape in (loose, tight):
        rle.check(counts, shape)
        assert counts.dtype == np.uint32
    assert np.array_equal(rle.normalise(tight[0]), tight[0])
    assert ids.ndim == 2
    assert set(np.unique(ids)) <= {0, 1, 2, 3}


def test_zero_runs_and_runs_of_huge_masks_come_up() -> None:
    example(shapes.runs(canonical=False), lambda runs: (runs[0][1:] == 0).any())
    counts, shape = example(shapes.huge_runs(), lambda runs: rle.area(runs[0]) > 1_000)
    assert rle.bounds(counts, shape)[0] >= HUGE


# -- annotations, tracks, data sets -------------------------------------------------------------


@some
@given(st.data(), st.booleans())
def test_plain_annotations_are_their_definitions(data: st.DataObject, plain: bool) -> None:
    annotation = data.draw(shapes.annotations(plain=plain))
    assert isinstance(annotation.annotation_definition, Definition)
    if plain:
        assert annotation == dl.Annotation(annotation.annotation_definition)
    assert annotation.copy() == annotation


def test_what_may_be_known_about_annotations_comes_up() -> None:
    for name in ("id", "score", "extra", "companions", "children", "stored_bounds", "end_time"):
        example(shapes.annotations(shapes.boxes(**BARE)), lambda a, n=name: bool(getattr(a, n)))


@some
@given(shapes.tracks(size=(30, 20)))
def test_tracks_are_one_thing_over_frames(track: dl.Annotation) -> None:
    assert len(track.frames) == track.end_frame - track.start_frame + 1
    assert track.object_id is not None
    assert track.is_video
    kinds = {type(state.annotation_definition) for state in track.states}
    assert len(kinds) == 1
    frames = [state.frame_num for state in track.states]
    assert frames == sorted(set(frames))
    for state in track.states:
        bounds = np.array(state.bounds)
        if not np.isnan(bounds).any():
            assert (bounds >= -1e-9).all()
            assert (bounds <= np.array([30, 20, 30, 20]) + 1e-9).all()


def test_tracks_hide_jump_and_go_on() -> None:
    tracks = shapes.tracks(shapes.boxes(**BARE))
    example(tracks, lambda track: not all(s.object_visible for s in track.states))
    example(tracks, lambda track: any(s.until for s in track.states))
    example(tracks, lambda track: track.end_frame > track.states[-1].last)
    example(tracks, lambda track: len(track.states) > 2)


@some
@given(shapes.collections())
def test_annotations_of_a_collection_lie_in_its_item(found: dl.AnnotationCollection) -> None:
    assert found.item is not None
    assert found.item.shape is not None
    ids = [annotation.id for annotation in found if annotation.id is not None]
    assert len(ids) == len(set(ids))
    for annotation in found:
        assert annotation.parent_id is None or annotation.parent_id in ids
        for shape in annotation.shapes:
            xy = np.array(shape.bounds).reshape(2, 2)
            if not np.isnan(xy).any():
                assert (xy >= -1e-9).all()
                assert (xy <= np.array(found.item.shape[::-1]) + 1e-9).all()


@some
@given(shapes.datasets(subsets=True, kinds=[dl.Box, dl.Polygon], attributes=False))
def test_data_sets_are_aligned(dataset: dl.Dataset) -> None:
    pairs = list(dataset)
    names = [item.name for item, _ in pairs]
    assert len(names) == len({name.casefold() for name in names if name is not None})
    for item, found in pairs:
        assert item.subset in ("train", "val")
        assert {annotation.label for annotation in found} <= set(dataset.labels.names)
        assert {type(a.annotation_definition) for a in found} <= {dl.Box, dl.Polygon}
    assert list(dataset) == pairs


@settings(max_examples=25)
@given(shapes.datasets(media="video", min_items=1, kinds=[dl.Box]))
def test_videos_have_tracks(dataset: dl.Dataset) -> None:
    for item, found in dataset:
        assert item.media == "video"
        assert item.fps
        assert all(annotation.object_id is not None for annotation in found)


# -- without Hypothesis -------------------------------------------------------------------------

BLOCKED = """
import sys
sys.modules["hypothesis"] = None
from dlgeom.testing import assert_masks_equal, assert_same_annotations
assert_masks_equal([[1, 0]], [[1, 0]])
from dlgeom.errors import MissingDependencyError
for code in ("from dlgeom.testing import strategies", "import dlgeom.testing.strategies"):
    try:
        exec(code)
    except MissingDependencyError as error:
        assert isinstance(error, ImportError)
        print(error)
"""


def test_assertions_work_without_hypothesis_and_strategies_name_the_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("pip install 'dlgeom[testing]'" in line for line in lines)


def test_the_assertions_load_no_strategies() -> None:
    code = "import sys, dlgeom.testing; print('hypothesis' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]


def test_all_names_are_documented_and_there() -> None:
    assert "strategies" in dir(dl.testing)
    for name in shapes.__all__:
        value = getattr(shapes, name)
        assert value is not None
        if callable(value) and not isinstance(value, type):
            assert value.__doc__, name
    assert msgspec.json.encode(sorted(shapes.__all__)) == msgspec.json.encode(shapes.__all__)
