"""Several rings as one ring and back."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from shapely import Polygon
from strategies import masks

from dlgeom.errors import GeometryError
from dlgeom.geometry.bridges import join, join_order, join_orders, nest, split, split_many
from dlgeom.geometry.contours import trace
from dlgeom.geometry.ragged import Rings, offsets_of

# pycocotools 2.0.11 warns about its own arrays under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Ring = NDArray[np.float64]
Mask = NDArray[np.bool_]


def square(left: float, top: float, size: float) -> list[list[float]]:
    right, bottom = left + size, top + size
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def fill(ring: Ring, shape: tuple[int, int]) -> Mask:
    run = coco_mask.frPyObjects([ring.ravel().tolist()], *shape)
    return coco_mask.decode(run)[:, :, 0].astype(bool)


def same_parts(one: list[list[Any]] | None, other: list[list[Any]]) -> bool:
    return one is not None and [[np.asarray(ring).tolist() for ring in part] for part in one] == [
        [np.asarray(ring).tolist() for ring in part] for part in other
    ]


def picture(text: str) -> Mask:
    return np.array([[sign == "#" for sign in line] for line in text.split()])


ISLANDS = picture("####### #.....# #.###.# #.#.#.# #.###.# #.....# #######")
TOUCHING = picture("##### #.### ##.## ###.# #####")


@given(masks(allow_empty=False))
@example(ISLANDS)
@example(TOUCHING)
def test_the_outline_of_a_mask_joins_to_a_ring_of_the_same_mask(mask: Mask) -> None:
    assume(mask.any())
    walk = join(trace(mask).row(0))
    assert walk is not None
    assert np.array_equal(fill(walk, mask.shape), mask)


@given(masks(allow_empty=False))
@example(ISLANDS)
@example(TOUCHING)
def test_splitting_the_joined_outline_gives_its_parts_back(mask: Mask) -> None:
    assume(mask.any())
    parts = trace(mask).row(0)
    walk = join(parts)
    assert walk is not None
    if sum(map(len, parts)) == 1:
        assert split(walk) is None
        assert np.array_equal(walk, parts[0][0])
    else:
        assert same_parts(split(walk), parts)


@given(masks(allow_empty=False), st.floats(0.05, 3), st.floats(-50, 50), st.floats(-50, 50))
@example(ISLANDS, 0.1, 0.3, 0.7)
@example(TOUCHING, 0.1, 0.3, 0.7)
def test_nesting_survives_scaling_and_rounding_to_six_decimals(
    mask: Mask, scale: float, x: float, y: float
) -> None:
    assume(mask.any())
    outline = trace(mask)
    moved = np.round((outline.xy * scale + [x, y]) / 640, 6) * 640
    parts = Rings(moved, outline.rings, outline.parts, outline.rows).row(0)
    assert same_parts(nest([ring for part in parts for ring in part]), parts)


@given(masks(allow_empty=False), st.randoms(use_true_random=False))
@example(ISLANDS, None)
def test_nesting_does_not_depend_on_order_start_or_direction(mask: Mask, random: Any) -> None:
    assume(mask.any())
    parts = trace(mask).row(0)
    rings = [np.asarray(ring) for part in parts for ring in part]
    if random is not None:
        random.shuffle(rings)
        rings = [np.roll(ring, random.randrange(len(ring)), axis=0) for ring in rings]
        rings = [ring[:: random.choice([1, -1])] for ring in rings]

    def key(found: list[list[Ring]]) -> set[tuple[Any, frozenset[Any]]]:
        names = [[frozenset(map(tuple, ring.tolist())) for ring in part] for part in found]
        return {(part[0], frozenset(part[1:])) for part in names}

    assert key(nest(rings)) == key(parts)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=7),
        min_size=1,
        max_size=5,
    )
)
def test_a_joined_object_splits_into_the_same_rings_and_fills_even_odd(rings: Any) -> None:
    arrays = [np.array(ring, dtype=np.float64) for ring in rings]
    parts = nest(arrays)
    walk = join(parts)
    if walk is None:
        return
    if len(arrays) == 1:
        assert split(walk) is None
    else:
        again = split(walk)
        assert again is not None
        assert [len(part) for part in again] == [len(part) for part in parts]
        for part, expected in zip(again, parts, strict=True):
            for ring, other in zip(part, expected, strict=True):
                turns = [np.roll(other, -turn, axis=0).tolist() for turn in range(len(other))]
                assert ring.tolist() in turns
    inside = np.zeros((31, 31), dtype=bool)
    for ring in arrays:
        inside ^= fill(ring, inside.shape)
    assert np.array_equal(fill(walk, inside.shape), inside)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=16))
def test_split_is_the_grammar_and_nothing_else(vertices: Any) -> None:
    ring = np.array(vertices, dtype=np.float64).reshape(-1, 2)
    parts = split(ring)
    expected = _by_grammar(vertices)
    found = [] if parts is None else sorted(r.tolist() for part in parts for r in part)
    assert found == sorted([list(vertex) for vertex in piece] for piece in expected)


def _by_grammar(vertices: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The grammar read vertex by vertex, as the documents state it."""
    pieces: list[list[tuple[int, int]]] = []
    rest = list(vertices)
    while rest:
        head, *tail = rest
        if head not in tail:
            return []
        close = tail.index(head)
        pieces.append([head, *tail[:close]])
        rest = tail[close + 1 :]
        if len(pieces) > 1:
            if not rest or rest[0] != vertices[0]:
                return []
            rest = rest[1:]
    return pieces if len(pieces) > 1 and min(map(len, pieces)) >= 3 else []


