"""Segmentations."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from pycocotools import mask as native
from strategies import counts_lists, masks, polygons, rings

from dlgeom.definitions import Polygon, Segmentation
from dlgeom.errors import GeometryError, LimitError
from dlgeom.geometry import rle
from dlgeom.limits import Limits


@given(masks())
def test_the_mask_comes_back(mask: np.ndarray) -> None:
    shape = Segmentation(mask, "x")
    assert np.array_equal(shape.to_mask(), mask)
    assert np.array_equal(shape.geo, mask)
    assert not shape.geo.flags.writeable
    assert shape.shape == mask.shape
    assert shape.area == mask.sum()
    crop, left, top = shape.to_crop()
    assert np.array_equal(crop, mask[top : top + crop.shape[0], left : left + crop.shape[1]])


@given(masks())
def test_bounds_are_exclusive_at_right_and_bottom(mask: np.ndarray) -> None:
    rows, columns = np.nonzero(mask)
    expected = (0, 0, 0, 0)
    if len(rows):
        expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    shape = Segmentation(mask, "x")
    assert shape.bounds == expected
    assert shape.x.tolist() == [expected[0], expected[2]]
    assert shape.y.tolist() == [expected[1], expected[3]]


@given(masks())
def test_all_forms_of_run_lengths_give_the_same_mask(mask: np.ndarray) -> None:
    text = native.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    shape = Segmentation(mask, "x")
    given_counts = rle.to_list(shape.counts)
    for counts in (
        text,
        text.decode(),
        bytearray(text),
        shape.counts,
        given_counts,
        tuple(given_counts),
    ):
        assert Segmentation.from_rle(counts, mask.shape, "x") == shape


@given(counts_lists())
def test_counts_that_mean_the_same_are_equal(case: tuple[list[int], tuple[int, int]]) -> None:
    counts, sides = case
    view = Segmentation._view(np.array(counts, dtype=np.uint32), sides, "x", {})
    shape = Segmentation.from_rle(counts, sides, "x")
    assert view == shape
    assert hash(view) == hash(shape)
    assert pickle.loads(pickle.dumps(view)) == view


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # theirs
@given(polygons(), rings())
def test_filling_is_that_of_pycocotools(parts: list[list[np.ndarray]], ring: np.ndarray) -> None:
    shape = (24, 40)

    def fill(one: np.ndarray) -> np.ndarray:
        return native.decode(native.frPyObjects([one.ravel().tolist()], *shape)[0]) > 0

    expected = np.zeros(shape, dtype=bool)
    for part in parts:
        expected |= np.bitwise_xor.reduce([fill(one) for one in part])
    found = Segmentation.from_polygon(Polygon.from_parts(parts, "y"), "x", shape)
    assert np.array_equal(found.to_mask(), expected)
    if (ring[2:] != ring[:1]).any():
        alone = Segmentation.from_polygon(ring, "x", shape=shape, attributes={"k": 1})
        assert np.array_equal(alone.to_mask(), fill(ring))


def test_anything_that_is_not_zero_is_set() -> None:
    expected = Segmentation([[True, False], [True, True]], "x")
    for geo in ([[255, 0], [1, 7]], [[0.5, 0.0], [-1.0, 2.0]], np.array([[9, 0], [1, 1]], "u2")):
        assert Segmentation(geo, "x") == expected


@pytest.mark.parametrize(
    ("geo", "message"),
    [
        (np.zeros((2, 2, 3)), r"shape \(2, 2, 3\)"),
        (np.zeros((0, 3)), "at least 1 x 1"),
        (np.zeros(3), "shape"),
        ([["a"]], "dtype"),
        ([[np.nan]], "NaN"),
        ([[1, 2], [3]], "no array"),
        (np.array([[1j]]), "dtype"),
    ],
)
def test_bad_masks_are_refused(geo: object, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Segmentation(geo, "x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shape", [(True, 4), (0, 4), (2, -2), (2.5, 4), 4, (1, 2, 3), "ab", (np.inf, 2)]
)
def test_bad_shapes_are_refused(shape: object) -> None:
    with pytest.raises(GeometryError, match="shape is"):
        Segmentation.from_rle([4], shape, "x")  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="shape is"):
        Segmentation.from_polygon([[0, 0], [1, 0], [0, 1]], "x", shape)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "counts", [[3], [5], [-1, 5], "0", [1.5, 2.5], [], None, 4, {4}, np.array(4.0)]
)
def test_counts_that_do_not_fill_the_shape_are_refused(counts: object) -> None:
    with pytest.raises(GeometryError):
        Segmentation.from_rle(counts, (2, 2), "x")  # type: ignore[arg-type]


def test_a_huge_mask_stays_run_lengths() -> None:
    height, width = 50_000, 60_000
    start = 1000 * height + 20
    counts = [start, 30, height * width - start - 30]
    shape = Segmentation.from_rle(counts, (height, width), "x")
    assert shape.area == 30
    assert shape.bounds == (1000, 20, 1001, 50)
    assert [box.bounds for box in shape.to_box()] == [shape.bounds]
    with pytest.raises(LimitError, match="pixels"):
        shape.to_mask()
    assert shape.to_crop()[0].shape == (30, 1)
    wide = Segmentation.from_rle([0, 1, height * width - 2, 1], (height, width), "x")
    with pytest.raises(LimitError, match="pixels"):
        wide.to_crop()
    with pytest.raises(LimitError, match="rle_pixels"):
        Segmentation.from_rle([1 << 41], (1 << 21, 1 << 20), "x")
    assert len(pickle.dumps(shape)) < 1000


def test_the_limit_of_pixels_may_be_given() -> None:
    with pytest.raises(LimitError):
        Segmentation(np.eye(3), "x").to_mask(limits=Limits(pixels=8))
