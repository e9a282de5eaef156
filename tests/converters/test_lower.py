"""Shapes without a column in targets of columns: nothing is lost in silence, bounds hold."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import masks

import dlgeom
from dlgeom import conversions
from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.converters import registry
from dlgeom.converters.base import APPROXIMATED, DROPPED, Losses
from dlgeom.converters.items import fields_of
from dlgeom.converters.lower import CODES, Lowering, Nearest
from dlgeom.converters.pipeline import choose_task
from dlgeom.converters.report import Report
from dlgeom.dataset import Dataset
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
from dlgeom.geometry import overlap
from dlgeom.geometry.ragged import Runs
from dlgeom.item import Item
from dlgeom.labels import Label

WIDTH, HEIGHT = 64, 48
LABELS = (Label(name="thing", keypoints=("a", "b")),)
TARGETS: list[tuple[str, str | None, dict[str, Any]]] = [
    ("coco", None, {}),
    ("coco", None, {"coco_task": "panoptic"}),
    *(("yolo", task, {}) for task in ("detect", "segment", "pose", "obb")),
    *(("voc", task, {}) for task in ("detect", "segment")),
]


def dataset(*annotations: Annotation, media: str = "image") -> Dataset:
    item = Item(name="a.png", width=WIDTH, height=HEIGHT, media=media)
    return Dataset.from_pairs([(item, AnnotationCollection(None, annotations))], LABELS)


def write(
    target: Path,
    *definitions: Definition | Annotation,
    to: str,
    task: str | None = None,
    **more: Any,
) -> Report:
    records = [d if isinstance(d, Annotation) else Annotation(d) for d in definitions]
    return dataset(*records).write(target, format=to, task=task, **more)


def codes(report: Report) -> dict[tuple[str, str], int]:
    return {key: kind.count for key, kind in report.codes.items() if key[0] != "notice"}


def read(path: Path) -> list[Annotation]:
    with Dataset.open(path) as found:
        return [annotation for _, annotations in found for annotation in annotations]


def edges(found: Annotation) -> tuple[float, ...]:
    """Return the box of a record; a pose without labelled points has a stored one only."""
    return found.stored_bounds or found.bounds


def iou(one: Definition, other: Definition) -> float:
    runs = [
        Runs.of([(mask.counts, mask.shape)])
        for mask in (conversions.to_segmentation(d, (HEIGHT, WIDTH)) for d in (one, other))
    ]
    return float(overlap.paired_iou(*runs)[0])


# Each example writes and reads files of its own.
few = settings(max_examples=max(20, settings.default.max_examples // 10))

# ------------------------------------------------------------------ what is drawn

inside = st.integers(0, 40).map(float) | st.floats(0, 40).map(lambda v: round(v, 3))
points = st.tuples(inside, inside)
angles = st.sampled_from([0.0, 30.0, 90.0, 179.5, -45.0]) | st.floats(-360, 360)
attributes = st.none() | st.just({"colour": "red", "n": 3}) | st.just(["red", "old"])


def _edges(low: tuple[float, float], high: tuple[float, float]) -> tuple[float, ...]:
    (a, b), (c, d) = low, high
    return min(a, c), min(b, d), max(a, c), max(b, d)


@st.composite
def ellipses(draw: st.DrawFn, least: float = 0.0) -> Ellipse:
    axis = st.just(least) | st.floats(least, 14)
    x, y = draw(st.tuples(st.floats(16, 44), st.floats(16, 30)))
    return Ellipse(x, y, draw(axis), draw(axis), draw(angles), "thing")


@st.composite
def cubes(draw: st.DrawFn) -> Cube:
    return Cube.from_points([draw(points) for _ in range(8)], "thing")


def _has_area(ring: list[tuple[float, float]]) -> bool:
    return Polygon(ring, None).area > 0.5


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Draw a definition of any type."""
    rest = ("thing", draw(attributes), draw(st.none() | st.just("seen")))
    kind = draw(st.sampled_from(range(16)))
    some = st.lists(points, min_size=3, max_size=6, unique=True)
    box = _edges(draw(points), draw(points))
    shapes: list[Any] = [
        lambda: draw(ellipses()),
        lambda: draw(cubes()),
        lambda: Polyline([draw(some)] if draw(st.booleans()) else [draw(some), draw(some)], *rest),
        lambda: Note(
            *box, *rest[:2], [Message(body="why?")], draw(st.sampled_from(["issue", "closed"]))
        ),
        lambda: Point(*draw(points), draw(st.sampled_from(["thing", "dot"])), *rest[1:]),
        lambda: Pose("thing", "t", draw(st.none() | st.just("i")), rest[1], (), rest[2]),
        lambda: Pose("thing", "t", None, rest[1], [Point(1, 2, "a"), Point(9, 8, "b")], rest[2]),
        lambda: Box(*box, *rest),
        lambda: Box.from_rotated([20, 20, 9, 5, draw(angles)], *rest),
        lambda: Polygon(draw(some.filter(_has_area)), *rest),
        lambda: Segmentation(draw(masks(shape=(HEIGHT, WIDTH), allow_empty=False)), *rest),
        lambda: Classification(*rest),
        lambda: Subtitle("words", *rest),
        lambda: Cube3d("thing", [0, 0, 1], [1, 1, 1], [0, 0, 0], *rest[1:]),
        lambda: UndefinedAnnotationType(draw(st.sampled_from(["ellipse", "point"])), "thing", [1]),
        lambda: draw(
            st.sampled_from(
                [
                    Comparison([{"a": 1}], *rest),
                    Description("words", rest[2], *rest[:2]),
                    FreeText("words", *rest),
                    Gis("point", [1, 2], *rest),
                    RefImage("a", None, None, *rest),
                    Text("block", 1, 2, "thing"),
                ]
            )
        ),
    ]
    shape: Definition = shapes[kind]()
    return shape