def test_the_walk_is_closed_ring_by_ring_and_returns_to_the_anchor() -> None:
    parts = [[square(0, 0, 9), square(1, 1, 2)], [square(20, 0, 3)]]
    order = join_order(parts)
    assert order is not None
    assert order.tolist() == [0, 1, 2, 3, 0, 4, 5, 6, 7, 4, 0, 8, 9, 10, 11, 8, 0]
    assert same_parts(split(join(parts)), parts)


def test_a_ring_whose_first_vertex_repeats_starts_elsewhere() -> None:
    eight = [[0, 0], [4, 0], [4, 4], [0, 0], [-4, -4], [-4, 0]]
    parts = [[eight], [square(20, 20, 3)]]
    order = join_order(parts)
    assert order is not None
    assert order.tolist()[:7] == [1, 2, 3, 4, 5, 0, 1]
    again = split(join(parts))
    assert again is not None
    assert again[0][0].tolist() == [*eight[1:], eight[0]]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="no-parts"),
        pytest.param([[[[0, 0], [4, 0], [4, 4]] * 2], [square(9, 9, 2)]], id="all-repeat"),
        pytest.param([[[[0, 0], [4, 0]]], [square(9, 9, 2)]], id="two-vertices"),
        pytest.param([[np.zeros((0, 2))]], id="empty-ring"),
        pytest.param([[square(0, 0, 9)], [square(2, 2, 3)]], id="part-inside-part"),
        pytest.param([[square(0, 0, 9)], [square(0, 0, 9)]], id="equal-parts"),
        pytest.param([[square(2, 2, 3), square(0, 0, 9)]], id="hole-around-its-exterior"),
        pytest.param([[[[np.nan, 0]] * 4], [square(0, 0, 9)]], id="not-a-number"),
    ],
)
def test_objects_that_would_come_back_otherwise_are_not_joined(parts: Any) -> None:
    assert join(parts) is None
    assert join_order(parts) is None


