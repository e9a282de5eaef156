"""Checks of many segmentations and keypoints at once; what is not plainly good is named.

Each function gets rows of a window with their texts, sets the bits of the shapes that it finds,
and adds the rows that have to be read one by one to `slow`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import KEYPOINTS, OUTLINE, PARTS, RUNS
from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.limits import Limits

__all__ = [
    "MASKS",
    "Mask",
    "check_keypoints",
    "check_masks",
    "check_polygons",
    "needs_care",
    "repeats_keys",
]


class Mask(msgspec.Struct, gc=False):
    """An RLE object as files have it."""

    size: tuple[int, int]
    counts: list[int] | str


MASKS = msgspec.json.Decoder(list[Mask])
_NUMBER_LISTS = msgspec.json.Decoder(list[list[float]])
_OBJECTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])

# A polygon's text without digits, dots, minus signs and blanks: rings of an even number of
# numbers, three points or more. Anything else left in it is not of the plain form.
_ONE = re.compile(rb"\[\[,,,,,(?:,,)*+\](?:,\[,,,,,(?:,,)*+\])*+\]")
_BRACKETS = re.compile(rb"(?:\[(?:\[\])++\]\0)*+")
_DROP = b"0123456789.- \t\r\n"
_LONG = 8
"""Digits before the point from which on a coordinate may be too far."""
# What may be no finite number: an exponent of three digits, or very many digits.
_HUGE = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{200}")
_NESTED = 30


def check_polygons(
    rows: NDArray[np.int64], joined: bytes, flags: NDArray[np.uint16], slow: set[int]
) -> None:
    """Check polygons by their text: nesting, pairs, number of points, far coordinates.

    `joined` has the text of each row with a NUL behind it.
    """
    if not len(rows):
        return
    skeleton = joined.translate(None, _DROP)
    flags[rows] |= OUTLINE
    brackets = skeleton.translate(None, b",")
    if not _all_plain(skeleton, brackets):
        for row, part in zip(rows.tolist(), skeleton.split(b"\0"), strict=False):
            if not _ONE.fullmatch(part):
                slow.add(row)
    marks = np.frombuffer(brackets, dtype=np.uint8)
    rings = np.cumsum(marks == ord("["))[np.flatnonzero(marks == 0)]
    several = np.diff(rings, prepend=0) > 2
    flags[rows[several]] |= PARTS
    letters = np.frombuffer(joined, dtype=np.uint8)
    far = _long_numbers(letters)
    if len(far):
        ends = np.flatnonzero(letters == 0)
        slow.update(rows[np.searchsorted(ends, far)].tolist())


def _all_plain(skeleton: bytes, brackets: bytes) -> bool:
    """Whether each polygon is of the plain form: its brackets, then the commas between them.

    Arrays of the places of brackets are four times faster than one pattern for all of it.
    """
    found = _BRACKETS.match(brackets)
    if found is None or found.end() != len(brackets):
        return False
    marks = np.frombuffer(skeleton, dtype=np.uint8)
    places = np.flatnonzero(marks != ord(","))
    commas = np.diff(places) - 1
    kinds = marks[places]
    opening, closing = kinds == ord("["), kinds == ord("]")
    ring = opening[:-1] & closing[1:]
    inside = commas[ring]
    # One comma between two rings, none elsewhere.
    between = closing[:-1] & opening[1:]
    return bool(
        (inside >= 5).all()
        and (inside % 2 == 1).all()
        and (commas[~ring] == between[~ring]).all()
        and places[0] == 0
    )


def _long_numbers(letters: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return where numbers with very many digits before the point start, less one."""
    whole = len(letters) // 4 * 4
    # Seven digits in a row or more fill an aligned word, whose bytes are 0x30 to 0x3f then.
    words = letters[:whole].view(np.uint32) & np.uint32(0xF0F0F0F0)
    if not (words == np.uint32(0x30303030)).any():
        return np.zeros(0, dtype=np.int64)
    others = np.flatnonzero((letters - np.uint8(ord("0"))) > 9)
    before = others[:-1][np.diff(others) > _LONG]
    return np.asarray(before[letters[before] != ord(".")])