def _may_have_stored_bounds(shape: Definition) -> bool:
    # Of shapes that are boxes themselves, or become one, only one box is left.
    return not isinstance(shape, Box | Note | Polyline)


@st.composite
def records(draw: st.DrawFn) -> Annotation:
    """Draw an annotation with fields that some targets have no place for."""
    shape = draw(definitions())
    some = {
        "id": 7,
        "score": 0.5,
        "stored_area": 9.0,
        "object_id": "3",
        "status": "approved",
        "metadata": {"user": {"a": 1}},
        "automated": False,
        "frame_num": 3,
        "start_time": 0.5,
        "creator": "me",
        "extra": {"mine": 1},
    }
    fields = draw(st.lists(st.sampled_from(sorted(some)), unique=True))
    made = Annotation(shape, **{name: some[name] for name in fields})
    if _may_have_stored_bounds(shape) and draw(st.booleans()):
        made.stored_bounds = (1.0, 2.0, 20.0, 20.0)
    return made


# ------------------------------------------------------------------ all shapes, all targets


@few
@given(st.lists(records(), max_size=4), st.sampled_from(TARGETS))
def test_every_record_is_accounted_for_and_targets_can_be_read(
    given_records: list[Annotation], target: tuple[str, str | None, dict[str, Any]]
) -> None:
    to, task, options = target
    before = [record.copy() for record in given_records]
    with tempfile.TemporaryDirectory() as folder:
        report = write(Path(folder, "out"), *given_records, to=to, task=task, **options)
        assert given_records == before
        assert report.read == len(given_records)
        assert report.read == report.written + report.approximated + report.dropped
        counted = Counter[str]()
        for (status, _), kind in report.codes.items():
            counted[status] += kind.count
        assert counted["approximated"] == report.approximated
        assert counted["dropped"] == report.dropped
        found = read(Path(folder, "out"))
        # Panoptic segments and masks may be hidden by others; then they are told.
        assert len(found) <= report.written + report.approximated
        if to != "voc" and not options:
            assert len(found) == report.written + report.approximated


NOTES = {"messages": (), "status": "issue"}