def test_a_plain_ring_that_reads_as_a_walk_is_not_joined() -> None:
    walk = join([[square(0, 0, 2)], [square(5, 5, 2)]])
    assert walk is not None
    assert join([[walk]]) is None
    assert join([[walk[:-1]]]) is not None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda walk: walk[:-1], id="anchor-missing-at-the-end"),
        pytest.param(lambda walk: walk[1:], id="first-vertex-missing"),
        pytest.param(lambda walk: np.concatenate([walk, walk[1:2]]), id="one-vertex-more"),
        pytest.param(lambda walk: np.delete(walk, 9, axis=0), id="second-ring-open"),
        pytest.param(lambda walk: walk[:5], id="one-closed-ring"),
    ],
)
def test_rings_that_fit_the_grammar_in_part_stay_whole(change: Any) -> None:
    walk = join([[square(0, 0, 2)], [square(5, 5, 2)]])
    assert walk is not None
    assert split(change(walk)) is None


def test_split_many_has_a_row_for_each_ring() -> None:
    parts = [[square(0, 0, 9), square(1, 1, 2)], [square(20, 0, 3)]]
    walk, plain, closed = join(parts), np.array(square(3, 3, 2.0)), np.array(square(1, 1, 1.0))
    closed = np.concatenate([closed, closed[:1]])
    assert walk is not None
    rings = [plain, walk, np.zeros((0, 2)), closed, walk]
    outline = split_many(np.concatenate(rings), offsets_of([len(ring) for ring in rings]))
    assert len(outline) == 5
    for index, expected in enumerate([[[plain]], parts, [[rings[2]]], [[closed]], parts]):
        assert same_parts(outline.row(index), expected)
    assert split_many(np.zeros((0, 2)), np.zeros(1, dtype=np.int64)) == Rings.empty(0)


def test_join_orders_gives_each_row_what_it_gets_alone() -> None:
    rows: list[Any] = [
        [[square(0, 0, 9), square(1, 1, 2)], [square(20, 0, 3)]],
        [[square(0, 0, 2)]],
        None,
        [[square(0, 0, 9)], [square(2, 2, 3)]],
        [[[*square(0, 0, 2), [0, 0]]], [square(5, 5, 2)]],
    ]
    outline = Rings.of(rows)
    order, offsets, joined = join_orders(outline)
    assert joined.tolist() == [True, True, False, False, True]
    for index, row in enumerate(rows):
        mine = order[offsets[index] : offsets[index + 1]]
        alone = join_order(row or [])
        assert (alone is not None) == joined[index]
        assert (mine - outline.row_vertices[index]).tolist() == (
            [] if alone is None else alone.tolist()
        )
    order, offsets, joined = join_orders(Rings.empty(3))
    assert (len(order), offsets.tolist(), joined.any()) == (0, [0, 0, 0, 0], False)


def test_a_hole_named_before_its_exterior_finds_it() -> None:
    hole, exterior, other = square(1, 1, 2), square(0, 0, 9), square(20, 0, 3)
    assert same_parts(nest([hole, other, exterior]), [[other], [exterior, hole]])
    walk: list[list[float]] = [*hole, hole[0], *other, other[0], hole[0]]
    walk += [*exterior, exterior[0], hole[0]]
    assert same_parts(split(np.array(walk)), [[other], [exterior, hole]])


def test_rings_nest_as_deep_as_they_lie() -> None:
    rings = [square(step, step, 200 - 2 * step) for step in range(90)]
    parts = nest(rings)
    assert [len(part) for part in parts] == [2] * 45
    assert same_parts(parts, [rings[index : index + 2] for index in range(0, 90, 2)])
    assert same_parts(nest([square(0, 0, 1)]), [[square(0, 0, 1)]])
    assert nest([]) == []


def test_a_hole_in_a_lobe_of_a_bow_tie_is_a_hole() -> None:
    bow_tie, hole = [[0, 0], [20, 20], [20, 0], [0, 20]], square(16, 9, 2)
    assert same_parts(nest([bow_tie, hole]), [[bow_tie, hole]])
    between = square(9, 1, 2)
    assert same_parts(nest([bow_tie, between]), [[bow_tie], [between]])
    diamond = [[5, 0], [10, 5], [5, 10], [0, 5]]
    assert same_parts(nest([diamond, square(0, 0, 10)]), [[square(0, 0, 10), diamond]])


