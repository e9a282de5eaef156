"""Set operations where GEOS loses pieces: edges that are all but the same."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from outline_strategies import some

from dlgeom import Polygon
from dlgeom.geometry import overlay, regions

OPERATIONS = ("union", "intersection", "difference", "symmetric_difference")

# Two rotated boxes with a common edge, and the area that both share in exact fractions. Of each
# GEOS 3.14.1 has the wrong area for one operation at least.
LOSSES = [
    (
        [
            [0.8264703510835858, 76.17990218590774],
            [35.20989335989755, 43.57248572761912],
            [38.272013104336864, 46.8013879195907],
            [3.8885900955229022, 79.4088043778793],
        ],
        [
            [0.8264703510835822, 76.17990218590774],
            [35.20989335989755, 43.57248572761912],
            [39.13061459373674, 47.706754287508794],
            [4.747191584922769, 80.31417074579741],
        ],
        210.86852367272644,
    ),
    (
        [
            [-48.559754969522075, -46.25647084226962],
            [-33.87051458023633, -57.07633303290923],
            [172.1883111537212, 222.67285158781613],
            [157.4990707644355, 233.4927137784557],
        ],
        [
            [-48.559754969522075, -46.25647084226961],
            [-33.87051458023633, -57.07633303290922],
            [300.60646157089394, 397.0156526871892],
            [285.9172211816082, 407.8355148778288],
        ],
        6338.831119206949,
    ),
    (
        [
            [111.13733554731007, 35.40847176581375],
            [131.13875363557864, 25.685353747129504],
            [175.00548532412913, 115.9235714652076],
            [155.00406723586056, 125.64668948389183],
        ],
        [
            [111.13733554731007, 35.40847176581376],
            [131.13875363557864, 25.68535374712951],
            [215.13483614035837, 198.47362606125557],
            [195.1334180520898, 208.19674407993983],
        ],
        2231.4137294212155,
    ),
]


@pytest.mark.parametrize(("one", "other", "shared"), LOSSES)
def test_boxes_with_a_common_edge_keep_their_area(
    one: list[list[float]], other: list[list[float]], shared: float
) -> None:
    first, second = Polygon(one, "first"), Polygon(other, "second")
    a, b = first.area, second.area
    expected = (a + b - shared, shared, a - shared, a + b - 2 * shared)
    for name, area in zip(OPERATIONS, expected, strict=True):
        found = getattr(first, name)(second)
        assert (found.area if found else 0.0) == pytest.approx(area, abs=1e-9 * a)
    assert regions.iou(first.parts, second.parts) == pytest.approx(shared / (a + b - shared))
    joined = overlay.union_all([shapely.Polygon(one), shapely.Polygon(other)])
    assert joined.area == pytest.approx(a + b - shared)


@some
@given(
    st.tuples(*[st.floats(0, 640)] * 2, *[st.floats(0.5, 200)] * 2, st.floats(-180, 180)),
    st.floats(0.1, 2),
    st.floats(-16, -6),
)
def test_boxes_side_by_side_add_up(
    box: tuple[float, float, float, float, float], share: float, power: float
) -> None:
    x, y, width, height, angle = box
    one = _box(x, y, width, height, angle)
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    move = along * width * share
    turned = angle + 10**power
    for other in (
        _box(x + move[0], y + move[1], width, height, angle),
        _box(x, y, width * share, height, angle),
        _box(x, y, height, width, angle + 90),
        _box(x, y, width, height, turned),
    ):
        whole, shared, rest, odd = (overlay.overlay(one, other, name).area for name in OPERATIONS)
        a, b = one.area, other.area
        rounding = 1e-8 * (a + b)
        assert whole + shared == pytest.approx(a + b, abs=rounding)
        assert rest + shared == pytest.approx(a, abs=rounding)
        assert odd + shared == pytest.approx(whole, abs=rounding)


def _box(x: float, y: float, width: float, height: float, angle: float) -> shapely.Polygon:
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    return shapely.Polygon(corners @ [[c, s], [-s, c]] + [x, y])


def test_what_is_not_lost_keeps_its_vertices() -> None:
    # On the grid 0.7 would be another float.
    one, other = shapely.box(0.1, 0.1, 0.7, 0.9), shapely.box(0.7, 0.1, 1.3, 0.9)
    found = overlay.overlay(one, other, "union")
    assert {0.1, 0.7, 0.9, 1.3} >= set(shapely.get_coordinates(found).ravel().tolist())


def test_empty_and_flat_shapes_go_through() -> None:
    box, nothing = shapely.box(0, 0, 2, 1), shapely.Polygon()
    assert overlay.overlay(box, nothing, "union").area == 2
    assert overlay.overlay(nothing, box, "intersection").is_empty
    assert overlay.union_all([box, nothing, shapely.Point(5, 5)]).area == 2
    assert overlay.union_all([]).is_empty
