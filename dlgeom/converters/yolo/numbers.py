"""Decimals in bulk: fractions of an image as text, without a Python object for each number.

A fraction travels as an integer: the digits of ``'%.6f' % value`` without the point. Integers
can be compared, moved by one in the last place and laid out as text for a whole window at once.

Masks stay what they were: pycocotools walks an outline on a grid of fifths of a pixel, vertex
``x`` lying in cell ``int(5 * x + .5)``. A number whose text reads back into another cell moves
by one in its last digit (`fifth_digits`).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.geometry.ragged import offsets_of

__all__ = [
    "MAX_DECIMALS",
    "class_widths",
    "digits",
    "enough_decimals",
    "fifth_cells",
    "fifth_digits",
    "format_rows",
    "read_back",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_DECIMALS = 11
"""With 11 decimals a coordinate at the limit of 10**7 px in an image of 1 px fits an int64."""

BLOCK = 1 << 15
"""Numbers worked on at once, so that the intermediate arrays stay in the processor's cache."""

_EXACT = 2.0**52
_SPLIT = 134_217_729.0


def enough_decimals(largest_side: int) -> int:
    """Return the decimals that tell fifths of a pixel apart: 6, more for sides of 200,000 px.

    Parameters
    ----------
    largest_side : int
        The larger of width and height, in pixels.
    """
    decimals = 6
    while 5 * largest_side >= 10**decimals and decimals < MAX_DECIMALS:
        decimals += 1
    return decimals


def _residual(values: Floats, factor: float, product: Floats) -> Floats:
    """Return ``values * factor - product`` exactly (Dekker 1971, product of two floats)."""
    upper = values * _SPLIT
    upper = upper - (upper - values)
    lower = values - upper
    big = factor * _SPLIT
    big = big - (big - factor)
    small = factor - big
    exact: Floats = lower * small - (((product - upper * big) - lower * big) - upper * small)
    return exact


def _settle_ties(values: Floats, scale: float, product: Floats, whole: Floats) -> None:
    """Round what landed on a half by what the product really is.

    A half is itself a float, so rounding the product never steps over one: only where the
    rounded product *is* a half can the exact one lie on either side.
    """
    index = np.flatnonzero(np.abs(product - whole) == 0.5)
    if not len(index):
        return
    middle = product[index]
    rest = _residual(values[index], scale, middle)
    settled = np.where(rest > 0, np.ceil(middle), np.floor(middle))
    whole[index] = np.where(rest == 0, whole[index], settled)


def _digits_of_large(values: Floats, decimals: int) -> list[int]:
    """Round numbers whose product a float does not hold to the unit."""
    context = Context(prec=400, rounding=ROUND_HALF_EVEN)
    step = Decimal(1).scaleb(-decimals)
    return [
        int(Decimal(value).quantize(step, context=context).scaleb(decimals, context=context))
        for value in values.tolist()
    ]


def digits(values: Floats, decimals: int) -> Ints:
    """Return the digits of ``'%.*f' % (decimals, value)`` as integers.

    Parameters
    ----------
    values : ndarray of float64, shape (V,)
        Finite numbers below ``9.2e18 / 10**decimals`` in size.
    decimals : int
        Digits behind the point, 0 to `MAX_DECIMALS`.

    Returns
    -------
    ndarray of int64, shape (V,)
        ``value * 10**decimals``, rounded half to even on the exact binary value.
    """
    scale = 10.0**decimals
    product = values * scale
    whole = np.rint(product)
    _settle_ties(values, scale, product, whole)
    result: Ints = whole.astype(np.int64)
    large = np.abs(product) >= _EXACT
    if large.any():
        result[large] = _digits_of_large(values[large], decimals)
    return result


def read_back(numbers: Ints, sizes: Floats, decimals: int) -> Floats:
    """Return ``float(text) * size`` of each number: what a reader makes of it, in pixels."""
    back: Floats = numbers / 10.0**decimals * sizes
    return back


def fifth_cells(pixels: Floats) -> Floats:
    """Return the cell of the fifth-pixel grid, ``int(5 * x + .5)`` as C truncates it."""
    cells: Floats = np.trunc(5.0 * pixels + 0.5)
    return cells