def _fields(record: Annotation, task: str) -> Counter[str]:
    """Return what a YOLO row does not say of a record."""
    lost = Counter(fields_of(record))
    if task in ("detect", "pose"):
        del lost["bbox"]
    shape = record.annotation_definition
    if isinstance(shape, Note):
        lost.update(f"note.{name}" for name, v in NOTES.items() if getattr(shape, name) != v)
    if isinstance(shape, Pose):
        lost.update(n for n in ("template_id", "instance_id") if getattr(shape, n) is not None)
    return lost


@few
@given(records(), st.sampled_from(["detect", "segment", "pose", "obb"]))
def test_fields_are_counted_for_what_is_written_only(record: Annotation, task: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = write(Path(folder, "out"), record, to="yolo", task=task)
    lost = Counter({k: v for k, v in report.fields.items() if not k.startswith("category.")})
    assert lost == (Counter() if report.dropped else _fields(record, task))


@few
@given(records())
def test_fields_are_in_a_coco_record_or_counted(record: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = write(Path(folder, "out.json"), record, to="coco")
        found = json.loads(Path(folder, "out.json").read_text())["annotations"]
    assert len(found) == 1 - report.dropped
    for entry in found:
        keys = {"id", "score", "area", "bbox", "attributes"}
        names = {name.partition(".")[0] for name in fields_of(record)} - {"bbox"}
        missing = names - set(entry) - set(report.fields) - {"iscrowd"}
        if isinstance(record.annotation_definition, Classification | Description | Point):
            missing -= keys
        assert not missing


@pytest.mark.parametrize(("to", "task", "options"), TARGETS)
def test_records_keep_their_order_when_some_are_left_out(
    tmp_path: Path, to: str, task: str | None, options: dict[str, Any]
) -> None:
    kept = [Box(5 * k, 2, 5 * k + 4, 9, "thing") for k in range(4)]
    gone = Polyline([[1, 1], [1, 9]], "thing")
    mixed = [gone, kept[0], Gis("point", [1, 2], "thing"), kept[1], kept[2], gone, kept[3]]
    report = write(tmp_path / "out", *mixed, to=to, task=task, **options)
    assert report.dropped == 3
    assert [round(edges(a)[0]) for a in read(tmp_path / "out")] == [0, 5, 10, 15]


# ------------------------------------------------------------------ ellipses


@few
@given(ellipses(least=1.0))
def test_an_ellipse_in_coco_is_within_a_twentieth_of_a_pixel(ellipse: Ellipse) -> None:
    mask_tools = pytest.importorskip("pycocotools.mask")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "out.json")
        report = write(target, ellipse, to="coco")
        (entry,) = json.loads(target.read_text())["annotations"]
        (found,) = read(target)
    assert codes(report) == {("approximated", "geometry.polygon"): 1}
    left, top, right, bottom = ellipse.bounds
    assert entry["bbox"] == pytest.approx([left, top, right - left, bottom - top], abs=1e-9)
    (ring,) = entry["segmentation"]
    xy = np.array(ring).reshape(-1, 2)
    # On the ellipse, so that a chord is off by no more than its sagitta.
    turn = math.radians(ellipse.angle)
    dx, dy = xy[:, 0] - ellipse.x, xy[:, 1] - ellipse.y
    along = (dx * math.cos(turn) + dy * math.sin(turn)) / ellipse.rx
    across = (dy * math.cos(turn) - dx * math.sin(turn)) / ellipse.ry
    assert np.hypot(along, across) == pytest.approx(np.ones(len(xy)), abs=1e-9)
    at = np.arctan2(across, along)
    steps = np.angle(np.exp(1j * (np.roll(at, -1) - at)))
    assert max(ellipse.rx, ellipse.ry) * (1 - np.cos(np.abs(steps).max() / 2)) <= 0.05 + 1e-9
    assert entry["area"] / ellipse.area == pytest.approx(
        report.codes["approximated", "geometry.polygon"].least, abs=1e-9
    )
    drawn = mask_tools.decode(
        mask_tools.merge(mask_tools.frPyObjects([ring], HEIGHT, WIDTH))
    ).astype(bool)
    expected = conversions.to_segmentation(ellipse, (HEIGHT, WIDTH)).geo.astype(bool)
    assert np.array_equal(drawn, expected)
    assert isinstance(found.annotation_definition, Polygon)


@few
@given(ellipses(least=1.0))
def test_an_ellipse_in_yolo_is_its_box_its_pixels_or_its_rotated_box(ellipse: Ellipse) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for task in ("detect", "segment", "obb"):
            report = write(Path(folder, task), ellipse, to="yolo", task=task)
            assert (report.read, report.approximated) == (1, 1)
            (record,) = read(Path(folder, task))
            found[task] = record.annotation_definition
    assert found["detect"].bounds == pytest.approx(ellipse.bounds, abs=1e-3)
    assert iou(found["segment"], ellipse) == 1.0
    turned = np.sort(np.round(conversions.to_rotated_box(ellipse).corners, 2), axis=0)
    assert np.sort(conversions.to_polygon(found["obb"]).geo, axis=0) == pytest.approx(
        turned, abs=0.02
    )


@pytest.mark.parametrize(("to", "task", "options"), TARGETS)
def test_shapes_without_an_area_are_left_out_not_written_as_nothing(
    tmp_path: Path, to: str, task: str | None, options: dict[str, Any]
) -> None:
    flat = [Ellipse(9, 9, 0, 0, 0, "thing"), Ellipse(9, 9, 4, 0, 0, "thing")]
    cube = Cube.from_points([[k, 5] for k in range(8)], "thing")
    report = write(tmp_path / "out", *flat, cube, to=to, task=task, **options)
    assert codes(report) == {("dropped", "polygon.zero_area"): 3}
    assert read(tmp_path / "out") == []


@pytest.mark.parametrize(("to", "task", "options"), TARGETS)
def test_numbers_beyond_all_measure_end_in_the_report(
    tmp_path: Path, to: str, task: str | None, options: dict[str, Any]
) -> None:
    far = Ellipse(1e308, 5, 1e308, 4, 10, "thing")
    report = write(tmp_path / "out", far, to=to, task=task, **options)
    assert codes(report) == {("dropped", "geometry.none"): 1}


# ------------------------------------------------------------------ cubes, lines, notes


@few
@given(cubes())
def test_a_cube_becomes_its_hull_its_box_or_its_smallest_rectangle(cube: Cube) -> None:
    import shapely

    hull = shapely.convex_hull(shapely.multipoints(cube.geo))
    if hull.area < 1:
        return
    with tempfile.TemporaryDirectory() as folder:
        found, least = {}, {}
        for to, task in (("coco", None), ("yolo", "detect"), ("yolo", "obb"), ("voc", "detect")):
            place = Path(folder, f"{to}{task}")
            report = write(place, cube, to=to, task=task)
            assert report.approximated == 1
            least[to, task] = next(iter(report.codes.values())).least
            (record,) = read(place)
            found[to, task] = record.annotation_definition
    ring = shapely.Polygon(found["coco", None].geo)
    assert shapely.symmetric_difference(ring, hull).area < 1e-6
    for where in (("yolo", "detect"), ("voc", "detect")):
        assert found[where].bounds == pytest.approx(cube.bounds, abs=1e-3)
    around = shapely.Polygon(conversions.to_polygon(found["yolo", "obb"]).geo)
    assert shapely.buffer(around, 0.01).covers(hull)
    assert around.area == pytest.approx(hull.minimum_rotated_rectangle.area, abs=0.05)
    left, top, right, bottom = cube.bounds
    share = hull.area / ((right - left) * (bottom - top))
    assert least["voc", "detect"] == pytest.approx(share, abs=1e-9)


HOLDS_LINES = {("yolo", "detect"), ("voc", "detect"), ("voc", "segment")}


@pytest.mark.parametrize(("to", "task", "options"), TARGETS)
def test_an_open_line_is_the_box_around_it_or_left_out(
    tmp_path: Path, to: str, task: str | None, options: dict[str, Any]
) -> None:
    line = Polyline([[[4, 4], [20, 8]], [[9, 30], [10, 12]]], "thing")
    report = write(tmp_path / "out", line, to=to, task=task, **options)
    if (to, task) not in HOLDS_LINES:
        assert codes(report) == {("dropped", "geometry.line"): 1}
        assert read(tmp_path / "out") == []
        return
    assert codes(report) == {("approximated", "geometry.box"): 1}
    (found,) = read(tmp_path / "out")
    assert edges(found) == pytest.approx((4, 4, 20, 30), abs=1e-4)


@pytest.mark.parametrize(("to", "task", "options"), TARGETS)
def test_a_note_is_its_box_and_its_discussion_is_counted(
    tmp_path: Path, to: str, task: str | None, options: dict[str, Any]
) -> None:
    note = Note(4, 5, 20, 30, "thing", messages=[Message(body="why?")], assignee="you")
    report = write(tmp_path / "out", note, to=to, task=task, **options)
    assert codes(report) == {("approximated", "geometry.box"): 1}
    counted = {k: v for k, v in report.fields.items() if k.startswith("note.")}
    assert counted == {"note.messages": 1, "note.assignee": 1}
    (found,) = read(tmp_path / "out")
    assert edges(found) == pytest.approx((4, 5, 20, 30), abs=1e-4)


# ------------------------------------------------------------------ several shapes, frames


def test_shapes_that_have_room_beside_each_other_are_kept_and_the_others_told(
    tmp_path: Path,
) -> None:
    ring = [[1, 1], [9, 1], [9, 9]]
    two = Annotation(
        Polygon(ring, "thing"),
        companions=(Ellipse(20, 20, 5, 5, 0, "thing"), Box(1, 1, 9, 9, "thing")),
    )
    report = write(tmp_path / "a.json", two, to="coco")
    assert codes(report) == {("approximated", "geometry.companion"): 1}
    (found,) = read(tmp_path / "a.json")
    assert np.array_equal(found.annotation_definition.geo, ring)
    assert found.stored_bounds == (1, 1, 9, 9)
    report = write(
        tmp_path / "b.json",
        Annotation(Point(1, 2, "dot"), companions=(two.companions[1],)),
        to="coco",
    )
    assert codes(report) == {("approximated", "geometry.companion"): 1}


@pytest.mark.parametrize(("to", "task", "options"), TARGETS)
def test_states_over_frames_are_left_out_and_frame_numbers_are_not(
    tmp_path: Path, to: str, task: str | None, options: dict[str, Any]
) -> None:
    moving = Annotation(Box(1, 1, 9, 9, "thing"), id=1, frame_num=0, object_id="4")
    moving.add_frame(Box(2, 2, 10, 10, "thing"), 5)
    still = Annotation(Box(11, 1, 19, 9, "thing"), frame_num=3, end_frame_num=3, object_id="5")
    looked_at = moving.copy()
    looked_at.set_frame(5)
    report = write(tmp_path / "out", moving, still, looked_at, to=to, task=task, **options)
    assert report.codes["dropped", "video.frames"].count == 2
    assert "spans frames of a video" in report.codes["dropped", "video.frames"].message
    assert report.written + report.approximated == 1
    (found,) = read(tmp_path / "out")
    assert edges(found) == pytest.approx((11, 1, 19, 9), abs=1e-4)
    if to != "coco":
        assert report.fields["frame_num"] == report.fields["object_id"] == 1


def test_what_lies_in_a_video_is_left_out_of_targets_of_images(tmp_path: Path) -> None:
    still = Annotation(Box(11, 1, 19, 9, "thing"), frame_num=3)
    report = dataset(still, media="video").write(
        tmp_path / "out", format="yolo", task="detect", frames="none"
    )
    assert codes(report) == {("dropped", "video.frames"): 1}


# ------------------------------------------------------------------ measures and tasks


@few
@given(ellipses(least=3.0))
def test_measured_losses_are_those_of_the_pixels(ellipse: Ellipse) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for task, stand_in in (
            ("detect", conversions.to_box(ellipse)),
            ("obb", conversions.to_rotated_box(ellipse)),
        ):
            report = write(Path(folder, task), ellipse, to="yolo", task=task, dry_run=True)
            ((key, kind),) = [(k, v) for k, v in report.codes.items() if k[0] != "notice"]
            assert key[0] == "approximated"
            assert kind.least == pytest.approx(iou(ellipse, stand_in), abs=1e-12)


def test_measures_of_both_steps_are_multiplied(tmp_path: Path) -> None:
    ellipse = Ellipse(10.25, 10.25, 5, 3, 0, "thing")
    plain = write(tmp_path / "a", ellipse, to="voc", task="detect")
    rounded = write(tmp_path / "b", ellipse, to="voc", task="detect", voc_numbers="int")
    (one,), (both,) = plain.codes.values(), rounded.codes.values()
    assert one.code == both.code == "geometry.box"
    assert one.least == pytest.approx(math.pi / 4)
    assert both.least is not None
    (found,) = read(tmp_path / "b")
    assert both.least == pytest.approx(
        math.pi / 4 * overlap_of(conversions.to_box(ellipse).bounds, found.bounds)
    )


def overlap_of(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    import shapely

    a, b = shapely.box(*one), shapely.box(*other)
    return float(shapely.intersection(a, b).area / shapely.union(a, b).area)


MOVING = Annotation(Polygon([[1, 1], [9, 1], [9, 9]], "thing"), frame_num=0)
MOVING.add_frame(Polygon([[1, 1], [9, 1], [9, 8]], "thing"), 2)


@pytest.mark.parametrize(
    ("shape", "task"),
    [
        (Ellipse(9, 9, 4, 4, 0, "thing"), "segment"),
        (Cube.from_boxes_and_angle(0, 0, 4, 4, 2, 2, 8, 8, "thing"), "segment"),
        (Polyline([[0, 0], [3, 4]], "thing"), "detect"),
        (Note(1, 1, 9, 9, "thing"), "detect"),
        (Classification("thing"), "detect"),
        (Point(1, 1, "thing"), "detect"),
        (MOVING, "detect"),
    ],
)
def test_the_task_is_the_one_that_holds_most_of_the_shapes(shape: Any, task: str) -> None:
    record = shape if isinstance(shape, Annotation) else Annotation(shape)
    for name in ("yolo", "voc"):
        assert choose_task(dataset(record).reader, registry.find_format(name), None) == task


def test_platform_json_keeps_what_others_lower(tmp_path: Path) -> None:
    given_shapes = [
        Ellipse(20, 20, 9, 4, 30, "thing"),
        Cube.from_boxes_and_angle(2, 2, 12, 12, 6, 6, 18, 18, "thing"),
        Polyline([[1, 1], [9, 5]], "thing"),
        Note(1, 2, 10, 12, "thing", messages=[Message(body="hi")]),
    ]
    report = write(tmp_path / "in", *given_shapes, to="dataloop")
    assert report.written == 4
    assert [a.annotation_definition for a in read(tmp_path / "in")] == given_shapes
    for to, dropped in (("coco", 1), ("yolo", 1), ("voc", 0)):
        report = dlgeom.convert(tmp_path / "in", tmp_path / to, to_format=to)
        assert report.task == (None if to == "coco" else "segment")
        assert (report.read, report.dropped, report.approximated) == (4, dropped, 4 - dropped)


# ------------------------------------------------------------------ the step itself


@few
@given(st.lists(records(), max_size=4))
def test_a_writer_that_says_nothing_gets_all_as_it_is(given_records: list[Annotation]) -> None:
    (chunk,) = dataset(*given_records).chunks()
    lowered = Lowering(None)(chunk)
    assert lowered.chunk is chunk
    losses = Losses.none(len(chunk))
    assert lowered.settle(losses) == (chunk, losses)


@few
@given(st.lists(records(), max_size=4), st.sampled_from(["outline", "rotated", "box", "label"]))
def test_no_object_is_left_but_those_that_are_held(
    given_records: list[Annotation], shape: Any
) -> None:
    holds = frozenset({"point", "class"})
    (chunk,) = dataset(*given_records).chunks()
    lowered = Lowering(holds, Nearest(shape=shape, lines=True))(chunk)
    assert {a.type for a in lowered.chunk.others.values()} <= holds
    rows = range(len(chunk)) if lowered.rows is None else lowered.rows.tolist()
    assert [lowered.chunk.where(k) for k in range(len(rows))] == [chunk.where(k) for k in rows]
    whole, losses = lowered.settle(Losses.none(len(lowered.chunk), (("geometry.none", "none"),)))
    assert len(whole) == len(losses.status) == len(chunk)
    gone = sorted(set(range(len(chunk))) - set(rows))
    assert np.flatnonzero(losses.status == DROPPED).tolist() == gone
    assert all(losses.codes[k] in CODES for k in losses.code[losses.code >= 0].tolist())
    # What columns held before is what it was.
    for place, row in enumerate(rows):
        if row not in chunk.others:
            assert lowered.chunk.annotation(place) == chunk.annotation(row)


def test_what_the_writer_drops_is_dropped_for_its_reason() -> None:
    (chunk,) = dataset(Annotation(Ellipse(9, 9, 4, 4, 0, "thing"))).chunks()
    lowered = Lowering(frozenset(), Nearest(shape="box"))(chunk)
    said = Losses.none(1, (("ref.category", "no label"),))
    said.status[0], said.code[0] = DROPPED, 0
    _, losses = lowered.settle(said)
    assert losses.codes[losses.code[0]] == ("ref.category", "no label")
    said.status[0], said.measure[0] = APPROXIMATED, 0.5
    _, losses = lowered.settle(said)
    assert losses.codes[losses.code[0]][0] == "geometry.box"
    assert losses.measure[0] == pytest.approx(math.pi / 4 / 2)


def test_a_point_of_a_class_with_several_keypoints_is_no_coco_record(tmp_path: Path) -> None:
    report = write(tmp_path / "a.json", Point(1, 2, "thing"), Point(3, 4, "dot"), to="coco")
    assert codes(report) == {
        ("dropped", "keypoints.arity"): 1,
        ("approximated", "geometry.point"): 1,
    }
    (found,) = read(tmp_path / "a.json")
    assert found.label == "dot"


def test_subclasses_of_definitions_are_lowered_by_their_bounds(tmp_path: Path) -> None:
    class Window(Box):
        pass

    report = write(tmp_path / "a.json", Window(1, 2, 9, 8, "thing"), to="coco")
    assert codes(report) == {("approximated", "geometry.box"): 1}
    (found,) = read(tmp_path / "a.json")
    assert found.bounds == (1, 2, 9, 8)


def test_a_label_of_a_shape_counts_for_the_folder_of_a_class(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("L", (WIDTH, HEIGHT)).save(tmp_path / "a.png")
    item = Item(name="a.png", width=WIDTH, height=HEIGHT)
    shapes = [Ellipse(9, 9, 4, 4, 0, "part"), Classification("whole"), Point(1, 1, "whole")]
    found = AnnotationCollection(None, [Annotation(shape) for shape in shapes])
    data = Dataset.from_pairs([(item, found)])
    data.meta.images_root = tmp_path
    report = data.write(tmp_path / "out", format="yolo", task="classify", image_files="copy")
    assert codes(report) == {
        ("dropped", "label.second"): 1,
        ("approximated", "shape.box_of_image"): 1,
    }
    assert (tmp_path / "out" / "train" / "whole" / "a.png").is_file()


def test_chunks_are_not_changed(tmp_path: Path) -> None:
    (chunk,) = dataset(Annotation(Ellipse(9, 9, 4, 4, 0, "thing")), MOVING).chunks()
    again = Chunk.of(chunk.pairs())
    Lowering(frozenset(), Nearest(shape="box"))(chunk)
    assert chunk == again
