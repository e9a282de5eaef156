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
_PLAIN = rb"\[\[,,,,,(?:,,)*+\](?:,\[,,,,,(?:,,)*+\])*+\]"
_SKELETONS = re.compile(rb"(?:" + _PLAIN + rb"\0)*+")
_ONE = re.compile(_PLAIN)
_DROP = b"0123456789.- \t\r\n"
# Digits become 0 and what can stand before a number a blank: eight digits in front of the point
# are then one pattern to look for.
_DIGITS = bytes.maketrans(b"123456789[,-\t\r\n", b"000000000      ")
_LONG = b" 00000000"
# What may be no finite number: an exponent of three digits, or very many digits.
_HUGE = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{200}")
_NESTED = 30


def check_polygons(
    rows: Sequence[int], texts: Sequence[bytes], flags: NDArray[np.uint16], slow: set[int]
) -> None:
    """Check polygons by their text: nesting, pairs, number of points, far coordinates."""
    if not rows:
        return
    joined = b"\0".join(texts) + b"\0"
    skeleton = joined.translate(None, _DROP)
    index = np.array(rows, dtype=np.int64)
    flags[index] |= OUTLINE
    found = _SKELETONS.match(skeleton)
    if found is None or found.end() != len(skeleton):
        for row, part in zip(rows, skeleton.split(b"\0"), strict=False):
            if not _ONE.fullmatch(part):
                slow.add(row)
    marks = np.frombuffer(skeleton, dtype=np.uint8)
    rings = np.cumsum(marks == ord("["))[np.flatnonzero(marks == 0)]
    several = np.diff(rings, prepend=0) > 2
    flags[index[several]] |= PARTS
    digits = joined.translate(_DIGITS)
    if _LONG in digits:
        lines = digits.split(b"\0")
        slow.update(row for row, part in zip(rows, lines, strict=False) if _LONG in part)


def check_masks(
    rows: Sequence[int],
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
        slow.update(rows)
    good = [_plausible(mask, text, limits) for mask, text in zip(masks, texts, strict=False)]
    short = [k for k, mask in enumerate(masks) if good[k] and type(mask.counts) is str]
    for k, fits in zip(short, _short_fit([masks[k] for k in short]), strict=True):
        good[k] = fits
    kept = [row for row, fits in zip(rows, good, strict=False) if fits]
    slow.update(row for row, fits in zip(rows, good, strict=False) if not fits)
    sizes = [mask.size for mask, fits in zip(masks, good, strict=True) if fits]
    flags[kept] |= RUNS
    return (
        np.array(kept, dtype=np.int64),
        np.array(sizes, dtype=np.int64).reshape(-1, 2),
    )


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
