"""Run lengths: laws, and agreement with pycocotools and dense masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco
from strategies import counts_lists, mask_pairs, masks

from dlgeom.errors import GeometryError
from dlgeom.geometry import rle, rle_text
from dlgeom.geometry.ragged import Runs

Mask = NDArray[np.bool_]


def native_text(mask: Mask) -> str:
    return coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode("ascii")


def dense(counts: list[int], shape: tuple[int, int]) -> Mask:
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(shape[::-1]).T


def slow_bounds(mask: Mask) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@given(masks())
def test_decoding_an_encoded_mask_gives_the_mask(mask: Mask) -> None:
    decoded = rle.decode(rle.encode(mask), mask.shape)
    assert decoded.dtype == np.bool_
    assert decoded.flags.c_contiguous
    assert np.array_equal(decoded, mask)


@given(masks())
def test_encoding_is_canonical_and_fills_the_shape(mask: Mask) -> None:
    counts = rle.encode(mask)
    assert counts.dtype == np.uint32
    assert counts[1:].all()
    rle.check(counts, mask.shape)


@given(masks())
def test_text_is_the_text_of_pycocotools(mask: Mask) -> None:
    counts = rle.encode(mask)
    text = native_text(mask)
    assert rle.to_string(counts) == text
    assert np.array_equal(rle.from_string(text), counts)
    assert np.array_equal(rle.from_string(text.encode()), counts)


@pytest.mark.parametrize(
    ("counts", "text"),
    [([5, 2, 2, 2, 2, 2, 5], "5220003"), ([0, 9], "09"), ([9], "9")],
    ids=["rows 1-2 of 3 columns", "full", "empty"],
)
def test_known_texts_are_written_and_read(counts: list[int], text: str) -> None:
    array = rle.from_list(counts)
    assert rle.to_string(array) == text
    assert rle.to_list(rle.from_string(text)) == counts


def test_frame_of_the_format_description_has_its_text() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[10:60, 20:90] = True
    mask[30:40, 40:50] = False
    assert rle.to_string(rle.encode(mask)).startswith("jn1b1b1000")


@given(st.lists(masks(), min_size=1, max_size=6))
def test_many_texts_at_once_are_the_texts_one_by_one(many: list[Mask]) -> None:
    rows = [(rle.encode(mask), mask.shape) for mask in many]
    runs = Runs.of([None, *rows])
    texts = rle.to_strings(runs)
    assert texts == ["", *(native_text(mask) for mask in many)]
    counts, offsets = rle.from_strings([text.encode() for text in texts[1:]])
    assert np.array_equal(counts, runs.counts)
    assert np.array_equal(offsets, runs.offsets[1:])


def slow_counts(data: bytes) -> list[int] | None:
    """Read a text number by number, as the format says; None if it is no counts."""
    counts: list[int] = []
    codes = [byte - 48 for byte in data]
    if not codes or not all(0 <= code < 64 for code in codes) or codes[-1] >= 32:
        return None
    while codes:
        groups = 1 + next(index for index, code in enumerate(codes) if code < 32)
        number = sum((code & 31) << 5 * index for index, code in enumerate(codes[:groups]))
        number -= (1 << 5 * groups) if codes[groups - 1] & 16 else 0
        number += counts[-2] if len(counts) > 2 else 0
        if number < 0 or groups > 9:
            return None
        counts.append(number)
        codes = codes[groups:]
    return counts


# Few and many numbers of several characters go separate ways.
COUNTS = st.one_of(
    st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=80),
    st.lists(st.integers(0, 40), min_size=1, max_size=120),
)


@given(COUNTS)
def test_long_and_short_codec_agree_on_any_counts(values: list[int]) -> None:
    counts = rle.from_list(values)
    text = rle_text._short_text(values)
    array_text = rle_text._texts(counts, np.array([0, len(counts)]))[0]
    assert text == array_text == rle.to_string(counts)
    data = text.encode()
    groups = data.translate(rle_text._GROUPS)
    assert np.array_equal(rle.from_string(text), counts)
    assert np.array_equal(rle_text._from_mostly_short_numbers(data, groups), counts)
    assert np.array_equal(rle_text._summed(rle_text._numbers(data, groups)[0]), counts)
    assert np.array_equal(rle.from_strings([data])[0], counts)


CODES = st.text(st.characters(min_codepoint=48, max_codepoint=111))


@given(st.one_of(st.text(), st.binary(), CODES))
@example("")
@example("o" * 40 + "0")
@example("o")
@example("0" * 200 + "o")
@example("n" * 200)
@example("é")
@example("P" * 8 + "0")
def test_any_text_gives_counts_or_a_geometry_error(text: str | bytes) -> None:
    try:
        counts = rle.from_string(text)
    except GeometryError:
        return
    assert counts.dtype == np.uint32
    assert len(counts)


TEXTS = st.one_of(
    st.text(st.characters(min_codepoint=40, max_codepoint=115)),
    st.text(st.characters(min_codepoint=48, max_codepoint=111), min_size=1, max_size=80),
    st.lists(st.sampled_from(["0", "1", "@", "P1", "o3", "PP2", "P" * 8 + "4", "P" * 9 + "0"])).map(
        "".join
    ),
)


@given(TEXTS)
@example("P" * 8 + "0")
@example("P" * 9 + "0")
@example("o" * 8 + "?")
@example("3P")
def test_each_decoder_reads_and_refuses_what_the_format_says(text: str) -> None:
    data = text.encode()
    expected = slow_counts(data)
    decoders = [rle.from_string, lambda data: rle.from_strings([data])[0]]
    if data:  # both ways, however many numbers have several characters
        groups = data.translate(rle_text._GROUPS)
        decoders += [
            lambda data: rle_text._from_mostly_short_numbers(data, groups),
            lambda data: rle_text._summed(rle_text._numbers(data, groups)[0]),
        ]
    for decode in decoders:
        try:
            found = rle.to_list(decode(data))
        except GeometryError:
            assert expected is None or sum(expected) > 1 << 41
        else:
            assert found == expected


@given(counts_lists())
def test_zero_runs_inside_are_the_same_mask(case: tuple[list[int], tuple[int, int]]) -> None:
    values, shape = case
    mask = dense(values, shape)
    counts = rle.from_list(values)
    assert rle.to_list(counts) == values
    assert np.array_equal(rle.decode(counts, shape), mask)
    assert np.array_equal(rle.normalise(counts), rle.encode(mask))
    assert rle.bounds(counts, shape) == slow_bounds(mask)
    assert rle.area(counts) == mask.sum()
    assert np.array_equal(rle.complement(counts), rle.encode(~mask))
    assert np.array_equal(rle.union(counts, counts), rle.encode(mask))
    assert np.array_equal(rle.union_many([counts], mask.size), rle.encode(mask))


@given(masks())
def test_crop_is_the_tight_bounds(mask: Mask) -> None:
    counts = rle.encode(mask)
    crop, left, top = rle.decode_crop(counts, mask.shape)
    a, b, c, d = slow_bounds(mask)
    assert (left, top, left + crop.shape[1], top + crop.shape[0]) == (a, b, c, d)
    assert np.array_equal(crop, mask[b:d, a:c])
    assert rle.bounds(counts, mask.shape) == (a, b, c, d)


@given(masks(max_side=8), st.tuples(*[st.integers(0, 5)] * 4))
def test_encoding_a_crop_is_encoding_the_padded_mask(
    mask: Mask, margins: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = margins
    whole = np.pad(mask, ((top, bottom), (left, right)))
    assert np.array_equal(rle.encode_crop(mask, left, top, whole.shape), rle.encode(whole))


@given(st.lists(st.one_of(st.none(), masks(max_side=10)), max_size=6))
def test_measures_of_many_rows_are_those_of_each(many: list[Mask | None]) -> None:
    runs = Runs.of([None if mask is None else (rle.encode(mask), mask.shape) for mask in many])
    areas, boxes = rle.areas(runs), rle.bounds_many(runs)
    valid = rle.valid(runs)
    for index, mask in enumerate(many):
        if mask is None:
            assert areas[index] == 0
            assert np.isnan(boxes[index]).all()
            assert not valid[index]
        else:
            assert areas[index] == mask.sum()
            assert tuple(boxes[index]) == slow_bounds(mask)
            assert valid[index]


@given(mask_pairs())
def test_set_algebra_is_that_of_dense_masks(pair: tuple[Mask, Mask]) -> None:
    a, b = pair
    x, y = rle.encode(a), rle.encode(b)
    assert np.array_equal(rle.union(x, y), rle.encode(a | b))
    assert np.array_equal(rle.intersection(x, y), rle.encode(a & b))
    assert np.array_equal(rle.xor(x, y), rle.encode(a ^ b))
    assert np.array_equal(rle.difference(x, y), rle.encode(a & ~b))
    assert np.array_equal(rle.complement(x), rle.encode(~a))


@given(st.lists(masks(shape=(9, 7)), max_size=5))
def test_union_of_many_is_that_of_dense_masks(many: list[Mask]) -> None:
    expected = np.zeros((9, 7), dtype=bool)
    for mask in many:
        expected |= mask
    counts = rle.union_many([rle.encode(mask) for mask in many], 63)
    assert np.array_equal(counts, rle.encode(expected))


def test_masks_of_different_sizes_do_not_combine() -> None:
    with pytest.raises(GeometryError, match="one shape"):
        rle.union(rle.from_list([4]), rle.from_list([5]))


def test_huge_mask_keeps_long_runs_in_pieces() -> None:
    shape = (1 << 20, 1 << 20)
    size = shape[0] * shape[1]
    start = 3 * shape[0] + 10
    counts = rle.from_list([start, 5, size - start - 5])
    rle.check(counts, shape)
    assert len(counts) > 3
    assert rle.to_list(counts) == [start, 5, size - start - 5]
    assert rle.area(counts) == 5
    assert rle.bounds(counts, shape) == (3, 10, 4, 15)
    crop, left, top = rle.decode_crop(counts, shape)
    assert (crop.shape, left, top) == ((5, 1), 3, 10)
    assert np.array_equal(rle.from_string(rle.to_string(counts)), counts)
    assert np.array_equal(rle.normalise(counts), counts)
    turned = rle.complement(rle.complement(counts))
    assert np.array_equal(turned, counts)
    assert rle.area(rle.complement(counts)) == size - 5
    assert np.array_equal(rle.encode_crop(crop, left, top, shape), counts)
    runs = Runs.of([(counts, shape)])
    assert rle.valid(runs).tolist() == [True]
    assert rle.areas(runs).tolist() == [5]
    assert rle.bounds_many(runs).tolist() == [[3, 10, 4, 15]]


@pytest.mark.parametrize(
    "values",
    [
        [(1 << 32) - 1, 1],
        [1 << 32, 1],
        [1, (1 << 32) - 1],
        [1 << 33, 7, 1 << 34],
        [(1 << 32) - 1],
        [2 * ((1 << 32) - 1), 3],
    ],
)
def test_list_of_long_runs_comes_back(values: list[int]) -> None:
    counts = rle.from_list(values)
    assert int(counts.sum(dtype=np.uint64)) == sum(values)
    assert rle.to_list(counts) == values


def test_text_with_a_run_beyond_32_bits_is_read() -> None:
    text = rle_text._short_text([1 << 35, 4])
    assert rle.to_list(rle.from_string(text)) == [1 << 35, 4]
    counts, offsets = rle.from_strings([b"9", text.encode(), b"09"])
    assert rle.to_list(counts[offsets[1] : offsets[2]]) == [1 << 35, 4]
    assert counts[offsets[2] :].tolist() == [0, 9]


def test_short_text_does_not_unpack_to_much_memory() -> None:
    text = rle_text._short_text([1 << 40] * 500)
    with pytest.raises(GeometryError, match="add up"):
        rle.from_string(text)
    with pytest.raises(GeometryError, match="add up"):
        rle.from_strings([b"9", text.encode()])
    with pytest.raises(GeometryError, match="add up"):
        rle.from_list([1 << 40] * 500)


def test_row_of_a_wide_image_is_cropped_without_its_columns() -> None:
    shape = (60_000, 50_000)
    values = [7]
    for _ in range(shape[1] - 1):
        values += [1, shape[0] - 1]
    values += [1, shape[0] - 8]
    counts = rle.from_list(values)
    crop, left, top = rle.decode_crop(counts, shape)
    assert (crop.shape, left, top) == ((1, 50_000), 0, 7)
    assert crop.all()


@pytest.mark.parametrize(
    "values",
    [[], [-1, 5], [1.0, 3], ["4"], [True, 8], [None], [[4]], [1 << 60], [10**40]],
    ids=repr,
)
def test_list_that_is_no_run_lengths_is_refused(values: list[object]) -> None:
    with pytest.raises(GeometryError, match="run lengths"):
        rle.from_list(values)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(2, 2), (0, 9), (-3, -3), (3.0, 3), (True, 9), (1 << 32, 3)])
def test_counts_that_do_not_fill_the_shape_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(GeometryError):
        rle.check(rle.from_list([4, 5]), shape)
    with pytest.raises(GeometryError):
        rle.decode_crop(rle.from_list([4, 5]), shape)


def test_valid_names_the_rows_that_do_not_fill_their_shape() -> None:
    good, bad = rle.from_list([4, 5]), rle.from_list([4, 4])
    runs = Runs.of([(good, (3, 3)), (bad, (3, 3)), None, (good, (-3, -3)), (good, (1, 9))])
    assert rle.valid(runs).tolist() == [True, False, False, False, True]
    wrapped = Runs.of([(rle.from_list([4]), (1 << 33, 1 << 33))])  # 2**66 is 4 in 64 bits
    assert rle.valid(wrapped).tolist() == [False]


def test_what_is_no_mask_is_refused() -> None:
    with pytest.raises(GeometryError, match="dimensions"):
        rle.encode(np.zeros(4, dtype=bool))
    with pytest.raises(GeometryError, match="> 0"):
        rle.encode(np.zeros((0, 4), dtype=bool))
    with pytest.raises(GeometryError, match="inside"):
        rle.encode_crop(np.ones((3, 3), dtype=bool), 1, 0, (3, 3))


@pytest.mark.parametrize("text", ["p0", "/0", "5 2", "oo", "\u0660"])
def test_bad_text_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(GeometryError, match="compressed run lengths"):
        rle.from_string(text)


@given(st.lists(masks(shape=(9, 7)), max_size=8), st.integers(1, 9))
def test_union_made_step_by_step_is_that_made_at_once(many: list[Mask], step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle, "MERGED", step)
        counts = rle.union_many([rle.encode(mask) for mask in many], 63)
    union = np.logical_or.reduce([np.zeros((9, 7), dtype=bool), *many])
    assert np.array_equal(counts, rle.encode(union))


@given(counts_lists(9), st.data())
def test_set_algebra_takes_runs_of_length_zero(
    drawn: tuple[list[int], tuple[int, int]], data: st.DataObject
) -> None:
    values, shape = drawn
    other = data.draw(masks(shape=shape))
    counts, mask = np.array(values, dtype=np.uint32), dense(values, shape)
    for x, y, first, second in (
        (counts, rle.encode(other), mask, other),
        (rle.encode(other), counts, other, mask),
        (counts, counts, mask, mask),
    ):
        assert np.array_equal(rle.union(x, y), rle.encode(first | second))
        assert np.array_equal(rle.intersection(x, y), rle.encode(first & second))
        assert np.array_equal(rle.difference(x, y), rle.encode(first & ~second))
        assert np.array_equal(rle.xor(x, y), rle.encode(first ^ second))
        assert rle.intersection_area(x, y) == (first & second).sum()


def test_set_algebra_of_runs_beyond_32_bits() -> None:
    size = 70_000**2
    full, empty = rle.from_list([0, size]), rle.from_list([size])
    ends = rle.from_list([0, 1, size - 2, 1])
    middle = rle.from_list([1, size - 2, 1])
    assert rle.to_list(rle.union(ends, middle)) == [0, size]
    assert rle.to_list(rle.union_many([ends, middle, empty], size)) == [0, size]
    assert rle.to_list(rle.intersection(ends, middle)) == [size]
    assert rle.to_list(rle.difference(full, ends)) == [1, size - 2, 1]
    assert rle.to_list(rle.xor(full, middle)) == [0, 1, size - 2, 1]
    assert rle.to_list(rle.complement(full)) == [size]
    assert rle.intersection_area(full, middle) == size - 2