def fifth_digits(pixels: Floats, sizes: Floats, decimals: int) -> tuple[Ints, NDArray[np.intp]]:
    """Return digits that read back into the same fifth of a pixel.

    Parameters
    ----------
    pixels : ndarray of float64, shape (V,)
        Coordinates in pixels.
    sizes : ndarray of float64, shape (V,)
        Width or height of the image of each.
    decimals : int
        Digits behind the point.

    Returns
    -------
    numbers : ndarray of int64, shape (V,)
        Digits of ``pixels / sizes``, moved by one where the cell asks for it.
    failed : ndarray of int, shape (F,)
        Indexes of numbers that no step of one brings into their cell: too few decimals.
    """
    numbers = np.empty(len(pixels), dtype=np.int64)
    failed = []
    scale = 10.0**decimals
    for start in range(0, len(pixels), BLOCK):
        x = pixels[start : start + BLOCK]
        size = sizes[start : start + BLOCK]
        block = digits(x / size, decimals)
        cells = fifth_cells(x)
        off = np.flatnonzero(fifth_cells(read_back(block, size, decimals)) != cells)
        if len(off):
            wanted = cells[off]
            there = fifth_cells(read_back(block[off], size[off], decimals))
            moved = block[off] + np.sign(wanted - there).astype(np.int64)
            good = fifth_cells(moved / scale * size[off]) == wanted
            block[off[good]] = moved[good]
            failed.append(off[~good] + start)
        numbers[start : start + BLOCK] = block
    return numbers, np.concatenate(failed) if failed else np.zeros(0, dtype=np.intp)


def class_widths(classes: Ints) -> Ints:
    """Return how many digits each class index has."""
    widths = np.ones(len(classes), dtype=np.int64)
    bound = 10
    largest = int(classes.max(initial=0))
    while largest >= bound:
        widths += classes >= bound
        bound *= 10
    return widths


@cache
def _tables() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the text of ``a.bcd`` and of ``efg``, as the bytes of one 64-bit word."""
    four = np.zeros((10_000, 8), dtype=np.uint8)
    three = np.zeros((1_000, 8), dtype=np.uint8)
    head, tail = np.arange(10_000), np.arange(1_000)
    four[:, 1] = ord(".")
    for column, weight in ((0, 1_000), (2, 100), (3, 10), (4, 1)):
        four[:, column] = head // weight % 10 + ord("0")
    for column, weight in ((5, 100), (6, 10), (7, 1)):
        three[:, column] = tail // weight % 10 + ord("0")
    return four.view(np.uint64).ravel(), three.view(np.uint64).ravel()


def _six_decimals(
    numbers: Ints, places: NDArray[np.int8] | None, is_number: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Lay out numbers of 0 to 9.999999 as slots of nine bytes, a blank in front.

    Words of 64 bits are moved, not bytes: 10 ns a number instead of 25.
    """
    four, three = _tables()
    small = numbers.astype(np.uint32)
    head = small // np.uint32(1_000)
    words = four.take(head)
    words |= three.take(small - head * np.uint32(1_000))
    if places is not None:
        words[places == 0] &= _first_byte()
    slots = np.zeros(len(is_number), dtype=np.uint64)
    slots[is_number] = words
    text = np.empty((len(is_number), 9), dtype=np.uint8)
    text[:, 0] = ord(" ")
    np.ndarray((len(text),), np.uint64, text, 1, (9,))[:] = slots
    return text


def _first_byte() -> np.uint64:
    """Return the mask of a word's first byte in memory, whatever the byte order."""
    return np.array([255, 0, 0, 0, 0, 0, 0, 0], dtype=np.uint8).view(np.uint64)[0]  # type: ignore[no-any-return]


def _any_decimals(
    numbers: Ints, decimals: int, places: NDArray[np.int8] | None
) -> NDArray[np.uint8]:
    """Lay out any numbers, right-aligned; bytes that a number does not need are 0."""
    size = np.abs(numbers)
    width = 1
    while width < 19 - decimals and int(size.max(initial=0)) >= 10 ** (decimals + width):
        width += 1
    point = int(decimals > 0)
    text = np.zeros((len(numbers), 2 + width + point + decimals), dtype=np.uint8)
    text[:, 0] = ord(" ")
    text[:, 1] = np.where(numbers < 0, ord("-"), 0)
    column = text.shape[1]
    rest = size
    for digit in range(decimals + width):
        column -= 1
        if digit == decimals and point:
            text[:, column] = ord(".")
            column -= 1
        following = rest // 10
        text[:, column] = rest - following * 10 + ord("0")
        if digit > decimals:
            text[rest == 0, column] = 0
        rest = following
    if places is not None:
        first = 2 + width
        for shown in np.unique(places).tolist():
            if shown < decimals:
                text[places == shown, first + (shown + point if shown else 0) :] = 0
    return text


