"""Masks as runs, grown and shrunk: agreement with SciPy, OpenCV, scikit-image, and laws."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from skimage import morphology
from strategies import counts_lists, mask_pairs, masks

from dlgeom.errors import GeometryError
from dlgeom.geometry import rle, rle_grid, rle_morphology

Mask = NDArray[np.bool_]
few = settings(max_examples=min(settings.default.max_examples, 250))
radii = st.sampled_from([0, 0.5, 1, 1.4, 1.5, 2, 2.3, 3, 5.1, 8, 30])


def dense(counts: list[int], shape: tuple[int, int]) -> Mask:
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(shape[::-1]).T


def element(radius: float) -> Mask:
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return x * x + y * y <= radius * radius


@pytest.mark.parametrize("radius", range(12))
def test_disc_of_a_whole_radius_is_that_of_scikit_image(radius: int) -> None:
    halves = rle_morphology.disc(radius)
    rows = np.abs(np.arange(-radius, radius + 1))[:, None]
    assert np.array_equal(rows <= halves, morphology.disk(radius))


@given(st.floats(0, 12))
def test_disc_holds_the_pixels_whose_centres_are_within_the_radius(radius: float) -> None:
    halves = rle_morphology.disc(radius)
    reach = len(halves) // 2
    rows = np.abs(np.arange(-reach, reach + 1))[:, None]
    assert np.array_equal(rows <= halves, element(radius))


@given(masks(), radii)
def test_dilation_is_scipys(mask: Mask, radius: float) -> None:
    expected = ndimage.binary_dilation(mask, element(radius))
    grown = rle_morphology.dilate(rle.encode(mask), mask.shape, radius)
    assert np.array_equal(grown, rle.encode(expected))


@given(masks(), radii, st.booleans())
def test_erosion_is_scipys(mask: Mask, radius: float, outside: bool) -> None:
    expected = ndimage.binary_erosion(mask, element(radius), border_value=int(outside))
    shrunk = rle_morphology.erode(rle.encode(mask), mask.shape, radius, outside=outside)
    assert np.array_equal(shrunk, rle.encode(expected))


@few
@given(masks(), st.integers(0, 4))
def test_both_are_those_of_opencv_and_scikit_image(mask: Mask, radius: int) -> None:
    counts, disk = rle.encode(mask), morphology.disk(radius)
    pixels = mask.astype(np.uint8)
    grown = rle.decode(rle_morphology.dilate(counts, mask.shape, radius), mask.shape)
    assert np.array_equal(grown, cv2.dilate(pixels, disk).astype(bool))
    assert np.array_equal(grown, morphology.dilation(mask, disk))
    shrunk = rle.decode(rle_morphology.erode(counts, mask.shape, radius), mask.shape)
    assert np.array_equal(shrunk, cv2.erode(pixels, disk).astype(bool))
    assert np.array_equal(shrunk, morphology.erosion(mask, disk))


@few
@given(mask_pairs(), radii)
def test_dilation_of_a_union_is_the_union_of_dilations(
    pair: tuple[Mask, Mask], radius: float
) -> None:
    a, b = (rle.encode(mask) for mask in pair)
    shape = pair[0].shape
    apart = (rle_morphology.dilate(one, shape, radius) for one in (a, b))
    whole = rle_morphology.dilate(rle.union(a, b), shape, radius)
    assert np.array_equal(whole, rle.union(*apart))


@few
@given(masks(), radii)
def test_erosion_is_the_dilation_of_what_is_not_set(mask: Mask, radius: float) -> None:
    counts = rle.encode(mask)
    grown = rle_morphology.dilate(rle.complement(counts), mask.shape, radius)
    shrunk = rle_morphology.erode(counts, mask.shape, radius)
    assert np.array_equal(shrunk, rle.complement(grown))


@few
@given(masks(), st.integers(1, 5))
def test_made_of_small_blocks_it_is_the_same(mask: Mask, block: int) -> None:
    counts = rle.encode(mask)
    whole = rle_morphology.dilate(counts, mask.shape, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle_morphology, "BLOCK", block)
        assert np.array_equal(rle_morphology.dilate(counts, mask.shape, 3), whole)


@few
@given(masks(), st.sampled_from([1, 2.5, 4]), st.booleans())
def test_made_of_pixels_it_is_the_same(mask: Mask, radius: float, outside: bool) -> None:
    counts = rle.encode(mask)
    whole = rle_morphology.dilate(counts, mask.shape, radius)
    core = rle_morphology.erode(counts, mask.shape, radius, outside=outside)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle, "BLOCKED", 0)
        patch.setattr(rle_grid, "BUSY", 1 << 30)
        assert np.array_equal(rle_morphology.dilate(counts, mask.shape, radius), whole)
        again = rle_morphology.erode(counts, mask.shape, radius, outside=outside)
        assert np.array_equal(again, core)


@few
@given(counts_lists(), radii)
def test_runs_of_length_zero_are_accepted(
    drawn: tuple[list[int], tuple[int, int]], radius: float
) -> None:
    values, shape = drawn
    counts, canonical = np.array(values, dtype=np.uint32), rle.encode(dense(values, shape))
    for call in (rle_morphology.dilate, rle_morphology.erode):
        assert np.array_equal(call(counts, shape, radius), call(canonical, shape, radius))


def test_masks_beyond_32_bits_grow_and_shrink() -> None:
    side = 70_000
    size, shape = side * side, (side, side)
    corners = rle_morphology.dilate(rle.from_list([0, 1, size - 2, 1]), shape, 2)
    assert rle.area(corners) == 2 * 6
    assert rle.bounds(corners, shape) == (0, 0, side, side)
    full = rle.from_list([0, size])
    assert rle.area(rle_morphology.erode(full, shape, 3)) == size
    assert rle.area(rle_morphology.erode(full, shape, 3, outside=False)) == (side - 6) ** 2
    assert rle.area(rle_morphology.dilate(rle.from_list([1, 1, size - 2]), shape, 1e8)) == size


@pytest.mark.parametrize(
    "radius", [-1, -0.1, float("nan"), float("inf"), None, "2", True, 2e9, 10**400]
)
def test_a_radius_that_is_no_length_is_refused(radius: float) -> None:
    counts = np.array([4], dtype=np.uint32)
    for call in (rle_morphology.dilate, rle_morphology.erode):
        with pytest.raises(GeometryError, match=r"radius is .*; it is a number of pixels"):
            call(counts, (2, 2), radius)


def test_a_radius_of_any_kind_of_number() -> None:
    counts = rle.encode(np.eye(5, dtype=bool))
    wanted = rle_morphology.dilate(counts, (5, 5), 1.5)
    for radius in (np.float16(1.5), np.float32(1.5), np.float64(1.5)):
        assert np.array_equal(rle_morphology.dilate(counts, (5, 5), radius), wanted)
    two = rle_morphology.dilate(counts, (5, 5), 2)
    for kind in (np.int8, np.uint64):
        assert np.array_equal(rle_morphology.dilate(counts, (5, 5), kind(2)), two)
