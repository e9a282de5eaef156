"""Segment rows: any polygon or mask becomes one ring with the same pixels."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.chunk import Chunk
from dlgeom.converters.base import DROPPED, Meta, WriteContext
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.writer import create_writer
from dlgeom.geometry import bridges, rle
from dlgeom.geometry.ragged import Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable

mask_tools = pytest.importorskip("pycocotools.mask")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Ring = list[tuple[float, float]]


def write(chunk: Chunk, **options: Any) -> tuple[list[list[str]], Any]:
    """Return the rows of each image and the losses."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        with Output(target) as output:
            writer = create_writer(
                WriteContext(
                    output=output,
                    meta=Meta(format="test", labels=chunk.labels),
                    problems=Problems(),
                    task="segment",
                    options=options,
                )
            )
            losses = writer.write(chunk)
            writer.finish()
        names = [f"labels/train/{item.name.rsplit('.')[0]}.txt" for item in chunk.items]
        return [(target / name).read_text("ascii").splitlines() for name in names], losses


def chunk_of(width: int, height: int, **columns: Any) -> Chunk:
    count = max(len(column) for column in columns.values())
    return Chunk.build(
        items=[Item(name="a.png", width=width, height=height)],
        item=np.zeros(count, dtype=np.int32),
        labels=LabelTable(["thing"]),
        label=np.zeros(count, dtype=np.int32),
        **columns,
    )


def fill(ring: np.ndarray, height: int, width: int) -> np.ndarray:
    drawn = mask_tools.frPyObjects([np.asarray(ring, dtype=float).ravel().tolist()], height, width)
    return mask_tools.decode(drawn)[:, :, 0].astype(bool)


def fill_parts(parts: list[list[Any]], height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    for part in parts:
        inside = np.zeros((height, width), dtype=bool)
        for ring in part:
            inside ^= fill(ring, height, width)
        mask |= inside
    return mask


def ring_of(line: str, width: int, height: int) -> np.ndarray:
    words = line.split()
    assert words[0] == "0"
    values = np.array([float(word) for word in words[1:]]).reshape(-1, 2)
    assert len(values) >= 3
    assert values.min() >= 0
    assert values.max() <= 1
    return values * [width, height]


def assert_same_mask(line: str, wanted: np.ndarray) -> None:
    height, width = wanted.shape
    ring = ring_of(line, width, height)
    assert np.array_equal(fill(ring, height, width), wanted)
    parts = bridges.split(ring) or [[ring]]
    assert np.array_equal(fill_parts(parts, height, width), wanted)


def is_flat(ring: Ring) -> bool:
    (x0, y0), *rest = ring
    far = max(rest, key=lambda p: abs(p[0] - x0) + abs(p[1] - y0))
    return all(abs((far[0] - x0) * (y - y0) - (far[1] - y0) * (x - x0)) <= 1e-3 for x, y in rest)


WIDTH, HEIGHT = 37, 23


def rings(low: float = 0.0, extra: float = 0.0) -> st.SearchStrategy[Ring]:
    def axis(size: int) -> st.SearchStrategy[float]:
        return st.one_of(
            st.floats(low, size + extra).map(lambda x: x + 0.0),
            st.integers(int(low), size + int(extra)).map(float),
            st.integers(int(low) * 10, (size + int(extra)) * 10).map(lambda n: n / 10),
        )

    point = st.tuples(axis(WIDTH), axis(HEIGHT))
    return st.lists(point, min_size=3, max_size=9).filter(lambda ring: not is_flat(ring))


@given(rings())
def test_a_ring_inside_the_image_keeps_its_vertices_and_its_mask(ring: Ring) -> None:
    (lines,), losses = write(chunk_of(WIDTH, HEIGHT, outline=Rings.of([[[ring]]])))
    assert losses.status[0] != DROPPED
    assert_same_mask(lines[0], fill(np.array(ring), HEIGHT, WIDTH))
    if losses.status[0] == 0:
        back = ring_of(lines[0], WIDTH, HEIGHT)
        assert back.shape == (len(ring), 2)
        assert np.abs(back - ring).max() <= 1.6e-6 * WIDTH


@given(
    st.integers(1, 6000),
    st.integers(1, 6000),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=3, max_size=12),
)
def test_a_ring_in_an_image_of_any_size_keeps_its_mask(
    width: int, height: int, corners: list[tuple[int, int]]
) -> None:
    ring = [(round(x * width / 1000, 2), round(y * height / 1000, 2)) for x, y in corners]
    ring = [(min(x, width), min(y, height)) for x, y in ring]
    if is_flat(ring):
        return
    (lines,), losses = write(chunk_of(width, height, outline=Rings.of([[[ring]]])))
    wanted = mask_tools.frPyObjects([np.ravel(ring).tolist()], height, width)[0]
    if losses.status[0] == DROPPED:
        assert mask_tools.area(wanted) == 0
        return
    back = ring_of(lines[0], width, height)
    found = mask_tools.frPyObjects([back.ravel().tolist()], height, width)[0]
    assert found["counts"] == wanted["counts"]


