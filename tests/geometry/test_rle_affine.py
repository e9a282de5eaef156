"""Masks under affine maps, against a plain look-up of each pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from strategies import masks
from transform_strategies import SOME, any_maps, sizes

import dlgeom as dl
from dlgeom import Affine
from dlgeom.errors import GeometryError
from dlgeom.geometry import affine, rle, rle_affine


def looked_up(
    mask: np.ndarray, matrix: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mapped mask, and which pixels lie clearly off all edges between pixels."""
    rows, columns = np.indices(shape) + 0.5
    points = affine.apply(affine.inverse(matrix), np.stack((columns, rows), axis=2))
    x, y = np.floor(points[..., 0]).astype(int), np.floor(points[..., 1]).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    found = np.zeros(shape, dtype=bool)
    found[inside] = mask[y[inside], x[inside]]
    return found, (np.abs(points - np.round(points)) > 1e-9).all(axis=2)


@SOME
@given(masks(), any_maps(), sizes(40))
def test_each_pixel_takes_what_lies_at_its_middle(
    mask: np.ndarray, t: Affine, size: tuple[int, int]
) -> None:
    shape = size[::-1]
    counts = rle_affine.transform(rle.encode(mask), mask.shape, t.matrix, shape)  # type: ignore[arg-type]
    rle.check(counts, shape)
    expected, clear = looked_up(mask, t.matrix, shape)
    assert np.array_equal(rle.decode(counts, shape)[clear], expected[clear])
    assert np.array_equal(counts, rle.normalise(counts))


@SOME
@given(masks(), any_maps(), sizes(40))
def test_blocks_and_runs_give_the_same(mask: np.ndarray, t: Affine, size: tuple[int, int]) -> None:
    whole = rle_affine.transform(rle.encode(mask), mask.shape, t.matrix, size)  # type: ignore[arg-type]
    before = rle_affine.BLOCK, rle_affine.DENSE
    try:
        rle_affine.BLOCK, rle_affine.DENSE = 7, 0
        parts = rle_affine.transform(rle.encode(mask), mask.shape, t.matrix, size)  # type: ignore[arg-type]
    finally:
        rle_affine.BLOCK, rle_affine.DENSE = before
    assert np.array_equal(whole, parts)


def test_a_map_without_an_inverse_is_refused() -> None:
    mask = dl.Segmentation(np.ones((3, 3)), "cat")
    for t in (Affine.scale(0), Affine([[1, 1, 0], [1, 1, 0]])):
        with pytest.raises(GeometryError, match="no inverse"):
            t.apply(mask)


def test_a_small_thing_in_a_huge_image_costs_little() -> None:
    mask = dl.Segmentation.from_crop(np.ones((30, 40)), 59_000, 49_000, (50_000, 60_000), "cat")
    t = Affine.rotate(7, center=(59_000, 49_000), size=(60_000, 50_000))
    assert abs(t.apply(mask).area - 1200) < 30
    assert t.apply(mask).bounds[0] > 58_990
    small = Affine.letterbox((60_000, 50_000), (640, 640)).apply(mask)
    assert small.shape == (640, 640)


def test_a_huge_thing_is_read_from_its_runs() -> None:
    height, width = 6_000, 5_000
    mask = dl.Segmentation.from_rle([0, height * width], (height, width), "sea")
    t = Affine(Affine.rotate(30, center=(300, 300)).matrix, size=(700, 600))
    back = t.inverse.apply(np.stack(np.indices((700, 600)) + 0.5, axis=2))
    expected = (back >= 0).all(axis=2).T
    assert 0 < expected.sum() < expected.size
    assert np.array_equal(t.apply(mask).geo, expected)
