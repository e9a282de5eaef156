"""Run lengths as lists of integers and as COCO's compressed text.

The public names are those of `dlgeom.geometry.rle`. Decoding checks everything first: text and
counts come from files, and what pycocotools does with bad ones is to read beyond its memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import GeometryError
from dlgeom.geometry.ragged import Runs, offsets_of

__all__ = ["from_list", "from_string", "from_strings", "pack", "to_list", "to_string", "to_strings"]

Counts = NDArray[np.uint32]

LONGEST = (1 << 32) - 1  # what one uint32 count can hold
SHORT_COUNTS = 160  # counts up to which a plain loop beats array code (measured)
FEW_LONG = 24  # characters that do not end a number, up to which one by one is faster (measured)
LARGEST = 1 << 41  # pixels of a mask; bounds what a short text with huge runs unpacks to
MAX_GROUPS = 9  # 45 bits: more than any mask of 2**40 pixels needs
# Neither is a number of one group: a group that others follow, and no group at all.
_MORE, _BAD, _MORE_BYTE = 64, 65, b"@"


def pack(lengths: NDArray[np.int64]) -> Counts:
    """Turn run lengths into uint32 counts, splitting what does not fit."""
    if not len(lengths) or lengths[lengths.argmax()] <= LONGEST:
        return lengths.astype(np.uint32)
    total = float(lengths.sum(dtype=np.float64))
    if total > LARGEST:
        raise GeometryError(
            f"run lengths add up to {total:.4g}; a mask has up to 2**41 pixels. Correct the counts"
        )
    pieces: list[int] = []
    for length in lengths.tolist():
        whole, rest = divmod(length, LONGEST)
        if whole and not rest:
            whole, rest = whole - 1, LONGEST
        pieces += [LONGEST, 0] * whole
        pieces.append(rest)
    return np.array(pieces, dtype=np.uint32)


def from_list(values: Iterable[int]) -> Counts:
    """Check a list of run lengths, such as COCO's uncompressed counts, and return counts.

    Raises
    ------
    GeometryError
        If a value is not an integer >= 0.
    """
    items = values if isinstance(values, list) else list(values)
    for kind in set(map(type, items)):
        if kind is not int and not issubclass(kind, np.integer):
            raise GeometryError(
                f"run lengths hold a {kind.__name__}; they are integers >= 0. Correct the counts"
            )
    if not items:
        raise GeometryError("run lengths are empty; they add up to the pixels of the mask")
    if min(items) < 0 or max(items) > LARGEST:
        worst = min(items) if min(items) < 0 else max(items)
        raise GeometryError(f"run lengths hold {worst}; they are integers >= 0 up to 2**41")
    return pack(np.array(items, dtype=np.int64))


def to_list(counts: Counts) -> list[int]:
    """Return the run lengths as integers; a run kept in several counts comes out as one."""
    if not len(counts) or counts.max() < LONGEST:
        return [int(value) for value in counts.tolist()]
    result: list[int] = []
    values = iter(counts.tolist())
    for value in values:
        length = value
        piece = value
        while piece == LONGEST:
            separator = next(values, None)
            if separator is None:
                break
            if separator:
                result.append(length)
                length = piece = separator
                continue
            piece = next(values, 0)
            length += piece
        result.append(length)
    return result


def _bad_text(why: str) -> GeometryError:
    return GeometryError(
        f"compressed run lengths {why}; they are COCO's text of characters 48 to 111. "
        "Correct the counts"
    )


def from_string(text: str | bytes | bytearray) -> Counts:
    """Decode COCO's compressed run lengths.

    Each number is written in groups of 5 bits, lowest first, as characters from 48 up, with bit
    32 where more follow and the sign in the last; from the fourth on a number is the difference
    to the one two places before.

    Raises
    ------
    GeometryError
        If the text is empty, holds other characters, ends inside a number, or gives a run
        length that is negative or beyond 2**41. Never anything else.
    """
    if isinstance(text, str):
        try:
            data = text.encode("ascii")
        except UnicodeEncodeError as error:
            raise _bad_text("hold characters outside of ASCII") from error
    else:
        data = bytes(text)
    if not data:
        raise _bad_text("are empty")
    groups = data.translate(_GROUPS)
    if groups.count(_MORE) <= FEW_LONG:
        return _from_mostly_short_numbers(data, groups)
    return _summed(_numbers(data, groups)[0])


def _group(byte: int) -> int:
    """Return what `_GROUPS` has for a character."""
    code = byte - 48
    if not 0 <= code < 64:
        return _BAD
    if code & 32:
        return _MORE
    return (code - 32) & 255 if code & 16 else code


_GROUPS = bytes(map(_group, range(256)))


def _from_mostly_short_numbers(data: bytes, groups: bytes) -> Counts:
    """Decode a text most of whose numbers are one character, as those of outlines are.

    `groups` is the text translated by `_GROUPS`: each character is its number already, and the
    few numbers of several characters are put right one by one.
    """
    if _BAD in groups:
        raise _bad_text("hold a character outside of 48 to 111")
    if groups[-1] == _MORE:
        raise _bad_text("end inside a number")
    values = np.frombuffer(groups, dtype=np.int8)
    counts = values[values != _MORE].astype(np.int64)
    places: list[int] = []
    numbers: list[int] = []
    seen = 0
    first = groups.find(_MORE)
    while first >= 0:
        last = first + 1
        number = data[first] - 80
        while (byte := data[last]) >= 80:
            number |= (byte - 80) << 5 * (last - first)
            last += 1
        length = last - first
        if length >= MAX_GROUPS:
            raise _bad_text("hold a number that is too long")
        number |= (byte - 48) << 5 * length
        numbers.append(number if byte < 64 else number - (32 << 5 * length))
        places.append(first - seen)
        seen += length
        first = groups.find(_MORE, last)
    if places:
        counts[places] = numbers
    return _summed(counts)


def from_strings(texts: Sequence[bytes]) -> tuple[Counts, NDArray[np.int64]]:
    """Decode many compressed texts at once, as `from_string` does.

    Returns
    -------
    counts : ndarray of uint32
        Counts of all texts, one after the other.
    offsets : ndarray of int64, shape (N + 1,)
        Text i has ``counts[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    GeometryError
        If any text is bad.
    """
    if not len(texts):
        return np.zeros(0, dtype=np.uint32), np.zeros(1, dtype=np.int64)
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    if not sizes.all():
        raise _bad_text("are empty")
    data = b"".join(texts)
    steps, ending = _numbers(data, data.translate(_GROUPS))
    text_ends = np.cumsum(sizes) - 1
    if not ending[text_ends].all():
        raise _bad_text("end inside a number")
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    offsets[1:] = np.cumsum(ending, dtype=np.int64)[text_ends]
    lengths = _sums_of_two_back(steps, offsets)
    if (lengths < 0).any():
        raise _bad_text("hold a run of negative length")
    if int(lengths.max()) <= LONGEST:
        return lengths.astype(np.uint32), offsets
    rows = [pack(lengths[a:b]) for a, b in pairwise(offsets.tolist())]
    return np.concatenate(rows), offsets_of([len(row) for row in rows])


def _numbers(data: bytes, groups: bytes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Put the groups of 5 bits of each number together; `groups` is `data` as in `_GROUPS`.

    Returns the numbers, and for each character whether it ends one.
    """
    if _BAD in groups:
        raise _bad_text("hold a character outside of 48 to 111")
    if groups[-1] == _MORE:
        raise _bad_text("end inside a number")
    values = np.frombuffer(groups, dtype=np.int8)
    ending = values != _MORE
    numbers = values.astype(np.int64)
    places = np.flatnonzero(~ending)
    if not len(places):
        return numbers, ending
    longest = 1
    while _MORE_BYTE * longest in groups:
        longest += 1
    if longest > MAX_GROUPS:
        raise _bad_text("hold a number that is too long")
    # Each pass takes one more group into the numbers, from their ends on.
    low = np.frombuffer(data, dtype=np.uint8)[places].astype(np.int64)
    low -= 80
    following = places + 1
    for _ in range(1, longest):
        rest = numbers[following]
        rest <<= 5
        rest += low
        numbers[places] = rest
    begins = np.empty(len(ending), dtype=np.bool_)
    begins[0] = True
    begins[1:] = ending[:-1]
    return numbers[begins], ending


def _refuse_overflow(steps: NDArray[np.int64]) -> None:
    """Refuse differences whose sums int64 might not hold; fewer than 2**18 always fit."""
    if len(steps) > 1 << 18 and float(np.abs(steps).sum(dtype=np.float64)) > 2.0**62:
        raise _bad_text("add up to more than a mask can have")


def _summed(counts: NDArray[np.int64]) -> Counts:
    """Undo the differences of one text, in place: number i > 2 adds to number i - 2."""
    _refuse_overflow(counts)
    for start in (1, 2):
        lane = counts[start::2]
        np.add.accumulate(lane, out=lane)
    # As unsigned numbers the negative ones are the greatest: one look for both.
    unsigned = counts.view(np.uint64)
    if unsigned[unsigned.argmax()] <= LONGEST:
        return counts.astype(np.uint32)
    if int(counts.min()) < 0:
        raise _bad_text("hold a run of negative length")
    return pack(counts)


def _sums_of_two_back(steps: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Undo the differences: in each row, value i > 2 is step i plus value i - 2."""
    _refuse_overflow(steps)
    place = np.arange(len(steps)) - np.repeat(offsets[:-1], np.diff(offsets))
    values = steps.copy()
    for parity in (0, 1):
        chosen = np.flatnonzero((place & 1 == parity) & (place > 0))
        sums = np.cumsum(steps[chosen])
        start = np.searchsorted(chosen, offsets[:-1])
        before = np.where(start > 0, sums[start - 1], 0) if len(sums) else start
        values[chosen] = sums - np.repeat(before, np.diff(np.append(start, len(chosen))))
    return values


def to_string(counts: Counts) -> str:
    """Return COCO's compressed text of the counts, the same as pycocotools writes."""
    if len(counts) <= SHORT_COUNTS:
        return _short_text(counts.tolist())
    return _texts(counts, np.array([0, len(counts)], dtype=np.int64))[0]


def to_strings(runs: Runs) -> list[str]:
    """Return the compressed text of each row; empty where there is no mask."""
    return _texts(runs.counts, runs.offsets) if len(runs) else []


def _short_text(counts: list[int]) -> str:
    """Compress a few counts with a plain loop."""
    characters: list[int] = []
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        while True:
            code, value = value & 31, value >> 5
            if value == (-1 if code & 16 else 0):
                characters.append(code + 48)
                break
            characters.append(code + 80)
    return bytes(characters).decode("ascii")


def _texts(counts: Counts, offsets: NDArray[np.int64]) -> list[str]:
    """Compress the counts of all rows at once."""
    steps = counts.astype(np.int64)
    place = np.arange(len(steps)) - np.repeat(offsets[:-1], np.diff(offsets))
    later = np.flatnonzero(place > 2)
    steps[later] -= counts[later - 2]
    # A number takes as many groups as its magnitude and one sign bit need.
    magnitude = np.where(steps < 0, ~steps, steps)
    groups = np.ones(len(steps), dtype=np.int64)
    for bits in range(4, int(magnitude.max(initial=0)).bit_length(), 5):
        groups += magnitude >> bits > 0
    places = offsets_of(groups)
    text = np.empty(places[-1], dtype=np.uint8)
    text[places[:-1]] = (steps & 31) + np.where(groups > 1, 80, 48)
    for group in range(1, int(groups.max(initial=1))):
        longer = np.flatnonzero(groups > group)
        more = np.where(groups[longer] > group + 1, 80, 48)
        text[places[longer] + group] = (steps[longer] >> (5 * group) & 31) + more
    whole = text.tobytes().decode("ascii")
    return [whole[a:b] for a, b in pairwise(places[offsets].tolist())]