@given(rings(low=-30.0, extra=30.0))
def test_a_ring_that_leaves_the_image_keeps_its_mask(ring: Ring) -> None:
    (lines,), losses = write(chunk_of(WIDTH, HEIGHT, outline=Rings.of([[[ring]]])))
    wanted = fill(np.array(ring), HEIGHT, WIDTH)
    if losses.status[0] == DROPPED:
        assert not wanted.any()
        assert not lines
    else:
        assert_same_mask(lines[0], wanted)


@given(st.lists(rings(), min_size=2, max_size=4))
@example([[(0, 0), (8, 0), (8, 8), (0, 8)], [(10, 0), (14, 0), (14, 8)]])
@example([[(0, 0), (8, 0), (8, 8), (0, 8)], [(2, 2), (6, 2), (6, 6)]])
@example([[(0, 0), (8, 0), (8, 8), (0, 0)], [(10, 2), (16, 2), (16, 6), (10, 2)]])
@example([[(5, 5), (8, 5), (5, 5), (5, 9), (8, 5), (5, 9)], [(10, 2), (16, 2), (16, 6)]])
def test_parts_become_one_row_with_the_mask_of_all(parts: list[Ring]) -> None:
    outline = Rings.of([[[ring] for ring in parts]])
    (lines,), losses = write(chunk_of(WIDTH, HEIGHT, outline=outline))
    wanted = fill_parts([[ring] for ring in parts], HEIGHT, WIDTH)
    if losses.status[0] == DROPPED:
        assert not wanted.any()
    else:
        assert len(lines) == 1
        assert_same_mask(lines[0], wanted)


# Crosses its exterior: inside of it by the fractions that are written, outside by the pixels.
ACROSS = [[(0, 0), (3, 13), (14, 0)], [(0, 0), (13, 0), (0, 11)]]


@example(np.array(ACROSS[0], dtype=float), [np.array(ACROSS[1], dtype=float)], [])
@given(rings(), st.lists(rings(), min_size=1, max_size=2), st.lists(rings(), max_size=1))
def test_holes_become_one_row_with_the_mask_of_the_part(
    exterior: Ring, holes: list[Ring], other: list[Ring]
) -> None:
    parts = [[exterior, *holes], *([ring] for ring in other)]
    (lines,), losses = write(chunk_of(WIDTH, HEIGHT, outline=Rings.of([parts])))
    wanted = fill_parts(parts, HEIGHT, WIDTH)
    if losses.status[0] == DROPPED:
        assert not wanted.any()
    else:
        assert_same_mask(lines[0], wanted)


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=7))
def test_masks_become_one_row_with_the_same_pixels(pixels: list[list[bool]]) -> None:
    mask = np.array(pixels)
    runs = Runs.of([(rle.encode(mask), mask.shape)])
    (lines,), losses = write(chunk_of(mask.shape[1], mask.shape[0], runs=runs))
    if mask.any():
        assert losses.status[0] == 0
        assert_same_mask(lines[0], mask)
    else:
        assert losses.codes[losses.code[0]][0] == "mask.empty"
        assert not lines


