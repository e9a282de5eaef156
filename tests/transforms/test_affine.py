"""`Affine`: values, composition, inverse, and what it does to each kind of definition."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from strategies import boxes as upright_boxes
from strategies import ellipses, masks, polygons, rotated_boxes, simple_rings
from transform_strategies import (
    FEW,
    SOME,
    any_maps,
    collections,
    definitions,
    moves,
    rigid_maps,
    sizes,
)

import dlgeom as dl
from dlgeom import Affine
from dlgeom.errors import GeometryError, UsageError
from dlgeom.geometry import affine as maps
from dlgeom.geometry import ellipses as ellipse_kernels
from dlgeom.transforms import flip_pairs

POINTS = np.array([[0, 0], [1, 0], [0, 1], [37.25, -12.5], [1e4, 1e4], [-1e4, 5e3]])


# ---------------------------------------------------------------- the value


@given(any_maps())
def test_a_map_is_a_value(t: Affine) -> None:
    again = pickle.loads(pickle.dumps(t))
    assert again == t
    assert hash(again) == hash(t)
    assert Affine(t.matrix, t.size, t.source) == t
    assert not again.matrix.flags.writeable
    with pytest.raises(AttributeError, match="read-only"):
        t.size = (1, 1)  # type: ignore[misc]


@SOME
@given(any_maps(), any_maps())
def test_composition_does_one_after_the_other(a: Affine, b: Affine) -> None:
    expected = b.apply(a.apply(POINTS))
    scale = np.abs(expected).max() + 1
    assert np.allclose(a.then(b).apply(POINTS), expected, rtol=0, atol=1e-12 * scale)
    assert (b @ a) == a.then(b)
    assert a.then(b).det == pytest.approx(a.det * b.det, rel=1e-9)


@given(moves())
def test_a_map_and_its_inverse_are_the_identity(t: Affine) -> None:
    """Coordinates within 10,000 px, one map: within a billionth of a pixel."""
    assert np.allclose(t.inverse.apply(t.apply(POINTS)), POINTS, rtol=0, atol=1e-9)


@SOME
@given(any_maps())
def test_a_chain_and_its_inverse_are_the_identity(t: Affine) -> None:
    # Coordinates up to 10,000 px, maps that keep them below 10 million.
    there = t.apply(POINTS)
    if np.abs(there).max() < 1e6 and np.abs(t.inverse.matrix).max() < 1e3:
        assert np.allclose(t.inverse.apply(there), POINTS, rtol=0, atol=1e-6)
    near = POINTS[:4]
    if np.abs(t.matrix).max() < 1e3 and np.abs(t.inverse.matrix).max() < 1e3:
        assert np.allclose((~t).apply(t.apply(near)), near, rtol=0, atol=1e-9)


@given(sizes(5_000), st.sampled_from(["horizontal", "vertical", "both"]))
def test_flip_twice_is_the_identity_exactly(size: tuple[int, int], direction: str) -> None:
    t = Affine.flip(direction, size=size)
    assert t.then(t) == Affine.identity(size)
    assert t.inverse == t
    assert t.mirrors == (direction != "both")


@given(sizes(5_000), st.integers(-9, 9))
def test_four_quarter_turns_are_the_identity_exactly(size: tuple[int, int], k: int) -> None:
    t = Affine.rot90(k, size=size)
    once, all_of_them = Affine.rot90(1, size=size), Affine.identity(size)
    for _ in range(4):
        all_of_them = all_of_them.then(Affine.rot90(k, size=all_of_them.size))  # type: ignore[arg-type]
    assert all_of_them == Affine.identity(size)
    assert t.inverse.then(t) == Affine.identity(t.size)
    assert once.size == size[::-1]
    assert once.apply([[0, 0]]).tolist() == [[0, size[0]]]


@given(sizes(5_000), st.integers(1, 8))
def test_exif_has_an_exact_inverse(size: tuple[int, int], orientation: int) -> None:
    t = Affine.exif(orientation, size)
    assert t.size == (size if orientation < 5 else size[::-1])
    assert t.then(t.inverse) == Affine.identity(size)


@given(sizes(3_000), sizes(3_000), st.booleans())
def test_letterbox_fits_keeps_the_form_and_comes_back(
    size: tuple[int, int], to: tuple[int, int], scale_up: bool
) -> None:
    t = Affine.letterbox(size, to, scale_up=scale_up)
    r = t.matrix[0, 0]
    assert t.matrix[1, 1] == r
    assert r == min(to[0] / size[0], to[1] / size[1], *([] if scale_up else [1.0]))
    # The bars as Ultralytics has them.
    for axis in (0, 1):
        spare = (to[axis] - max(round(size[axis] * r), 1)) / 2
        assert t.matrix[axis, 2] == round(spare - 0.1)
    corners = t.apply([[0, 0], size])
    assert (corners >= -0.5).all()
    assert (corners <= np.array(to) + 0.51).all() or min(size) * r < 1
    back = t.inverse
    assert (back.size, back.source) == (size, to)
    assert np.allclose(back.apply(t.apply([[1.5, 2.5], size])), [[1.5, 2.5], size], atol=1e-9)


def test_letterbox_of_a_known_size() -> None:
    t = Affine.letterbox((1920, 1080), (640, 640))
    assert t.apply([[0, 0], [1920, 1080]]).tolist() == [[0, 140], [640, 500]]
    small = Affine.letterbox((100, 50), (640, 640), scale_up=False)
    assert small.apply([[0, 0], [100, 50]]).tolist() == [[270, 295], [370, 345]]
    assert Affine.letterbox((10, 5), (20, 20), align="left-top").apply([[0, 0]]).tolist() == [
        [0, 0]
    ]


@given(sizes(500), st.floats(-720, 720))
def test_rotate_with_expand_holds_all_corners(size: tuple[int, int], angle: float) -> None:
    w, h = size
    t = Affine.rotate(angle, center=(w / 2, h / 2), size=size, expand=True)
    corners = t.apply([[0, 0], [w, 0], [w, h], [0, h]])
    assert t.size is not None
    assert corners.min() >= -1e-5
    assert (corners <= np.array(t.size) + 1e-5).all()
    assert (np.array(t.size) - np.ptp(corners, axis=0) < 1 + 1e-5).all()
    quarter = Affine.rotate(90, center=(w / 2, h / 2), size=size, expand=True)
    assert quarter.size == (h, w)
    assert quarter == Affine.rot90(-1, size=size)


def test_crops_compose() -> None:
    t = Affine.crop(10, 20, 60, 80).then(Affine.crop(5, 5, 25, 15))
    assert t == Affine.crop(15, 25, 35, 35)


def test_sizes_are_checked_along_a_chain() -> None:
    first = Affine.resize((64, 32), size=(100, 50))
    with pytest.raises(UsageError, match=r"gives an image of \(64, 32\)"):
        first.then(Affine.flip(size=(100, 50)))
    chain = Affine.translate(1, 2).then(first).then(Affine.rotate(3))
    assert (chain.source, chain.size) == ((100, 50), (64, 32))
    assert chain.inverse.size == (100, 50)


@pytest.mark.parametrize(
    ("build", "error", "match"),
    [
        (lambda: Affine.scale(0).inverse, GeometryError, "no inverse"),
        (lambda: Affine.scale(1, 0).inverse, GeometryError, "no inverse"),
        (lambda: Affine([[1, 2, 0], [2, 4, 0]]).inverse, GeometryError, "no inverse"),
        (lambda: Affine(np.eye(2)), GeometryError, "shape"),
        (lambda: Affine([[1, 0, 0], [0, 1, 0], [0, 1, 1]]), GeometryError, "last row"),
        (lambda: Affine([[1, 0, math.nan], [0, 1, 0]]), GeometryError, "finite"),
        (lambda: Affine.translate(math.inf), GeometryError, "finite"),
        (lambda: Affine.shear(90), GeometryError, "between -90 and 90"),
        (lambda: Affine.flip("sideways", size=(4, 4)), UsageError, "horizontal"),
        (lambda: Affine.flip(size=None), UsageError, "size"),  # type: ignore[arg-type]
        (lambda: Affine.flip(size=(4.5, 4)), UsageError, "whole"),  # type: ignore[arg-type]
        (lambda: Affine.rot90(0.5, size=(4, 4)), UsageError, "quarter"),  # type: ignore[arg-type]
        (lambda: Affine.exif(9, (4, 4)), UsageError, "1 to 8"),
        (lambda: Affine.crop(0, 0, 0, 5), GeometryError, "no area"),
        (lambda: Affine.crop(0, 0, 2.5, 5), GeometryError, "whole"),
        (lambda: Affine.resize((0, 3), size=(4, 4)), UsageError, "> 0"),
        (lambda: Affine.identity().apply("cat"), UsageError, "cannot be moved"),
        (lambda: Affine.identity().apply(np.zeros((4, 5))), UsageError, "cannot be moved"),
        (lambda: Affine.rotate(3).apply(dl.Box(0, 0, 1, 1), boxes="x"), UsageError, "boxes is"),
        (lambda: Affine.scale(1e300).apply([[1e300, 0]]), GeometryError, "beyond"),
        (lambda: dl.Box(0, 0, 1, 1).flip(), UsageError, "needs the size"),
    ],
)
def test_refusals_say_why(build: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        build()  # type: ignore[operator]


# ---------------------------------------------------------------- shapes


@SOME
@given(definitions(), any_maps())
def test_a_definition_comes_back_from_its_inverse(d: dl.Definition, t: Affine) -> None:
    if isinstance(d, dl.Segmentation | dl.Note) or np.abs(t.inverse.matrix[:2, :2]).max() > 10:
        return
    there = t.apply(d)
    assert (there.label, there.attributes) == (d.label, d.attributes)
    back = t.inverse.apply(there)
    if isinstance(d, dl.Box):
        corners = there.corners if isinstance(there, dl.Box) else there.geo
        if len(corners) == 4:  # of a box without height the polygon has three
            _near_corners(t.inverse.apply(corners), d.corners, 1e-9)
    elif isinstance(d, dl.Ellipse):
        _same_ellipse(back, d)  # type: ignore[arg-type]
    elif isinstance(d, dl.Pose):
        seen = d.keypoints[:, 2] > 0
        assert np.allclose(back.geo[seen], d.geo[seen], rtol=0, atol=1e-9)
        assert np.array_equal(back.keypoints[:, 2], d.keypoints[:, 2])
    elif isinstance(d, dl.Cube):
        assert np.allclose(back.geo, d.geo, rtol=0, atol=1e-9)
    else:
        assert back.is_close(d, atol=1e-9)


def _same_ellipse(a: dl.Ellipse, b: dl.Ellipse, atol: float = 1e-6) -> None:
    """Compare as matrices: axes of a circle have no direction."""
    assert np.allclose(a.center, b.center, rtol=0, atol=1e-9)

    def shape(e: dl.Ellipse) -> np.ndarray:
        turn = maps.rotation(e.angle)[:2, :2]
        return np.asarray(turn @ np.diag([e.rx**2, e.ry**2]) @ turn.T)

    size = max(b.rx, b.ry, 1.0) ** 2
    assert np.allclose(shape(a), shape(b), rtol=0, atol=atol * 1e-3 * size)


@SOME
@given(definitions(kinds=("box", "rotated", "polygon", "ring", "ellipse", "cube")), any_maps())
def test_area_grows_by_the_determinant(d: dl.Definition, t: Affine) -> None:
    there = t.apply(d)
    size = max(1.0, *np.abs(t.matrix[:2, :2]).ravel()) ** 2
    assert there.area == pytest.approx(d.area * abs(t.det), rel=1e-6, abs=1e-6 * size)


@SOME
@given(upright_boxes(), any_maps())
def test_corners_of_boxes_go_where_the_map_takes_them(rows: np.ndarray, t: Affine) -> None:
    for row in rows:
        box = dl.Box(*row.tolist(), "cat")
        found = t.apply(box)
        corners = found.corners if isinstance(found, dl.Box) else found.geo
        scale = 1 + np.abs(t.matrix).max()
        if len(corners) == 4:  # a polygon leaves out a last vertex that repeats the first
            _near_corners(corners, t.apply(box.corners), 1e-10 * scale)
        bounds = t.apply(box, boxes="bounds")
        expected = t.apply(box.corners)
        assert isinstance(bounds, dl.Box)
        assert not bounds.is_rotated
        assert np.allclose(bounds.bounds[:2], expected.min(axis=0), atol=1e-10 * scale)
        assert np.allclose(bounds.bounds[2:], expected.max(axis=0), atol=1e-10 * scale)
        assert isinstance(t.apply(box, boxes="polygon"), dl.Polygon)


def _near_corners(a: np.ndarray, b: np.ndarray, atol: float) -> None:
    turns = [np.roll(side, k, axis=0) for side in (a, a[::-1]) for k in range(4)]
    assert min(np.abs(turn - b).max() for turn in turns) <= atol


@SOME
@given(rotated_boxes(), rigid_maps())
def test_rotated_boxes_stay_boxes_under_rigid_maps(rows: np.ndarray, t: Affine) -> None:
    for row in rows:
        box = dl.Box.from_rotated(row, "cat")
        found = t.apply(box)
        assert isinstance(found, dl.Box)
        assert (found.width, found.height) == pytest.approx((box.width, box.height), rel=1e-12)
        _near_corners(found.corners, t.apply(box.corners), 1e-9)


@SOME
@given(rotated_boxes(), any_maps())
def test_a_box_that_must_be_a_box_holds_the_parallelogram(rows: np.ndarray, t: Affine) -> None:
    from dlgeom.geometry import rotated

    found, exact = maps.rotated_boxes(t.matrix, rows)
    for row, one, stays in zip(rows, found, exact, strict=True):
        corners = t.apply(rotated.corners(row)[0])
        best = rotated.min_area_rectangle(corners)
        area = best[2] * best[3]
        size = 1 + np.abs(corners).max()
        assert one[2] * one[3] == pytest.approx(area, rel=1e-6, abs=1e-6 * size)
        box = shapely.Polygon(rotated.corners(one)[0]).buffer(1e-6 * size)
        assert all(box.covers(shapely.Point(corner)) for corner in corners)
        assert stays == isinstance(t.apply(dl.Box.from_rotated(row, "cat")), dl.Box)


@SOME
@given(ellipses(flat=False), any_maps())
def test_an_ellipse_stays_an_ellipse(rows: np.ndarray, t: Affine) -> None:
    """Mapped points of the outline lie on the mapped ellipse."""
    for row in rows:
        found = maps.ellipses(t.matrix, row)[0]
        points = t.apply(ellipse_kernels.outline(row))
        turn = maps.rotation(-found[4])[:2, :2]
        local = (points - found[:2]) @ turn.T / found[2:4]
        assert np.allclose((local**2).sum(axis=1), 1, atol=1e-5)
        assert np.isclose(found[2] * found[3], row[2] * row[3] * abs(t.det), rtol=1e-9)


@SOME
@given(simple_rings(), simple_rings(center=(18.0, 10.0)), rigid_maps())
def test_iou_is_the_same_after_rigid_maps(a: np.ndarray, b: np.ndarray, t: Affine) -> None:
    def iou(one: np.ndarray, other: np.ndarray) -> float:
        p, q = shapely.Polygon(one), shapely.Polygon(other)
        return float(p.intersection(q).area / p.union(q).area)

    before = iou(a, b)
    first, second = t.apply(dl.Polygon(a, "x")), t.apply(dl.Polygon(b, "x"))
    assert iou(first.geo, second.geo) == pytest.approx(before, abs=1e-9)


@SOME
@given(masks(), st.integers(-30, 30), st.integers(-30, 30), polygons(max_parts=2, cell=12.0))
def test_translation_by_pixels_commutes_with_rasterising(
    mask: np.ndarray, dx: int, dy: int, parts: list[list[np.ndarray]]
) -> None:
    shape = mask.shape
    # A polygon on eighths of pixels: the sums are exact.
    grid = [[np.round(ring * 8) / 8 for ring in part] for part in parts]
    polygon = dl.Polygon.from_parts(grid, "cat")
    big = (shape[0] + 120, shape[1] + 120)
    placed = polygon.translate(40, 40)
    first = dl.conversions.to_segmentation(placed, big).translate(dx, dy)
    then = dl.conversions.to_segmentation(placed.translate(dx, dy), big)
    inner = (slice(31, big[0] - 31), slice(31, big[1] - 31))
    assert np.array_equal(first.geo[inner], then.geo[inner])


@SOME
@given(definitions(), st.sampled_from(["horizontal", "vertical", "both"]))
def test_definitions_flip_twice_to_themselves(d: dl.Definition, direction: str) -> None:
    size = (48, 40)
    there = d.flip(direction, size=size)
    back = there.flip(direction, size=size)
    if isinstance(d, dl.Pose):
        seen = d.keypoints[:, 2] > 0
        assert np.allclose(back.geo[seen], d.geo[seen], rtol=0, atol=1e-12)
        return
    if isinstance(d, dl.Segmentation):
        assert back == d
    elif isinstance(d, dl.Ellipse):
        _same_ellipse(back, d)  # type: ignore[arg-type]
    else:
        assert back.is_close(d, atol=1e-9)


@given(st.integers(-8, 8), st.lists(st.integers(0, 800), min_size=4, max_size=4))
def test_eighths_of_pixels_turn_and_come_back_exactly(k: int, edges: list[int]) -> None:
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    box = dl.Box(left / 8, top / 8, right / 8, bottom / 8, "cat")
    size = (100, 80)
    there = box.rot90(k, size=size)
    back = there.rot90(-k, size=size[::-1] if k % 2 else size)
    assert back == box
    assert isinstance(there, dl.Box)
    assert not there.is_rotated
    turned = dl.Box(*box.bounds, "cat", angle=45)
    again = turned
    for turn in range(4):
        again = again.rot90(1, size=size[::-1] if turn % 2 else size)  # type: ignore[assignment]
    assert again == turned


def test_angles_stay_plain_numbers() -> None:
    box = dl.Box(0, 0, 10, 4, "cat")
    assert box.rotate(30).angle == 30
    assert box.rotate(30).rotate(60).angle == 90
    assert box.rotate(200).angle == -160
    assert box.rotate(90) == dl.Box(-4, 0, 0, 10, "cat")
    assert dl.Ellipse(0, 0, 4, 2, 10, "cat").rotate(20).angle == 30
    assert dl.Box(0, 0, 10, 4, "cat", angle=30).flip(size=(20, 20)).angle == 150


def test_a_cube_keeps_left_left_in_a_mirror() -> None:
    cube = dl.Cube.from_boxes_and_angle(0, 0, 40, 40, 20, 20, 60, 60, "crate")
    flipped = cube.flip(size=(100, 100))
    assert flipped.front_tl.tolist() == [60, 0]
    assert flipped.front_tr.tolist() == [100, 0]
    assert flipped.angle == 0
    assert cube.rotate(90).angle == 90
    assert cube.translate(3, 4).angle == cube.angle
    assert np.array_equal(
        np.unique(flipped.geo, axis=0), np.unique([[100, 0]] + cube.geo * [-1, 1], axis=0)
    )


@FEW
@given(collections())
def test_nothing_of_the_callers_changes(collection: dl.AnnotationCollection) -> None:
    before = pickle.dumps(collection)
    for moved in (
        collection.rotate(33),
        collection.flip(),
        collection.letterbox((64, 64)),
        collection.crop(3, 4, 30, 20),
        collection.tile(16, overlap=4),
    ):
        assert moved is not None
    assert pickle.dumps(collection) == before


def test_without_definition_everything_goes() -> None:
    item = dl.Item(width=20, height=10)
    collection = dl.AnnotationCollection(item, [dl.Annotation.new(item=item)])
    assert len(collection.rotate(10)) == 1
    assert len(collection.crop(0, 0, 5, 5)) == 1
    assert collection.tile(8).merge() == collection


# ---------------------------------------------------------------- key points


def test_key_points_change_sides_in_a_mirror() -> None:
    names = ["nose", "left_eye", "right_eye"]
    pose = dl.Pose("person", "t", points=[dl.Point(10 * k, k, n) for k, n in enumerate(names, 1)])
    flipped = pose.flip(size=(100, 50))
    assert flipped.keypoints[:, :2].tolist() == [[90, 1], [70, 3], [80, 2]]
    assert flipped.names == tuple(names)
    assert [p.label for p in flipped.points] == names
    assert pose.flip(size=(100, 50), flip_idx=False).keypoints[1].tolist() == [80, 2, 2]
    assert pose.flip(size=(100, 50), flip_idx=[1, 0, 2]).keypoints[0].tolist() == [80, 2, 2]
    assert pose.rot90(2, size=(100, 50)).keypoints[1].tolist() == [80, 48, 2]
    mirror = Affine.scale(-1, 1, center=(50, 0)).then(Affine.rotate(30))
    assert np.allclose(mirror.apply(pose).geo[1], mirror.apply([[30, 3]]))
    with pytest.raises(UsageError, match="flip_idx"):
        pose.flip(size=(100, 50), flip_idx=[0, 0, 1])


def test_labels_tell_which_key_points_change_places() -> None:
    from dlgeom.labels import Label, LabelTable

    pose = dl.Pose("person", None, points=[dl.Point(1, 1, "0"), dl.Point(2, 2, "1")])
    item = dl.Item(width=10, height=10)
    for label in (
        Label(name="person", flip=(1, 0)),
        Label(name="person", keypoints=("left_eye", "right_eye")),
    ):
        collection = dl.AnnotationCollection(item, [dl.Annotation(pose)], LabelTable([label]))
        assert collection.flip()[0].geo.tolist() == [[8, 2], [9, 1]]
    assert collection.flip(flip_idx={"person": (0, 1)})[0].geo.tolist() == [[9, 1], [8, 2]]


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["left_eye", "right_eye"], (1, 0)),
        (["Left Eye", "nose", "Right Eye"], (2, 1, 0)),
        (["leftEye", "rightEye"], (1, 0)),
        (["LEye", "REye"], (1, 0)),
        (["l_eye", "r_eye"], (1, 0)),
        (["eye.L", "eye.R"], (1, 0)),
        (["eye-l", "eye-r"], (1, 0)),
        (["lefteye", "righteye"], (1, 0)),
        (["front_left_wheel", "front_right_wheel", "rear_left_wheel"], (1, 0, 2)),
        (["left", "right"], (1, 0)),
        (["left_eye", "left_eye", "right_eye"], (0, 1, 2)),
        (["lamp", "ramp"], (0, 1)),
        (["0", "1"], (0, 1)),
        ([], ()),
    ],
)
def test_names_tell_sides(names: list[str], pairs: tuple[int, ...]) -> None:
    assert flip_pairs(names) == pairs


@given(st.lists(st.sampled_from(["left_a", "right_a", "a", "l b", "R b", "b.l", "leftb"])))
def test_pairs_undo_themselves(names: list[str]) -> None:
    pairs = flip_pairs(names)
    assert [pairs[k] for k in pairs] == list(range(len(names)))


def test_key_points_that_leave_are_not_visible_and_keep_their_place() -> None:
    points = [dl.Point(5, 5, "a"), dl.Point(60, 5, "b"), dl.Point(0, 0, "c", visibility=0)]
    pose = dl.Pose("person", "t", points=points)
    t = Affine.crop(0, 0, 50, 50).then(Affine.translate(2, 3))
    found = t.apply(pose)
    assert found.keypoints.tolist() == [[7, 8, 2], [62, 8, 0], [0, 0, 0]]
    assert found.points[0].visibility is None
    # Without a size nothing can leave; what was outside before did not leave.
    assert pose.translate(100, 0).keypoints[0, 2] == 2
    assert Affine.translate(1, 0, size=(50, 50)).apply(pose).keypoints[1, 2] == 2


def test_key_points_in_one_call() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate((rng.uniform(0, 100, (5, 3, 2)), np.full((5, 3, 1), 2.0)), axis=2)
    t = Affine.flip(size=(100, 100))
    found = t.keypoints(points, flip_idx=[1, 0, 2])
    assert np.allclose(found[:, 0, 0], 100 - points[:, 1, 0])
    assert found.shape == (5, 3, 3)


def test_boxes_in_one_call() -> None:
    t = Affine.rotate(30)
    rows = np.array([[0, 0, 4, 2], [1, 1, 3, 9.0]])
    rotated = t.boxes(rows, boxes_as="rotated")
    assert rotated[:, 4].tolist() == [30, 30]
    corners = t.boxes(rows, boxes_as="corners")
    assert np.allclose(
        t.boxes(rotated, boxes_as="corners"), t.then(t).boxes(rows, boxes_as="corners")
    )
    assert np.allclose(t.boxes(rows)[:, :2], corners.min(axis=1))
    assert t.boxes(np.zeros((0, 4))).shape == (0, 4)
    assert t.boxes([], boxes_as="rotated").shape == (0, 5)
    with pytest.raises(UsageError, match="boxes have shape"):
        t.boxes(np.zeros((2, 3)))


# ---------------------------------------------------------------- annotations


def test_an_annotation_moves_with_all_it_has() -> None:
    item = dl.Item(width=100, height=50, exif_orientation=6, metadata={"system": {"width": 100}})
    annotation = dl.Annotation(
        dl.Box(10, 10, 30, 20, "cat"),
        id=7,
        companions=(dl.Polygon([[10, 10], [30, 10], [30, 20]], "cat"),),
        stored_bounds=(10, 10, 30, 20),
        stored_area=200,
        children=(dl.Annotation(dl.Point(12, 12, "tip")),),
        item=item,
        record=object(),
    )
    moved = annotation.resize((200, 200))
    assert moved.annotation_definition == dl.Box(20, 40, 60, 80, "cat")
    assert moved.companions[0].bounds == (20, 40, 60, 80)
    assert moved.stored_bounds == (20, 40, 60, 80)
    assert moved.stored_area == 200 * 8
    assert moved.children[0].geo.tolist() == [24, 48]
    assert (moved.id, moved.record) == (7, None)
    assert (moved.item.width, moved.item.height, moved.item.exif_orientation) == (200, 200, None)
    assert moved.item.metadata == {"system": {"width": 200}}
    assert (item.width, item.exif_orientation) == (100, 6)


def test_tracks_move_in_all_frames() -> None:
    item = dl.Item(name="a.mp4", media="video", width=100, height=100)
    track = dl.Annotation.new(item, dl.Box(0, 0, 10, 10, "car"), object_id=1, frame_num=0)
    track.add_frame(dl.Box(20, 0, 30, 10, "car"), 5)
    track.add_frames(dl.Box(40, 0, 50, 10, "car"), 8, 10)
    moved = track.translate(0, 7)
    assert [moved.frames[k].top for k in (0, 5, 9)] == [7, 7, 7]
    assert [moved.frames[k].left for k in (0, 5, 9)] == [0, 20, 40]
    assert moved.end_frame == 10
    track.set_frame(5)
    again = track.translate(0, 7)
    assert again.current_frame == 5
    assert again == moved
    # All frames have one type, whatever becomes of each.
    track = dl.Annotation.new(item, dl.Box(0, 0, 10, 10, "car"), frame_num=0)
    track.add_frame(dl.Box(20, 0, 30, 20, "car", angle=30), 1)
    kinds = {state.type for state in track.scale(2, 1).states}
    assert kinds == {"segment"}


@SOME
@given(collections(), moves())
def test_a_collection_moves_as_each_of_its_definitions(
    collection: dl.AnnotationCollection, t: Affine
) -> None:
    sized = t.for_image((48, 40))
    for before, after in zip(collection, t.apply(collection), strict=True):
        shapes = {type(s.annotation_definition) for s in after.states}
        assert len(shapes) == 1
        if len(before.states) == 1:
            expected = sized.apply(before.annotation_definition)
            assert after.annotation_definition == expected
        if before.stored_area is not None:
            assert after.stored_area == before.stored_area * abs(t.det)


def test_the_scale_of_a_cuboid_stays_what_it_was() -> None:
    cuboid = dl.Annotation(dl.Cube3d("car", [0, 0, 9], [1, 2, 3], [0, 0, 0]))
    assert cuboid.scale.tolist() == [1, 2, 3]
    assert cuboid.affine(Affine.scale(2)) == cuboid
    box = dl.Annotation(dl.Box(1, 2, 3, 4, "a"))
    assert box.scale(2, 3).bounds == (2, 6, 6, 12)
    assert dl.AnnotationCollection(None, [box, cuboid]).scale(2)[1] == cuboid


def test_a_list_moves_one_by_one() -> None:
    t = Affine.translate(1, 2)
    shapes = [dl.Box(0, 0, 1, 1, "a"), dl.Point(3, 4, "b")]
    assert t.apply(shapes) == [shape.translate(1, 2) for shape in shapes]
    with pytest.raises(UsageError, match="str cannot be moved"):
        t.apply([shapes[0], "cat"])
    assert Affine.translate(1).apply([]) == []


def test_a_box_of_one_place_moves_as_any_box() -> None:
    box = dl.Box(5, 6, 5, 6, "dust")
    moved = Affine.flip(size=(9, 9)).apply(box, boxes="polygon")
    assert isinstance(moved, dl.Polygon)
    assert moved.bounds == (4, 6, 4, 6)
    track = dl.Annotation.new(None, box, frame_num=0)
    track.add_frame(dl.Box(0, 0, 4, 4, "dust", angle=30), 1)
    sheared = Affine.shear(20, size=(9, 9)).apply(track)
    assert {type(state.annotation_definition) for state in sheared.states} == {dl.Polygon}
    assert sheared.crop(0, 0, 9, 9) is not None


def test_an_ellipse_without_width_keeps_its_axes() -> None:
    flat = dl.Ellipse(60, 40, 0, 10, 30, "line")
    there = Affine.scale(2, 0.5, center=(3, 4))
    back = there.inverse.apply(there.apply(flat))
    assert back.is_close(flat, atol=1e-9)  # type: ignore[attr-defined]
    assert not np.signbit(there.apply(flat).rx)  # type: ignore[attr-defined]


@given(masks(), st.floats(-9, 9), st.floats(-9, 9))
def test_a_mask_shifts_by_fractions_as_by_any_map(mask: np.ndarray, dx: float, dy: float) -> None:
    shape = dl.Segmentation(mask, "cat")
    dx, dy = round(dx, 3), round(dy, 3)  # halves are ties, which both give to the same side
    assert shape.translate(dx, dy) == Affine.translate(dx, dy).apply(shape)


def test_a_collection_without_a_size_says_what_is_missing() -> None:
    collection = dl.AnnotationCollection(None, [dl.Annotation(dl.Box(0, 0, 1, 1, "cat"))])
    for method in (collection.flip, collection.rot90, lambda: collection.tile(8)):
        with pytest.raises(UsageError, match="size"):
            method()
    assert collection.flip(size=(10, 10))[0].left == 9
    assert collection.rotate(10)[0].angle == 10
    other = dl.AnnotationCollection(dl.Item(width=8, height=8), collection)
    with pytest.raises(UsageError, match="is for an image"):
        Affine.flip(size=(9, 9)).apply(other)
    with pytest.raises(UsageError, match="is for an image"):
        Affine.flip(size=(9, 9)).apply(dl.Segmentation(np.ones((4, 4)), "m"))
