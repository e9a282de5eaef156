"""Each shape to each other one, and the table that says what comes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from outline_strategies import some, valid_outlines
from strategies import boxes, cubes, ellipses, lines, masks, rotated_boxes

from dlgeom import Annotation, conversions
from dlgeom.conversions.dispatch import TARGETS
from dlgeom.definitions import (
    Box,
    Classification,
    Cube,
    Definition,
    Ellipse,
    Note,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import GeometryError

PAGE = Path(__file__).parents[1] / "docs" / "conversions.md"
REST = ("x", {"k": 1}, "words")
POINTS = [Point(1, 1, "a"), Point(6, 2, "b"), Point(3, 7, "c"), Point(0, 0, "d", visibility=0)]
SOURCES: dict[str, Definition] = {
    "Box": Box(1, 1, 5, 4, *REST),
    "rotated Box": Box(1, 1, 5, 4, *REST, angle=20),
    "Ellipse": Ellipse(4, 4, 3, 2, 30, *REST),
    "Polygon": Polygon([[0, 0], [4, 0], [0, 4], [1, 1]], *REST),
    "Polyline": Polyline([[1, 1], [5, 4], [5, 6]], *REST),
    "Segmentation": Segmentation(np.eye(8), *REST),
    "Cube": Cube.from_boxes_and_angle(0, 0, 4, 4, 1, 1, 5, 5, "x", 0, *REST[1:]),
    "Point": Point(3, 4, *REST),
    "Pose": Pose("x", "t", None, {"k": 1}, POINTS, "words", skeleton=[(0, 1), (1, 2), (2, 3)]),
    "Note": Note(1, 1, 5, 4, "x", {"k": 1}, description="words"),
}
CLASSES = {
    "box": Box,
    "rotated_box": Box,
    "ellipse": Ellipse,
    "polygon": Polygon,
    "polyline": Polyline,
    "segmentation": Segmentation,
    "cube": Cube,
    "point": Point,
    "pose": Pose,
    "hull": Polygon,
}


def table() -> dict[tuple[str, str], str]:
    """Return what the page says of each pair."""
    rows = [
        [cell.strip().strip("`") for cell in line.strip("| ").split("|")]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    head = next(k for k, row in enumerate(rows) if row[0] == "from")
    targets = rows[head][1:]
    found = {}
    for row in rows[head + 2 :]:
        if row[0] not in SOURCES:
            break
        found.update(
            {(row[0], target): cell for target, cell in zip(targets, row[1:], strict=True)}
        )
    return found


def test_the_page_has_each_pair() -> None:
    assert set(table()) == {(source, target) for source in SOURCES for target in TARGETS}
    assert set(CLASSES) == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_each_pair_works_or_is_refused_as_the_page_says(source: str, target: str) -> None:
    said = table()[source, target]
    definition = SOURCES[source]
    size: dict[str, Any] = {"shape": (8, 8)} if target == "segmentation" else {}
    if said.startswith("needs"):
        option = re.findall(r"width|radius", said)[0]
        with pytest.raises(GeometryError, match=f"{option}="):
            conversions.convert(definition, target, **size)
        size[option] = 2
    result = conversions.convert(definition, target, **size)
    assert type(result) is CLASSES[target]
    assert definition.to(target, **size) == result
    assert (result.label, result.attributes, result.description) == REST
    if said.startswith("itself"):
        assert result is definition
    if target not in {"rotated_box", "hull"}:
        assert conversions.convert(definition, CLASSES[target], **size) == result
    if source != "Segmentation" or target != "segmentation":
        again = conversions.convert(definition, target, **{"width": 2, "radius": 2, **size})
        assert type(again) is CLASSES[target]


@pytest.mark.parametrize("target", TARGETS)
def test_what_has_no_place_becomes_nothing(target: str) -> None:
    size = {"shape": (8, 8)} if target == "segmentation" else {}
    nothing = [Classification("x"), Pose("x", "t"), Segmentation(np.zeros((8, 8)), "x")]
    for definition in nothing:
        if CLASSES[target] is type(definition):
            continue
        with pytest.raises(GeometryError):
            conversions.convert(definition, target, **size)


def test_convert_says_what_it_knows() -> None:
    box = SOURCES["Box"]
    with pytest.raises(GeometryError, match="Did you mean 'polygon'"):
        conversions.convert(box, "polygn")
    with pytest.raises(GeometryError, match="known: box"):
        conversions.convert(box, Note)
    with pytest.raises(GeometryError, match="no option of point"):
        conversions.convert(box, "point", epsilon=1)
    with pytest.raises(GeometryError, match="needs shape="):
        conversions.convert(box, Segmentation)


def _shape(polygon: Polygon) -> Any:
    return shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in polygon.parts])


# Bounds of the table.


@some
@given(ellipses(max_rows=1, flat=False))
def test_ellipses_come_back(rows: np.ndarray) -> None:
    ellipse = Ellipse(*rows[0].tolist(), *REST)
    box = conversions.to_rotated_box(ellipse)
    assert conversions.to_ellipse(box, inscribed=True).geo == pytest.approx(ellipse.geo)
    again = conversions.to_ellipse(conversions.to_polygon(ellipse))
    for mine, theirs in zip(
        sorted((ellipse.rx, ellipse.ry)), sorted((again.rx, again.ry)), strict=True
    ):
        assert mine - 0.05 <= theirs <= mine + 1e-6
    assert again.center == pytest.approx(ellipse.center, abs=1e-6)
    if max(ellipse.rx, ellipse.ry) < 20 * min(ellipse.rx, ellipse.ry):
        fitted = conversions.fit_ellipse(conversions.to_polygon(ellipse))
        assert fitted.bounds == pytest.approx(
            ellipse.bounds, abs=1e-4 * max(ellipse.rx, ellipse.ry)
        )
    pose = conversions.to_pose(ellipse)
    assert pose.geo[0].tolist() == list(ellipse.center)
    around = shapely.LineString(np.vstack([conversions.to_polygon(ellipse).geo]))
    for tip in pose.geo[1:]:
        assert shapely.distance(shapely.Point(tip), around) < 1e-6 * (1 + ellipse.rx + ellipse.ry)


@some
@given(rotated_boxes(max_rows=1))
def test_the_ellipse_of_a_box_has_its_area_and_direction(rows: np.ndarray) -> None:
    box = Box.from_rotated(rows[0], *REST)
    ellipse = conversions.to_ellipse(box)
    assert ellipse.area == pytest.approx(box.area)
    assert ellipse.center == pytest.approx(box.center, abs=1e-6)
    long, short = max(box.width, box.height), min(box.width, box.height)
    assert max(ellipse.rx, ellipse.ry) / min(ellipse.rx, ellipse.ry) == pytest.approx(
        long / short, rel=1e-6
    )
    assert conversions.to_point(box).geo.tolist() == list(box.center)
    cube = conversions.to_cube(box)
    assert np.array_equal(cube.geo[:4], box.corners)
    assert np.array_equal(cube.geo[:4], cube.geo[4:])
    assert conversions.to_box(cube).bounds == pytest.approx(box.bounds)


@some
@given(boxes(max_rows=1))
def test_boxes_survive_as_cubes_poses_and_polylines(rows: np.ndarray) -> None:
    box = Box(*rows[0].tolist(), *REST)
    for target in ("cube", "pose", "polyline"):
        assert conversions.to_box(conversions.convert(box, target)) == box
    pose = conversions.to_pose(box)
    assert pose.names == ("left_top", "right_top", "right_bottom", "left_bottom")
    line = conversions.to_polyline(box)
    assert np.array_equal(line.geo[0], line.geo[-1])
    assert line.length == pytest.approx(2 * (box.width + box.height))


@some
@given(valid_outlines())
def test_polygons_survive_as_polylines_and_poses(parts: list[list[np.ndarray]]) -> None:
    polygon = Polygon.from_parts(parts, *REST)
    line = conversions.to_polyline(polygon)
    assert line.length == pytest.approx(polygon.perimeter)
    assert Polygon(line.lines, "x").area == pytest.approx(polygon.area)
    pose = conversions.to_pose(polygon)
    assert len(pose.skeleton) == len(pose.points) == len(polygon.x)
    assert conversions.to_polyline(pose).length == pytest.approx(polygon.perimeter)
    shape = _shape(polygon)
    assert conversions.to_point(polygon).geo == pytest.approx(shape.centroid.coords[0])
    assert _shape(conversions.to_hull(polygon)).equals(shape.convex_hull)
    ellipse = conversions.to_ellipse(polygon)
    assert ellipse.area == pytest.approx(polygon.area)
    assert ellipse.center == pytest.approx(shape.centroid.coords[0], abs=1e-6)


@some
@given(masks(12, allow_empty=False))
def test_masks_have_the_centre_and_the_hull_of_their_pixels(mask: np.ndarray) -> None:
    shape = Segmentation(mask, *REST)
    row, column = np.nonzero(mask)
    assert conversions.to_point(shape).geo == pytest.approx((column.mean() + 0.5, row.mean() + 0.5))
    pixels = shapely.union_all(shapely.box(column, row, column + 1, row + 1))
    assert _shape(conversions.to_hull(shape)).equals(pixels.convex_hull)
    assert conversions.to_ellipse(shape).area == pytest.approx(shape.area)


@some
@given(st.lists(lines(max_points=4), min_size=1, max_size=2))
def test_polylines_have_the_centre_of_their_length(given: list[np.ndarray]) -> None:
    polyline = Polyline(given, *REST)
    shape = shapely.MultiLineString([shapely.LineString(line) for line in given])
    if shape.length > 1e-6:
        assert conversions.to_point(polyline).geo == pytest.approx(
            shape.centroid.coords[0], abs=1e-6
        )
    pose = conversions.to_pose(polyline)
    assert conversions.to_polyline(pose).length == pytest.approx(polyline.length)
    hull = shapely.convex_hull(shape)
    if hull.area > 1e-9:
        assert _shape(conversions.to_hull(polyline)).equals(hull)


@some
@given(cubes())
def test_cubes_keep_their_corners_and_edges(points: np.ndarray) -> None:
    cube = Cube.from_points(points, "x", None, *REST[1:])
    pose = conversions.to_pose(cube)
    assert np.array_equal(pose.geo, cube.geo)
    assert len(pose.skeleton) == 12
    line = conversions.to_polyline(cube)
    assert line.length == pytest.approx(conversions.to_polyline(pose).length)
    assert conversions.to_point(cube).geo == pytest.approx(points.mean(axis=0))
    assert conversions.to_box(line).bounds == cube.bounds


def test_centres_of_what_crosses_itself_are_of_what_it_covers() -> None:
    bow = Polygon([[0, 0], [4, 4], [4, 0], [0, 4.001]], "x")
    x, y = conversions.to_point(bow).geo.tolist()
    assert (x, y) == pytest.approx((2, 2), abs=0.01)
    ring = np.array([[0.0, 0], [4, 4], [4, 0], [0, 4]])
    assert conversions.to_ellipse(Polygon(ring, "x")).area == pytest.approx(8)


def test_sizes_are_used_and_checked() -> None:
    point = Point(3, 4, *REST)
    assert conversions.to_ellipse(point, radius=2) == Ellipse(3, 4, 2, 2, 0, *REST)
    assert conversions.to_ellipse(point).area == 0
    line = Polyline([[0, 0], [10, 0]], *REST)
    assert conversions.to_ellipse(line, width=2).area == pytest.approx(20 + np.pi, rel=0.02)
    assert conversions.to_hull(line, width=2).bounds == pytest.approx((-1, -1, 11, 1))
    with pytest.raises(GeometryError, match="one line"):
        conversions.to_hull(line)
    with pytest.raises(GeometryError, match="skeleton"):
        conversions.to_polyline(Pose("x", "t", points=POINTS))
    for convert in (
        conversions.to_ellipse,
        conversions.to_polyline,
        conversions.to_point,
        conversions.to_cube,
        conversions.to_pose,
        conversions.to_hull,
    ):
        for shape in SOURCES.values():
            with pytest.raises(GeometryError, match="is greater than 0"):
                convert(shape, width=-1)


def test_ellipses_are_fitted_to_vertices_and_key_points() -> None:
    turns = np.arange(8) * (np.pi / 4)
    points = np.column_stack((5 + 4 * np.cos(turns), 6 + 2 * np.sin(turns)))
    pose = Pose("x", "t", points=[Point(x, y, "k") for x, y in points.tolist()])
    for source in (points, Polygon(points, "x"), Polyline(points, "x"), pose):
        found = conversions.fit_ellipse(source, "y")
        assert found.label == "y"
        assert found.bounds == pytest.approx((1, 4, 9, 8))
    assert conversions.fit_ellipse(pose).label == "x"
    with pytest.raises(GeometryError, match="5 different points"):
        conversions.fit_ellipse(points[:4], "x")
    with pytest.raises(GeometryError, match="Use to_ellipse"):
        conversions.fit_ellipse(SOURCES["Box"])


@pytest.mark.parametrize("target", list(TARGETS))
def test_what_is_no_definition_is_refused_by_name(target: str) -> None:
    options = {"shape": (4, 4)} if target == "segmentation" else {}
    with pytest.raises(GeometryError, match="3 is no definition such as Box or Polygon"):
        conversions.convert(3, target, **options)  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="Take its annotation_definition"):
        conversions.convert(Annotation(Box(0, 0, 1, 1)), target, **options)  # type: ignore[arg-type]