def _class_text(classes: Ints, width: int) -> NDArray[np.uint8]:
    """Lay out a line feed and the class index, the bytes it does not need being 0."""
    text = np.zeros((len(classes), width), dtype=np.uint8)
    text[:, 0] = ord("\n")
    rest = classes
    for column in range(width - 1, 0, -1):
        following = rest // 10
        shown = rest - following * 10 + ord("0")
        text[:, column] = shown if column == width - 1 else np.where(rest > 0, shown, 0)
        rest = following
        if not rest.any():
            break
    return text


def _format_block(
    classes: Ints, numbers: Ints, offsets: Ints, decimals: int, places: NDArray[np.int8] | None
) -> tuple[bytes, Ints]:
    """Format rows that were found to fit into memory at once; see `format_rows`."""
    shown = np.zeros(0, dtype=np.int8) if places is None else places
    plain = decimals == 6 and not ((shown > 0) & (shown < 6)).any()
    plain = plain and int(numbers.min(initial=0)) >= 0 and int(numbers.max(initial=0)) < 10**7
    wide = None if plain else _any_decimals(numbers, decimals, places)
    slot = 9 if wide is None else wide.shape[1]
    widths = class_widths(classes) + 1
    # The class takes as many slots of the width of a number as it needs.
    heads = -(-int(widths.max(initial=1)) // slot)
    starts = offsets[:-1] + heads * np.arange(len(classes))
    class_slots = (starts[:, None] + np.arange(heads)).ravel()
    is_number = np.ones(len(numbers) + len(classes) * heads, dtype=np.bool_)
    is_number[class_slots] = False
    if wide is None:
        out = _six_decimals(numbers, places, is_number)
        used = None if places is None else np.where(places == 0, 2, 9)
    else:
        out = np.empty((len(is_number), slot), dtype=np.uint8)
        out[is_number] = wide
        used = np.count_nonzero(wide, axis=1)
    out[class_slots] = _class_text(classes, heads * slot).reshape(-1, slot)
    if used is None:
        lengths = widths + slot * np.diff(offsets)
    else:
        behind = offsets_of(used)
        lengths = widths + behind[offsets[1:]] - behind[offsets[:-1]]
    # Each row begins with the line feed that ends the row before it.
    return out.tobytes().replace(b"\0", b"")[1:] + b"\n", lengths


def format_rows(
    classes: NDArray[np.integer[Any]],
    numbers: Ints,
    offsets: Ints,
    decimals: int,
    *,
    places: NDArray[np.int8] | None = None,
) -> tuple[bytes, Ints]:
    r"""Write rows of a class index and numbers.

    Parameters
    ----------
    classes : ndarray of int, shape (N,)
        Class index of each row, >= 0.
    numbers : ndarray of int64, shape (V,)
        Digits of the numbers of all rows (see `digits`).
    offsets : ndarray of int64, shape (N + 1,)
        Row i has ``numbers[offsets[i]:offsets[i + 1]]``.
    decimals : int
        Digits behind the point that `numbers` hold.
    places : ndarray of int8, shape (V,), optional
        Digits behind the point that are shown; the digits left out must be zeros.

    Returns
    -------
    text : bytes
        The rows, each ended by a line feed.
    offsets : ndarray of int64, shape (N + 1,)
        Row i is ``text[offsets[i]:offsets[i + 1]]``.

    Examples
    --------
    >>> import numpy as np
    >>> format_rows(np.array([7]), np.array([500000, 62500]), np.array([0, 2]), 6)[0]
    b'7 0.500000 0.062500\n'
    """
    indexes: Ints = classes.astype(np.int64, copy=False)
    pieces: list[bytes] = []
    lengths: list[Ints] = []
    first = 0
    while first < len(classes):
        last = int(np.searchsorted(offsets, offsets[first] + 4 * BLOCK, side="right")) - 1
        last = min(max(last, first + 1), len(classes), first + BLOCK)
        low, high = int(offsets[first]), int(offsets[last])
        text, sizes = _format_block(
            indexes[first:last],
            numbers[low:high],
            offsets[first : last + 1] - low,
            decimals,
            None if places is None else places[low:high],
        )
        pieces.append(text)
        lengths.append(sizes)
        first = last
    total = np.concatenate(lengths) if lengths else np.zeros(0, dtype=np.int64)
    return b"".join(pieces), offsets_of(total)