def test_a_triangle_along_the_edge_of_another_ring_is_no_hole() -> None:
    # Two of its vertices lie within rounding of the other ring's edge.
    box = [[0.1, 0.1], [9.7, 3.3], [9.7, 9.9], [0.1, 9.9]]
    for share in np.linspace(0.1, 0.6, 11):
        start = np.array(box[0]) + (np.array(box[1]) - box[0]) * share
        stop = np.array(box[0]) + (np.array(box[1]) - box[0]) * (share + 0.3)
        below = [start.tolist(), stop.tolist(), [stop[0], stop[1] + 1]]
        above = [start.tolist(), stop.tolist(), [stop[0], stop[1] - 0.05]]
        assert len(nest([box, below])) == 1
        assert len(nest([box, above])) == 2


@given(st.data())
def test_nesting_agrees_with_shapely_on_rings_apart(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 24))
    boxes = [
        Polygon(square(*data.draw(st.tuples(*[st.integers(0, 40)] * 2, st.integers(1, 40)))))
        for _ in range(count)
    ]
    chosen: list[Polygon] = []
    for box in boxes:
        if all(
            box.disjoint(c) or box.within(c.buffer(-0.1)) or c.within(box.buffer(-0.1))
            for c in chosen
        ):
            chosen.append(box)
    rings = [np.asarray(box.exterior.coords)[:-1] for box in chosen]
    depth = [sum(box.within(other) for other in chosen if other is not box) for box in chosen]
    parts = nest(rings)
    assert len(parts) == sum(level % 2 == 0 for level in depth)
    for part in parts:
        assert all(Polygon(hole).within(Polygon(part[0])) for hole in part[1:])
        assert Polygon(part[0], part[1:]).is_valid


def test_rings_of_another_shape_are_refused() -> None:
    for function in (split, lambda ring: nest([ring]), lambda ring: join([[ring]])):
        with pytest.raises(GeometryError, match=r"expected \(n, 2\)"):
            function(np.zeros((4, 3)))


def _polygons(folder: Path) -> list[list[Ring]]:
    found = []
    for path in sorted((folder / "coco").glob("**/*.json*")):
        data = path.read_bytes()
        document = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
        records = document if isinstance(document, list) else document.get("annotations") or []
        for record in records:
            rings = record.get("segmentation")
            if isinstance(rings, list) and rings and isinstance(rings[0], list):
                found.append([np.array(ring, dtype=float).reshape(-1, 2) for ring in rings])
    return found


@pytest.mark.shared
def test_real_rings_are_never_split_and_real_parts_come_back(shared_data: Path) -> None:
    polygons = _polygons(shared_data)
    single = [ring for rings in polygons for ring in rings]
    assert len(single) > 10_000
    plain = split_many(np.concatenate(single), offsets_of([len(ring) for ring in single]))
    assert len(plain.rings) - 1 == len(single)

    rows = [[[ring] for ring in rings] for rings in polygons if len(rings) > 1]
    outline = Rings.of(rows)
    order, offsets, joined = join_orders(outline)
    # Two objects have a part inside another part.
    assert (~joined).sum() <= 2
    again = split_many(outline.xy[order], offsets)
    for index in np.flatnonzero(joined).tolist():
        found = [[_turned(ring) for ring in part] for part in again.row(index)]
        assert found == [[_turned(ring) for ring in part] for part in rows[index]]


def _turned(ring: Ring) -> list[list[float]]:
    """A ring from its least vertex, so that turned rings are equal."""
    turns = [np.roll(ring, -turn, axis=0).tolist() for turn in range(len(ring))]
    return min(turns)
