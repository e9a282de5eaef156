"""What segmentations do with their pixels: agreement with numpy, SciPy, pycocotools, and laws."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as native
from scipy import ndimage
from strategies import counts_lists, mask_pairs, masks

from dlgeom import Affine, Annotation, conversions, overlap
from dlgeom.definitions import Box, Polygon, Segmentation
from dlgeom.errors import GeometryError, LimitError, UsageError
from dlgeom.geometry import rle

Mask = NDArray[np.bool_]
LABELS = ("cat", {"tame": True}, "sleeps")

# What is computed is tested on plain counts; here it is that the methods hand it on.
few = settings(max_examples=min(settings.default.max_examples, 250))


def of(mask: Mask) -> Segmentation:
    return Segmentation(mask, *LABELS)


def same(found: Segmentation, mask: Mask) -> bool:
    """Whether it is this mask, with the words that `of` gives and canonical counts."""
    return found == of(mask) and np.array_equal(found.counts, rle.encode(mask))


# Set algebra.


@few
@given(mask_pairs())
def test_set_algebra_is_that_of_numpy(pair: tuple[Mask, Mask]) -> None:
    a, b = pair
    x, y = of(a), Segmentation(b, "other")
    assert same(x | y, a | b)
    assert same(x & y, a & b)
    assert same(x - y, a & ~b)
    assert same(x ^ y, a ^ b)
    assert same(~x, ~a)
    assert x.union(y) == x | y
    assert x.intersection(y) == x & y
    assert x.difference(y) == x - y
    assert x.symmetric_difference(y) == x ^ y
    assert x.complement() == ~x


@few
@given(mask_pairs())
def test_set_algebra_keeps_its_laws(pair: tuple[Mask, Mask]) -> None:
    a, b = (of(mask) for mask in pair)
    assert (a - b) | (a & b) == a
    assert ~(a | b) == ~a & ~b
    assert ~(a & b) == ~a | ~b
    assert a ^ b == (a | b) - (a & b)
    assert a.area + b.area == (a | b).area + (a & b).area
    assert ~~a == a


@few
@given(st.lists(masks(shape=(7, 9)), max_size=5))
def test_union_of_many_is_that_of_numpy(many: list[Mask]) -> None:
    first = np.zeros((7, 9), dtype=bool)
    first[2, 3] = True
    found = of(first).union(*(of(mask) for mask in many))
    assert same(found, np.logical_or.reduce([first, *many]))


@pytest.mark.parametrize(
    "name", ["union", "intersection", "difference", "symmetric_difference", "iou"]
)
def test_masks_of_two_images_are_refused(name: str) -> None:
    a, b = Segmentation(np.ones((2, 3)), "a"), Segmentation(np.ones((3, 2)), "b")
    with pytest.raises(GeometryError, match=f"{name}: the masks are 2 x 3 and 3 x 2 pixels"):
        getattr(a, name)(b)
    if name != "iou":
        with pytest.raises(GeometryError, match=f"{name}: the other is a Box"):
            getattr(a, name)(Box(0, 0, 1, 1))


def test_operators_leave_other_types_to_python() -> None:
    a: Any = Segmentation(np.ones((2, 3)), "a")
    for operation in (
        lambda: a | 1,
        lambda: a & None,
        lambda: a - Box(0, 0, 1, 1),
        lambda: a ^ np.float64(1),
    ):
        with pytest.raises(TypeError, match="unsupported operand"):
            operation()


@few
@given(mask_pairs(), st.booleans())
def test_iou_is_that_of_pycocotools(pair: tuple[Mask, Mask], crowd: bool) -> None:
    a, b = pair
    found = of(a).iou(of(b), crowd=crowd)
    if not (a | b).any():  # pycocotools says 0, or divides by it
        assert found == (0.0 if crowd else 1.0)
        return
    texts = [native.encode(np.asfortranarray(mask, dtype=np.uint8)) for mask in pair]
    expected = native.iou(texts[:1], texts[1:], [int(crowd)])[0][0] if a.any() else 0.0
    assert found == expected


@few
@given(mask_pairs())
def test_iou_is_symmetric_and_one_only_for_equal_masks(pair: tuple[Mask, Mask]) -> None:
    a, b = (of(mask) for mask in pair)
    assert a.iou(b) == b.iou(a)
    assert 0 <= a.iou(b) <= 1
    assert a.iou(a) == 1
    assert (a.iou(b) == 1) == (a == b)


def test_iou_takes_any_shape_in_either_order() -> None:
    mask = Segmentation.from_polygon([[0, 0], [4, 0], [4, 5], [0, 5]], "mask", (6, 8))
    for other in (
        Box(1, 1, 6, 3, "box"),
        Box(1, 1, 6, 3, "turned", angle=30),
        Polygon([[0, 0], [8, 0], [0, 6]], "half"),
        Annotation(Box(1, 1, 6, 3, "box")),
    ):
        shape = other.annotation_definition if isinstance(other, Annotation) else other
        assert mask.iou(other) == shape.iou(mask) == overlap.iou(mask, shape)
        assert 0 < mask.iou(other) < 1
        pixels = conversions.to_segmentation(shape, (6, 8))
        assert mask.iou(other, crowd=True) == (mask & pixels).area / mask.area
    with pytest.raises(UsageError, match="compared"):
        mask.iou(5)


# Grids.


@few
@given(masks(), st.integers(-6, 26), st.integers(-6, 26), st.integers(1, 30), st.integers(1, 30))
def test_crop_is_a_slice_of_the_padded_mask(
    mask: Mask, left: int, top: int, width: int, height: int
) -> None:
    found = of(mask).crop(left, top, left + width, top + height)
    seen = np.pad(mask, 64)[64 + top : 64 + top + height, 64 + left : 64 + left + width]
    assert found is None if not seen.any() else same(found, seen)


@few
@given(masks(), masks(16), st.integers(-18, 26), st.integers(-18, 26))
def test_paste_puts_pixels_over_those_below(mask: Mask, other: Mask, left: int, top: int) -> None:
    below = np.pad(mask, 48)
    place = np.s_[48 + top : 48 + top + other.shape[0], 48 + left : 48 + left + other.shape[1]]
    below[place] = other
    middle = np.s_[48 : 48 + mask.shape[0], 48 : 48 + mask.shape[1]]
    assert same(of(other).paste(Segmentation(mask, "below"), left, top), below[middle])
    alone = np.zeros_like(below)
    alone[place] = other
    assert same(of(other).paste(mask.shape, left, top), alone[middle])


@few
@given(masks(), st.integers(0, 23), st.integers(0, 23), st.integers(1, 24), st.integers(1, 24))
def test_a_crop_that_is_pasted_back_changes_nothing(
    mask: Mask, left: int, top: int, width: int, height: int
) -> None:
    whole = of(mask)
    crop = whole.crop(left, top, left + width, top + height)
    if crop is not None:
        assert crop.paste(whole, left, top) == whole


@pytest.mark.parametrize("far", [2**31, 1e18, -(2**63), 2**63, -(2**70), 1e300])
def test_what_is_moved_out_of_reach_is_gone(far: float) -> None:
    mask = np.ones((2, 3), dtype=bool)
    for moved in (of(mask).shift(far, 0), of(mask).translate(0, far), of(mask).shift(-far, far)):
        assert same(moved, ~mask)
    below = of(np.eye(2, 3, dtype=bool))
    assert of(mask).paste(below, far, 0) == below
    assert same(of(mask).paste((2, 3), 0, far), ~mask)


@few
@given(mask_pairs(), st.integers(-26, 26), st.integers(-26, 26))
def test_shift_commutes_with_set_algebra(pair: tuple[Mask, Mask], dx: int, dy: int) -> None:
    a, b = (of(mask) for mask in pair)
    for operation in (Segmentation.union, Segmentation.intersection, Segmentation.difference):
        moved = operation(a.shift(dx, dy), b.shift(dx, dy))
        assert operation(a, b).shift(dx, dy) == moved


@few
@given(
    masks(), st.integers(-40, 40).map(lambda v: v / 4), st.integers(-40, 40).map(lambda v: v / 4)
)
@example(np.ones((1, 1), dtype=bool), 0.5, -0.5)
def test_translate_takes_the_pixel_that_each_middle_comes_from(
    mask: Mask, dx: float, dy: float
) -> None:
    expected = np.zeros_like(mask)
    height, width = mask.shape
    for row in range(height):
        for column in range(width):
            y, x = math.floor(row + 0.5 - dy), math.floor(column + 0.5 - dx)
            if 0 <= y < height and 0 <= x < width:
                expected[row, column] = mask[y, x]
    assert same(of(mask).translate(dx, dy), expected)


@few
@given(masks())
def test_flips_and_turns_are_numpys(mask: Mask) -> None:
    whole, size = of(mask), mask.shape[::-1]
    assert same(whole.flip(), mask[:, ::-1])
    assert same(whole.flip("vertical", size=size), mask[::-1])
    assert same(whole.flip("both"), mask[::-1, ::-1])
    for k in (-1, 0, 1, 2, 3):
        assert same(whole.rot90(k, size=size), np.rot90(mask, k))
    assert whole.flip().flip() == whole
    assert whole.rot90().rot90().rot90().rot90() == whole


@few
@given(masks(10), st.integers(1, 5), st.integers(1, 5))
def test_resize_up_and_down_is_the_identity(mask: Mask, fx: int, fy: int) -> None:
    height, width = mask.shape
    whole = of(mask)
    larger = whole.resize((width * fx, height * fy), size=(width, height))
    assert same(larger, np.kron(mask, np.ones((fy, fx), dtype=bool)))
    assert larger.resize((width, height)) == whole


@few
@given(
    masks(16),
    st.tuples(*[st.integers(-20, 36).map(lambda v: v / 2)] * 2),
    st.tuples(*[st.integers(1, 20)] * 2),
)
def test_masks_move_by_themselves_as_by_maps(
    mask: Mask, place: tuple[float, float], size: tuple[int, int]
) -> None:
    whole, own = of(mask), mask.shape[::-1]
    (x, y), (width, height) = place, size
    assert whole.translate(x, y) == Affine.translate(x, y).apply(whole)
    assert whole.resize(size) == Affine.resize(size, size=own).apply(whole)
    for direction in ("horizontal", "vertical", "both"):
        assert whole.flip(direction) == Affine.flip(direction, size=own).apply(whole)
    for k in range(4):
        assert whole.rot90(k) == Affine.rot90(k, size=own).apply(whole)
    window = (x, y, x + width, y + height)
    assert whole.crop(*window) == Affine.crop(*window).cut(whole)


def test_grids_that_make_no_sense_are_refused() -> None:
    a: Any = Segmentation(np.ones((2, 3)), "a")
    refused: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: a.crop(2, 0, 1, 2), GeometryError, "has no area"),
        (lambda: a.crop(0, 0, 1.5, 2), GeometryError, "right - left"),
        (lambda: a.crop(0, 0, math.nan, 2), GeometryError, "crop: right"),
        (lambda: a.crop(0, 0, 1 << 30, 1 << 30), LimitError, "rle_pixels"),
        (lambda: a.paste((0, 3)), GeometryError, "Segmentation.paste: shape"),
        (lambda: a.paste(Box(0, 0, 1, 1)), GeometryError, "Segmentation.paste: shape"),
        (lambda: a.paste((4, 4), 0.5), GeometryError, "paste: left"),
        (lambda: a.shift(0.5, 0), GeometryError, "shift: dx"),
        (lambda: a.translate("1"), GeometryError, "translate: dx"),
        (lambda: a.flip("up"), UsageError, "direction is 'up'"),
        (lambda: a.flip(size=(2, 3)), UsageError, "the mask is 3 x 2 .width x height"),
        (lambda: a.flip(size=6), UsageError, "size is 6"),
        (lambda: a.rot90(0.5), UsageError, "quarter turns"),
        (lambda: a.resize((2, 0)), GeometryError, "new .width, height"),
        (lambda: a.resize(4), GeometryError, "new .width, height"),
        (lambda: Segmentation.from_crop(np.ones((2, 2)), 3, 0, (4, 4), "a"), GeometryError, "crop"),
        (lambda: Segmentation.from_crop([[1]], 0.5, 0, (4, 4), "a"), GeometryError, "left"),
        (lambda: a.components(6), GeometryError, "connectivity"),
        (lambda: a.dilate(-1), GeometryError, "radius"),
    ]
    for call, error, text in refused:
        with pytest.raises(error, match=text):
            call()


@few
@given(masks(8), st.integers(0, 5), st.integers(0, 5))
def test_from_crop_sets_the_pixels_of_the_crop_only(crop: Mask, left: int, top: int) -> None:
    expected = np.zeros((13, 14), dtype=bool)
    expected[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    assert same(Segmentation.from_crop(crop, left, top, (13, 14), *LABELS), expected)


# Regions.


@few
@given(masks(), st.sampled_from([4, 8]))
def test_components_part_the_mask(mask: Mask, connectivity: int) -> None:
    parts = of(mask).components(connectivity)
    structure = np.ones((3, 3)) if connectivity == 8 else None
    assert len(parts) == ndimage.label(mask, structure)[1]
    assert of(mask).count_components(connectivity) == len(parts)
    assert sum(part.area for part in parts) == mask.sum()
    if parts:
        assert parts[0].union(*parts[1:]) == of(mask)
    areas = [part.area for part in parts]
    assert areas == sorted(areas, reverse=True)
    if connectivity == 8:
        assert [Box(*part.bounds, "cat", LABELS[1]) for part in parts] == of(mask).to_box()


@few
@given(masks())
def test_contours_fill_back_to_the_components(mask: Mask) -> None:
    whole = of(mask)
    outlines = whole.contours()
    filled = [Segmentation.from_polygon(one, "cat", mask.shape, *LABELS[1:]) for one in outlines]
    assert filled == whole.components()
    assert sum(outline.perimeter for outline in outlines) == whole.perimeter
    assert [(one.label, dict(one.attributes), one.description) for one in outlines] == [
        LABELS
    ] * len(outlines)


@few
@given(masks(), st.sampled_from([0, 1, 1.5, 2, 4]))
def test_regions_are_scipys(mask: Mask, radius: float) -> None:
    y, x = np.mgrid[-4:5, -4:5]
    disc = x * x + y * y <= radius * radius
    whole = of(mask)
    assert same(whole.fill_holes(), ndimage.binary_fill_holes(mask))
    assert same(whole.dilate(radius), ndimage.binary_dilation(mask, disc))
    assert same(whole.erode(radius), ndimage.binary_erosion(mask, disc, border_value=1))
    assert same(whole.erode(radius, outside=False), ndimage.binary_erosion(mask, disc))


@few
@given(masks(allow_empty=False))
def test_measures_are_those_of_the_pixels(mask: Mask) -> None:
    whole = of(mask)
    rows, columns = np.nonzero(mask)
    assert whole.centroid == pytest.approx((columns.mean() + 0.5, rows.mean() + 0.5))
    assert not whole.is_empty
    box = whole.to_rotated_box()
    assert box.area <= whole.width * whole.height + 1e-9
    assert box.area >= whole.area - 1e-9


def test_an_empty_mask_has_no_centroid_and_no_components() -> None:
    empty = Segmentation(np.zeros((4, 5)), "nothing")
    assert empty.is_empty
    assert all(map(math.isnan, empty.centroid))
    assert empty.perimeter == 0
    assert empty.components() == []
    assert empty.contours() == []
    assert empty.dilate(3) == empty
    assert empty.crop(0, 0, 3, 3) is None
    with pytest.raises(GeometryError):
        empty.to_rotated_box()


@few
@given(counts_lists())
def test_counts_that_mean_the_same_give_the_same(
    case: tuple[list[int], tuple[int, int]],
) -> None:
    values, shape = case
    odd = Segmentation._of_counts(np.array(values, dtype=np.uint32), shape, *LABELS)
    good = Segmentation.from_rle(values, shape, *LABELS)
    assert odd.is_empty == good.is_empty
    for change in (
        lambda s: s | s,
        lambda s: ~s,
        lambda s: s ^ good,
        lambda s: s.flip(),
        lambda s: s.rot90(),
        lambda s: s.resize((5, 7)),
        lambda s: s.translate(1, 2),
        lambda s: s.paste((30, 30), 2, 3),
        lambda s: s.fill_holes(),
        lambda s: s.dilate(1.5),
        lambda s: s.erode(1.5),
    ):
        assert np.array_equal(change(odd).counts, change(good).counts)
    assert odd.components(4) == good.components(4)
    assert odd.iou(good) == 1


@few
@given(masks(allow_empty=False))
def test_results_are_values(mask: Mask) -> None:
    for found in (of(mask).flip(), *of(mask).components(), of(mask).dilate(1)):
        assert not found.counts.flags.writeable
        assert pickle.loads(pickle.dumps(found)) == found
        assert hash(found) == hash(of(found.to_mask()))
