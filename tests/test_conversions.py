"""Laws of the conversions between shapes."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from strategies import boxes, masks, polygons, rings, rotated_boxes, simple_rings

from dlgeom import conversions
from dlgeom.definitions import (
    Box,
    Classification,
    Description,
    Point,
    Polygon,
    Pose,
    Segmentation,
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


def test_a_polygon_that_crosses_itself_is_not_simplified() -> None:
    bow = Polygon([[0, 0], [4, 4], [4, 0], [0, 4]], "x")
    assert conversions.simplify(bow, epsilon=1) is bow


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
    if len(ring) < 5:
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
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
def test_label_attributes_and_description_are_kept(shape: Box) -> None:
    for result in (
        conversions.to_box(shape),
        conversions.to_rotated_box(shape),
        conversions.to_polygon(shape),
        conversions.to_segmentation(shape, (8, 8)),
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
]


@pytest.mark.parametrize("shape", NOWHERE, ids=lambda shape: type(shape).__name__)
def test_what_has_no_place_is_refused(shape: Classification) -> None:
    for convert in (conversions.to_box, conversions.to_rotated_box, conversions.to_polygon):
        with pytest.raises(GeometryError):
            convert(shape)


def test_what_has_no_area_is_refused() -> None:
    for shape in (Point(1, 2, "x"), Classification("x")):
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
