"""Laws of the conversions between shapes."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    boxes,
    coordinates,
    cubes,
    ellipses,
    lines,
    masks,
    polygons,
    rings,
    rotated_boxes,
    simple_rings,
)

from dlgeom import conversions
from dlgeom.definitions import (
    Box,
    Classification,
    Comparison,
    Cube,
    Cube3d,
    Description,
    Ellipse,
    FreeText,
    Gis,
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
from dlgeom.errors import GeometryError

REST = ("x", {"k": 1}, "words")


def _shapely(polygon: Polygon) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in polygon.parts])


@given(masks(allow_empty=False))
def test_mask_to_polygon_to_mask_is_identity(mask: np.ndarray) -> None:
    polygon = conversions.mask_to_polygon(mask, "x")
    assert np.array_equal(conversions.polygon_to_mask(polygon, mask.shape), mask)
    assert polygon.area == mask.sum()
    same = conversions.mask_to_polygon(Segmentation(mask, "x"), "x")
    assert np.array_equal(conversions.polygon_to_mask(same, mask.shape), mask)


@given(masks(allow_empty=False))
def test_segmentation_to_polygon_to_segmentation_is_identity(mask: np.ndarray) -> None:
    shape = Segmentation(mask, *REST)
    assert conversions.to_segmentation(conversions.to_polygon(shape), mask.shape) == shape


@given(masks(12, allow_empty=False))
def test_epsilon_0_keeps_each_pixel_corner(mask: np.ndarray) -> None:
    whole = conversions.mask_to_polygon(mask, "x")
    corners = conversions.mask_to_polygon(mask, "x", epsilon=0)
    assert corners.perimeter == whole.perimeter == len(corners.x)
    assert corners.area == whole.area
    assert np.array_equal(conversions.polygon_to_mask(corners, mask.shape), mask)


@given(masks(16, allow_empty=False), st.sampled_from([0.5, 1, 1.5, 3, 50]))
def test_simplifying_keeps_distance_parts_and_validity(mask: np.ndarray, epsilon: float) -> None:
    exact = conversions.mask_to_polygon(mask, "x")
    thin = conversions.mask_to_polygon(mask, "x", epsilon=epsilon)
    assert [len(part) for part in thin.parts] == [len(part) for part in exact.parts]
    assert len(thin.x) <= len(exact.x)
    one, other = _shapely(exact), _shapely(thin)
    assert other.is_valid
    assert one.boundary.hausdorff_distance(other.boundary) <= epsilon + 1e-9


@given(polygons(), st.floats(0.1, 20))
def test_simplifying_any_valid_polygon_keeps_it_valid(
    parts: list[list[np.ndarray]], epsilon: float
) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    thin = conversions.simplify(polygon, epsilon=epsilon)
    assert _shapely(thin).is_valid
    assert len(thin.rings) == len(polygon.rings)
    one, other = _shapely(polygon).boundary, _shapely(thin).boundary
    assert one.hausdorff_distance(other) <= epsilon + 1e-9
    assert (thin.label, thin.attributes, thin.description) == REST


def test_a_polygon_that_crosses_itself_is_repaired_before_it_is_simplified() -> None:
    bow = Polygon([[0, 0], [4, 4], [4, 0], [0, 4]], "x")
    assert conversions.simplify(bow, epsilon=0) is bow
    thin = conversions.simplify(bow, epsilon=1)
    assert thin.is_valid
    assert thin.area == 8
    flat = Polygon([[0, 0], [4, 4], [2, 2], [3, 3]], "x")
    assert conversions.simplify(flat, epsilon=1) is flat


@pytest.mark.parametrize("epsilon", [-1, np.nan, np.inf])
def test_a_bad_epsilon_is_refused(epsilon: float) -> None:
    for source in (conversions.mask_to_polygon, conversions.mask_to_polygons):
        with pytest.raises(GeometryError, match="epsilon"):
            source(np.ones((2, 2)), "x", epsilon=epsilon)  # type: ignore[operator]


@given(boxes(low=0, high=24, max_rows=1))
def test_an_integer_box_has_as_many_pixels_as_its_area(rows: np.ndarray) -> None:
    box = Box(*np.round(rows[0]).tolist(), *REST)
    mask = conversions.to_segmentation(box, (24, 24))
    assert mask.area == box.area
    if box.area:
        assert mask.bounds == box.bounds
        assert conversions.to_box(mask) == box


@given(boxes(max_rows=1))
def test_boxes_survive_all_vector_forms(rows: np.ndarray) -> None:
    box = Box(*rows[0].tolist(), *REST)
    assert conversions.to_box(box) is box
    assert conversions.to_box(conversions.to_polygon(box)) == box
    turned = conversions.to_rotated_box(box)
    assert turned.is_rotated
    assert turned.bounds == pytest.approx(box.bounds)


@given(rotated_boxes(max_rows=1))
def test_rotated_boxes_survive_as_polygons(rows: np.ndarray) -> None:
    box = Box.from_rotated(rows[0], *REST)
    assert conversions.to_rotated_box(box) == box
    polygon = conversions.to_polygon(box)
    assert polygon.area == pytest.approx(box.area)
    again = conversions.to_rotated_box(polygon)
    assert np.allclose(again.corners, box.corners, atol=1e-6)
    around = conversions.to_box(box)
    assert not around.is_rotated
    assert around.bounds == pytest.approx(polygon.bounds)


@given(simple_rings())
def test_the_rotated_box_of_a_polygon_holds_it(ring: np.ndarray) -> None:
    box = conversions.to_rotated_box(Polygon(ring, *REST))
    around = shapely.Polygon(box.corners).buffer(1e-6)
    assert around.covers(shapely.Polygon(ring))
    assert box.area <= shapely.oriented_envelope(shapely.Polygon(ring)).area + 1e-6


@given(masks(allow_empty=False))
def test_the_boxes_of_a_mask_hold_its_pixels(mask: np.ndarray) -> None:
    shape = Segmentation(mask, *REST)
    box = conversions.to_box(shape)
    assert box.bounds == shape.bounds
    turned = shapely.Polygon(conversions.to_rotated_box(shape).corners).buffer(1e-6)
    assert turned.covers(_shapely(conversions.to_polygon(shape)))


@given(rings())
def test_polygons_are_filled_alike_by_all_ways(ring: np.ndarray) -> None:
    if len(np.unique(ring, axis=0)) < 3:  # too few once vertices that close it are gone
        return
    polygon = Polygon(ring, *REST)
    mask = conversions.polygon_to_mask(polygon, (24, 30))
    shape = conversions.to_segmentation(polygon, (24, 30))
    assert np.array_equal(shape.to_mask(), mask)
    assert shape == Segmentation.from_polygon(polygon, "x", (24, 30), {"k": 1}, "words")
    assert np.array_equal(conversions.polygon_to_runs(polygon, (24, 30)), shape.counts)


SHAPES = [
    Box(1, 1, 5, 4, *REST),
    Box(1, 1, 5, 4, *REST, angle=20),
    Polygon([[0, 0], [4, 0], [0, 4]], *REST),
    Segmentation(np.eye(8), *REST),
    Note(1, 1, 5, 4, "x", {"k": 1}, description="words"),
    Ellipse(4, 4, 3, 2, 30, *REST),
    Cube.from_boxes_and_angle(0, 0, 4, 4, 1, 1, 5, 5, "x", 0, *REST[1:]),
    Polyline([[1, 1], [5, 4]], *REST),
    Point(3, 4, *REST),
    Pose("x", "t", None, {"k": 1}, [Point(1, 1, "a"), Point(5, 4, "b")], "words"),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
def test_label_attributes_and_description_are_kept(shape: Box) -> None:
    for result in (
        conversions.to_box(shape),
        conversions.to_rotated_box(shape),
        conversions.to_polygon(shape, width=2, radius=1),
        conversions.to_segmentation(shape, (8, 8), width=2, radius=1),
    ):
        assert (result.label, result.attributes, result.description) == REST


def test_points_and_poses_have_boxes() -> None:
    point = Point(3, 4, "x")
    pose = Pose("x", "t", points=[point, Point(5, 8, "y"), Point(0, 0, "z", visibility=0)])
    assert conversions.to_box(point) == Box(3, 4, 3, 4, "x")
    assert conversions.to_box(pose) == Box(3, 4, 5, 8, "x")
    assert conversions.to_rotated_box(point).center == (3, 4)
    assert conversions.to_rotated_box(pose).area == pytest.approx(0)


NOWHERE = [
    Classification("x"),
    Description("words"),
    Pose("x", "t"),
    Segmentation(np.zeros((3, 3)), "x"),
    Pose("x", "t", points=[Point(1, 2, "a", visibility=0)]),
    Cube3d("x", [0, 0, 9], [1, 1, 1], [0, 0, 0]),
    Comparison({"a": 1}),
    FreeText("words"),
    Gis("point", [1, 2]),
    RefImage("1"),
    Subtitle("words", "x"),
    Text("block", 0, 5),
    UndefinedAnnotationType("hologram", "x", [{"x": 1, "y": 2}]),
]


@pytest.mark.parametrize("shape", NOWHERE, ids=lambda shape: type(shape).__name__)
def test_what_has_no_place_is_refused(shape: Classification) -> None:
    for convert in (conversions.to_box, conversions.to_rotated_box, conversions.to_polygon):
        for sizes in ({}, {"width": 2, "radius": 1}):
            with pytest.raises(GeometryError, match=r"does not become|no pixel set"):
                convert(shape, **sizes)


@pytest.mark.parametrize("shape", NOWHERE, ids=lambda shape: type(shape).__name__)
def test_what_has_no_place_has_no_pixels(shape: Classification) -> None:
    if isinstance(shape, Segmentation):
        assert conversions.to_segmentation(shape, (3, 3)) is shape
        return
    with pytest.raises(GeometryError, match="does not become a segmentation"):
        conversions.to_segmentation(shape, (3, 3), width=2, radius=1)


def test_a_cuboid_in_space_is_converted_by_its_picture() -> None:
    cube = Cube3d("x", [0, 0, 10], [2, 2, 2], [0, 0, 0])
    with pytest.raises(GeometryError, match=r"to_cube\(camera\)"):
        conversions.to_box(cube)
    camera = [[90, 0, 50], [0, 90, 50], [0, 0, 1]]
    assert conversions.to_box(cube.to_cube(camera)).bounds == pytest.approx((40, 40, 60, 60))


def test_what_has_no_area_is_refused() -> None:
    flat = np.column_stack((np.arange(8.0), 2 * np.arange(8.0)))
    flat_pose = Pose("x", "t", points=[Point(1, 2, "a"), Point(5, 8, "b")])
    for shape in (
        Point(1, 2, "x"),
        Classification("x"),
        Polyline([[0, 0], [1, 1]], "x"),
        Cube.from_points(flat, "x"),
        flat_pose,
    ):
        with pytest.raises(GeometryError, match="no area"):
            conversions.to_polygon(shape)
        with pytest.raises(GeometryError, match="no area"):
            conversions.to_segmentation(shape, (4, 4))


def test_a_mask_of_another_shape_is_refused() -> None:
    shape = Segmentation(np.eye(3), "x")
    assert conversions.to_segmentation(shape, (3, 3)) is shape
    with pytest.raises(GeometryError, match="have to be equal"):
        conversions.to_segmentation(shape, (3, 4))


def test_far_outlines_are_refused_before_they_are_filled() -> None:
    far = Polygon([[0, 0], [1e9, 0], [0, 1e9]], "x")
    with pytest.raises(GeometryError, match="outside_image"):
        conversions.to_segmentation(far, (4, 4))


# Ellipses.


@given(ellipses(max_rows=1))
def test_the_polygon_of_an_ellipse_is_within_005_of_it(rows: np.ndarray) -> None:
    ellipse = Ellipse(*rows[0].tolist(), *REST)
    polygon = conversions.to_polygon(ellipse)
    # In the frame of its axes each vertex fulfils the equation of the ellipse.
    angle = np.radians(ellipse.angle)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    t = np.linspace(0, 2 * np.pi, 500)
    points = np.column_stack((ellipse.rx * np.cos(t), ellipse.ry * np.sin(t))) @ turn.T
    points += ellipse.center
    ring = np.round(polygon.rings[0], 9)  # GEOS divides by lengths such as 1e-200
    ring = shapely.linestrings(np.vstack((ring, ring[:1])))
    assert shapely.distance(ring, shapely.points(points)).max() <= 0.05 + 1e-8
    assert polygon.area <= ellipse.area + 1e-9


@given(ellipses(max_rows=1))
def test_boxes_of_an_ellipse_are_exact(rows: np.ndarray) -> None:
    ellipse = Ellipse(*rows[0].tolist(), *REST)
    assert conversions.to_box(ellipse).bounds == ellipse.bounds
    turned = conversions.to_rotated_box(ellipse)
    assert turned.rotated == (*ellipse.center, 2 * ellipse.rx, 2 * ellipse.ry, ellipse.angle)
    outline = conversions.to_polygon(ellipse)
    around = conversions.to_rotated_box(outline)
    # No rectangle around it is smaller, but for what the outline lies inside of it.
    slack = 0.1 * (turned.width + turned.height) + 1e-6
    assert around.area >= turned.area - slack


@given(ellipses(max_rows=1))
def test_pixels_of_an_ellipse_are_those_inside(rows: np.ndarray) -> None:
    ellipse = Ellipse(*rows[0].tolist(), *REST)
    mask = conversions.to_segmentation(ellipse, (24, 24)).to_mask()
    if min(ellipse.rx, ellipse.ry) < 1:
        return
    row, column = np.indices((24, 24))
    x, y = column + 0.5 - ellipse.x, row + 0.5 - ellipse.y
    a = np.radians(ellipse.angle)
    along, across = x * np.cos(a) + y * np.sin(a), y * np.cos(a) - x * np.sin(a)
    # A pixel of slack on either side: a fifth of one in each vertex, 0.05 in the outline.
    for rx, ry, inside in (
        (ellipse.rx - 0.5, ellipse.ry - 0.5, True),
        (ellipse.rx + 0.5, ellipse.ry + 0.5, False),
    ):
        within = (along / rx) ** 2 + (across / ry) ** 2 <= 1
        assert mask[within].all() if inside else not mask[~within].any()


# Lines and points.


@given(st.lists(lines(max_points=4), min_size=1, max_size=2), st.floats(0.1, 40))
def test_a_line_with_a_width_is_all_within_half_of_it(some: list[np.ndarray], width: float) -> None:
    polyline = Polyline(some, *REST)
    polygon = conversions.to_polygon(polyline, width=width)
    box = conversions.to_box(polyline, width=width)
    assert box.bounds == pytest.approx(polygon.bounds, abs=1e-9)
    assert conversions.to_box(polyline).bounds == polyline.bounds
    turned = conversions.to_rotated_box(polyline, width=width)
    hull = shapely.Polygon(turned.corners).buffer(1e-6)
    assert hull.covers(_shapely(polygon))
    assert hull.buffer(0.05).covers(shapely.MultiPoint(np.concatenate(some)).buffer(width / 2))
    assert turned.area <= box.area + 1e-6


def test_a_straight_stroke_is_a_stadium() -> None:
    polygon = conversions.to_polygon(Polyline([[5, 5], [15, 5]], "x"), width=4)
    true = 40 + np.pi * 4
    assert true - 0.05 * (20 + 4 * np.pi) <= polygon.area <= true
    assert polygon.bounds == (3, 3, 17, 7)
    assert conversions.to_rotated_box(Polyline([[5, 5], [15, 5]], "x")).area == 0


@given(coordinates(), coordinates(), st.floats(0.1, 40))
def test_a_point_with_a_radius_is_a_disc(x: float, y: float, radius: float) -> None:
    point = Point(x, y, *REST)
    polygon = conversions.to_polygon(point, radius=radius)
    away = np.hypot(*(polygon.geo - [x, y]).T)
    assert away == pytest.approx(np.full(len(away), radius))
    middle = (polygon.geo + np.roll(polygon.geo, 1, axis=0)) / 2
    assert np.hypot(*(middle - [x, y]).T).min() >= radius - 0.05 - 1e-9
    expected = (x - radius, y - radius, x + radius, y + radius)
    assert conversions.to_box(point, radius=radius).bounds == expected
    assert conversions.to_rotated_box(point, radius=radius).bounds == pytest.approx(expected)


@pytest.mark.parametrize("size", [0, -1, np.nan, np.inf])
def test_sizes_are_greater_than_0(size: float) -> None:
    for shape in SHAPES:
        for convert in (
            conversions.to_box,
            conversions.to_rotated_box,
            conversions.to_polygon,
            lambda shape, **sizes: conversions.to_segmentation(shape, (8, 8), **sizes),
        ):
            with pytest.raises(GeometryError, match="width is"):
                convert(shape, width=size)
            with pytest.raises(GeometryError, match="radius is"):
                convert(shape, radius=size)


# Cubes, poses, notes.


@given(cubes())
def test_the_outline_of_a_cube_is_the_hull_of_its_corners(points: np.ndarray) -> None:
    cube = Cube.from_points(points, "x", None, *REST[1:])
    assert conversions.to_box(cube).bounds == cube.bounds
    hull = shapely.convex_hull(shapely.MultiPoint(points))
    around = shapely.Polygon(conversions.to_rotated_box(cube).corners).buffer(1e-6)
    assert around.covers(hull)
    if hull.geom_type != "Polygon":
        with pytest.raises(GeometryError, match="no area"):
            conversions.to_polygon(cube)
        return
    polygon = conversions.to_polygon(cube)
    assert _shapely(polygon).equals(hull)
    assert polygon.area == pytest.approx(cube.area)
    filled = conversions.to_segmentation(cube, (24, 24))
    assert filled == conversions.to_segmentation(polygon, (24, 24))


def test_a_pose_is_outlined_by_its_labelled_points() -> None:
    points = [Point(0, 0, "a"), Point(9, 0, "b", visibility=1), Point(0, 9, "c")]
    pose = Pose("x", "t", points=[*points, Point(50, 50, "d", visibility=0)])
    assert conversions.to_box(pose).bounds == (0, 0, 9, 9)
    assert conversions.to_polygon(pose).area == 40.5
    discs = conversions.to_polygon(pose, radius=1)
    assert len(discs.parts) == 3
    assert discs.bounds == (-1, -1, 10, 10)
    assert conversions.to_box(pose, radius=1).bounds == discs.bounds


@given(boxes(max_rows=1))
def test_a_note_becomes_what_its_box_becomes(rows: np.ndarray) -> None:
    edges = rows[0].tolist()
    note, box = Note(*edges, "x", {"k": 1}, description="words"), Box(*edges, *REST)
    assert conversions.to_box(note) == box
    assert conversions.to_rotated_box(note) == conversions.to_rotated_box(box)
    assert conversions.to_polygon(note) == conversions.to_polygon(box)
    shape = (24, 24)
    assert conversions.to_segmentation(note, shape) == conversions.to_segmentation(box, shape)