@given(rings(), st.integers(1, 5))
def test_few_decimals_never_change_a_mask(ring: Ring, decimals: int) -> None:
    outline = Rings.of([[[ring]]])
    (lines,), losses = write(chunk_of(WIDTH, HEIGHT, outline=outline), decimals=decimals)
    wanted = fill(np.array(ring), HEIGHT, WIDTH)
    if losses.status[0] == DROPPED:
        assert not wanted.any()
    else:
        assert_same_mask(lines[0], wanted)


def test_parts_that_do_not_touch_are_written_as_they_are() -> None:
    parts = [[[(1, 1), (5, 1), (5, 5)]], [[(9, 9), (12, 9), (12, 14)]]]
    (lines,), losses = write(chunk_of(20, 20, outline=Rings.of([parts])))
    assert losses.status.tolist() == [0]
    found = bridges.split(ring_of(lines[0], 20, 20))
    assert found is not None
    assert np.allclose(found[0][0], parts[0][0])
    assert np.allclose(found[1][0], parts[1][0])


def test_parts_that_overlap_become_the_outline_of_their_mask() -> None:
    parts = [[[(1, 1), (6, 1), (6, 6), (1, 6)]], [[(4, 4), (12, 4), (12, 14)]]]
    (lines,), losses = write(chunk_of(20, 20, outline=Rings.of([parts])))
    assert losses.codes[losses.code[0]][0] == "geometry.outlined"
    assert losses.measure[0] == 1.0
    assert_same_mask(lines[0], fill_parts(parts, 20, 20))


def test_holes_are_filled_where_asked() -> None:
    square = [(1, 1), (11, 1), (11, 11), (1, 11)]
    hole = [(3, 3), (8, 3), (8, 8), (3, 8)]
    mask = fill_parts([[square, hole]], 20, 20)
    runs = Runs.of([None, (rle.encode(mask), mask.shape)])
    chunk = chunk_of(20, 20, outline=Rings.of([[[square, hole]], None]), runs=runs)
    (lines,), losses = write(chunk, yolo_holes="fill")
    for row, line in enumerate(lines):
        assert losses.codes[losses.code[row]][0] == "geometry.holes_filled"
        assert losses.measure[row] == 0.75
        assert_same_mask(line, fill(np.array(square), 20, 20))


def test_a_single_ring_that_looks_like_two_is_written_with_its_mask() -> None:
    a, b = [(1, 1), (5, 1), (5, 5)], [(9, 9), (12, 9), (12, 14)]
    walk = [*a, a[0], *b, b[0], a[0]]
    (lines,), losses = write(chunk_of(20, 20, outline=Rings.of([[[walk]]])))
    assert losses.status.tolist() == [0]
    assert len(ring_of(lines[0], 20, 20)) == len(walk)
    assert_same_mask(lines[0], fill_parts([[a], [b]], 20, 20))


def test_a_polygon_finer_than_the_decimals_is_dropped_and_told() -> None:
    speck = [(1.0, 1.0), (1.00000001, 1.0), (1.00000001, 1.00000001)]
    square = [(5, 5), (9, 5), (9, 9), (5, 9)]
    outline = Rings.of([[[speck]], [[square]], [[square], [speck]]])
    (lines,), losses = write(chunk_of(20, 20, outline=outline))
    assert losses.status.tolist() == [2, 0, 1]
    assert losses.codes[losses.code[0]][0] == "polygon.zero_area"
    for line in lines:
        assert_same_mask(line, fill(np.array(square), 20, 20))