def check_masks(
    rows: NDArray[np.int64],
    texts: Sequence[bytes],
    flags: NDArray[np.uint16],
    limits: Limits,
    slow: set[int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Check run lengths in full; return the good rows and their (height, width)."""
    try:
        masks = MASKS.decode(b"[" + b",".join(texts) + b"]")
    except (msgspec.DecodeError, RecursionError):
        masks = []
        slow.update(rows.tolist())
    good = [_plausible(mask, text, limits) for mask, text in zip(masks, texts, strict=False)]
    short = [k for k, mask in enumerate(masks) if good[k] and type(mask.counts) is str]
    for k, fits in zip(short, _short_fit([masks[k] for k in short]), strict=True):
        good[k] = fits
    filled = np.array(good, dtype=np.bool_)
    kept = rows[: len(filled)][filled]
    slow.update(rows[: len(filled)][~filled].tolist())
    sizes = [mask.size for mask, fits in zip(masks, good, strict=True) if fits]
    flags[kept] |= RUNS
    return kept, np.array(sizes, dtype=np.int64).reshape(-1, 2)


def _plausible(mask: Mask, text: bytes, limits: Limits) -> bool:
    """Whether size and listed counts are good, and no key is there twice."""
    if text.count(b'"') != 4 + 2 * (type(mask.counts) is str):
        return False
    height, width = mask.size
    if height <= 0 or width <= 0 or height * width > limits.rle_pixels:
        return False
    counts = mask.counts
    if isinstance(counts, str):
        return counts.isascii()
    return bool(counts) and min(counts) >= 0 and sum(counts) == height * width


def _short_fit(masks: Sequence[Mask]) -> list[bool]:
    """Whether the compressed counts of each mask fill its size."""
    texts = [str(mask.counts).encode() for mask in masks]
    pixels = np.array([mask.size[0] * mask.size[1] for mask in masks], dtype=np.int64)
    try:
        counts, offsets = rle.from_strings(texts)
    except GeometryError:
        return [_fits(text, mask.size) for text, mask in zip(texts, masks, strict=True)]
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    filled: list[bool] = ((ends[offsets[1:]] - ends[offsets[:-1]]) == pixels).tolist()
    return filled


def _fits(text: bytes, size: tuple[int, int]) -> bool:
    try:
        rle.check(rle.from_string(text), size)
    except GeometryError:
        return False
    return True


def check_keypoints(
    rows: Sequence[int],
    texts: Sequence[bytes],
    flags: NDArray[np.uint16],
    limits: Limits,
    slow: set[int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Check keypoints; return the rows that have some, and how many."""
    none = np.zeros(0, dtype=np.int64)
    if not rows:
        return none, none
    try:
        lists = _NUMBER_LISTS.decode(b"[" + b",".join(texts) + b"]")
    except (msgspec.DecodeError, RecursionError):
        slow.update(rows)
        return none, none
    index = np.array(rows, dtype=np.int64)
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    flat = np.fromiter(itertools.chain.from_iterable(lists), np.float64, int(lengths.sum()))
    good = lengths % 3 == 0
    if good.all():
        seen = flat[2::3]
        far = np.maximum(np.abs(flat[0::3]), np.abs(flat[1::3])) > limits.coordinate
        wrong = ((seen != 0) & (seen != 1) & (seen != 2)) | far
        if wrong.any():
            owner = np.repeat(np.arange(len(lists)), lengths // 3)
            good[owner[wrong]] = False
    else:
        good[:] = False
    slow.update(index[~good].tolist())
    kept = good & (lengths > 0)
    flags[index[kept]] |= KEYPOINTS
    return index[kept], lengths[kept] // 3


def needs_care(text: bytes) -> bool:
    """Whether a value may nest too deep, or hold a number that is not finite."""
    return text.count(b"[") + text.count(b"{") > _NESTED or _HUGE.search(text) is not None


def repeats_keys(texts: Sequence[bytes]) -> list[bool]:
    """Return for each JSON value whether it may hold an object that has a key twice.

    Objects that stand alone are looked into, those with others around or inside are not: both
    `json` and the typed decoder keep the last of two equal keys and do not tell.
    """
    distinct = dict.fromkeys(text for text in texts if len(text) > 2 and b"{" in text)
    for text in distinct:
        distinct[text] = text[:1] != b"{" or text.count(b"{") > 1
    flat = [text for text, nests in distinct.items() if not nests]
    try:
        objects = _OBJECTS.decode(b"[" + b",".join(flat) + b"]")
    except (msgspec.DecodeError, RecursionError):
        distinct.update(dict.fromkeys(flat, True))
    else:
        for text, fields in zip(flat, objects, strict=True):
            inner = b"".join(fields.values()).count(b'"')
            distinct[text] = text.count(b'"') != 2 * len(fields) + inner
    return [bool(distinct.get(text)) for text in texts]
