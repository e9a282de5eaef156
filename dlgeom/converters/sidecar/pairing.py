"""What belongs together: items by their names, rows by their shapes, their places and overlap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.geometry.rings import row_bounds

__all__ = ["Match", "extents", "match_rows", "pair_items"]

Key = tuple[str | None, str | None]
"""Split and name of an item."""

NEAR, SAME_PLACE = 0.1, 0.5
"""Least IoU of the boxes around a row before and after it was moved, and with another label."""
ROUNDED = 0.02
"""How much the sides of a box may change where it is moved: numbers are rounded."""
_MOST = 4_000_000
"""Pairs that are looked at: of a larger file that was written anew only places and shapes tell."""


def pair_items(ours: Sequence[Key], theirs: Sequence[Key], *, guess: bool = True) -> list[int]:
    """Return for each of `ours` the place in `theirs` of the same item, -1 for none.

    First by split and name; then by name alone. The first of equal ones belongs to the first.

    Parameters
    ----------
    guess : bool
        Whether those that are left over are paired in order where there are as many.
    """
    found = [-1] * len(ours)
    free = set(range(len(theirs)))

    def by(key_of: object, mine: list[int], other: list[int]) -> None:
        places: dict[Hashable, list[int]] = defaultdict(list)
        for place in reversed(other):
            places[key_of(theirs[place])].append(place)  # type: ignore[operator]
        for place in mine:
            listed = places.get(key_of(ours[place]))  # type: ignore[operator]
            if listed:
                found[place] = listed.pop()
                free.discard(found[place])

    by(lambda key: key, list(range(len(ours))), list(range(len(theirs))))
    left = [place for place, other in enumerate(found) if other < 0]
    if left and free:
        by(lambda key: key[1], left, sorted(free))
        left = [place for place in left if found[place] < 0]
    if guess and left and len(left) == len(free):
        for place, other in zip(left, sorted(free), strict=True):
            found[place] = other
    return found


def extents(chunk: Chunk, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the boxes around rows, shape (N, 4); NaN for rows that cover nothing."""
    part = chunk.select(rows)
    boxes = part.bounds.copy()
    drawn = part.outline.part_counts > 0
    boxes[drawn] = row_bounds(part.outline)[drawn]
    for row in np.flatnonzero(np.isnan(boxes[:, 0])).tolist():
        definition = part.annotation(row).annotation_definition
        try:
            found = definition.bounds
        except (ValueError, AttributeError, NotImplementedError):
            continue
        if found is not None:
            boxes[row] = found
    return boxes


class Match(msgspec.Struct):
    """Which row now is which row before.

    Parameters
    ----------
    before : list of int
        For each row now its place before, -1 for a new one.
    moved : list of bool
        For each row now whether its shapes are others.
    """

    before: list[int]
    moved: list[bool]


def match_rows(
    old: Sequence[tuple[int, str | None]],
    new: Sequence[tuple[int, str | None]],
    old_boxes: NDArray[np.float64] | None,
    new_boxes: NDArray[np.float64] | None,
) -> Match:
    """Find the rows of an item again after somebody worked on its file.

    In this order: the same shapes and label; the same shapes; the same place in the file, if no
    row was put in or taken out before it, and the same size or some overlap; the same label and
    some overlap; another label and much overlap. What is left is new, or gone.

    Parameters
    ----------
    old, new : sequence of (int, str or None)
        Digest and label of each row.
    old_boxes, new_boxes : ndarray of float64, shape (N, 4) and (M, 4), optional
        Boxes around them, in pixels; not needed where shapes are all the same.
    """
    before = [-1] * len(new)
    moved = [False] * len(new)
    taken = [False] * len(old)

    def take(row: int, place: int, *, other: bool = False) -> None:
        before[row], moved[row], taken[place] = place, other, True

    for kind in (0, 1):
        # The same place first, so that equal rows stay what they are.
        for row in range(min(len(new), len(old))):
            if before[row] < 0 and not taken[row] and new[row][: 2 - kind] == old[row][: 2 - kind]:
                take(row, row)
        places: dict[object, list[int]] = defaultdict(list)
        for place in reversed(range(len(old))):
            if not taken[place]:
                places[old[place][: 2 - kind]].append(place)
        for row in range(len(new)):
            if before[row] < 0 and (listed := places.get(new[row][: 2 - kind])):
                take(row, listed.pop())
    rows = [row for row in range(len(new)) if before[row] < 0]
    left = [place for place in range(len(old)) if not taken[place]]
    if not rows or not left or old_boxes is None or new_boxes is None:
        return Match(before, moved)
    for row, place in _in_place(before, left):
        one, two = new_boxes[row : row + 1], old_boxes[place : place + 1]
        named = new[row][1] == old[place][1]
        if _overlaps(one, two)[0, 0] >= (NEAR if named else SAME_PLACE) or (
            named and _same_size(one[0], two[0])
        ):
            take(row, place, other=True)
    rows = [row for row in rows if before[row] < 0]
    left = [place for place in left if not taken[place]]
    if not rows or not left or len(rows) * len(left) > _MOST:
        return Match(before, moved)
    overlap = _overlaps(new_boxes[rows], old_boxes[left])
    _greedy(overlap, rows, left, old, new, taken, before, take)
    return Match(before, moved)


def _same_size(one: NDArray[np.float64], two: NDArray[np.float64]) -> bool:
    """Whether two boxes have the same sides, wherever they lie."""
    mine, theirs = one[2:] - one[:2], two[2:] - two[:2]
    return bool((np.abs(mine - theirs) <= ROUNDED * np.maximum(mine, theirs) + 0.5).all())


def _in_place(before: Sequence[int], left: Sequence[int]) -> list[tuple[int, int]]:
    """Return rows and places between the same neighbours, where there are as many of both."""
    known = [place for place in before if place >= 0]
    if known != sorted(known):
        return []
    found: list[tuple[int, int]] = []
    free = set(left)
    row, place = 0, 0
    total = max([*left, *known], default=-1) + 1
    while row < len(before) or place < total:
        mine: list[int] = []
        while row < len(before) and before[row] < 0:
            mine.append(row)
            row += 1
        stop = before[row] if row < len(before) else total
        theirs = [k for k in range(place, stop) if k in free]
        if len(mine) == len(theirs):
            found += zip(mine, theirs, strict=True)
        if row >= len(before):
            break
        place = stop + 1
        row += 1
    return found


def _greedy(
    overlap: NDArray[np.float64],
    rows: Sequence[int],
    left: Sequence[int],
    old: Sequence[tuple[int, str | None]],
    new: Sequence[tuple[int, str | None]],
    taken: Sequence[bool],
    before: Sequence[int],
    take: object,
) -> None:
    """Pair what is left by overlap, largest first; those of the same label before the others."""
    named = [[new[row][1] == old[place][1] for place in left] for row in rows]
    same = np.array(named, dtype=np.bool_).reshape(len(rows), len(left))
    for wanted, least in ((same, NEAR), (~same, SAME_PLACE)):
        score = np.where(wanted & (overlap >= least), overlap, 0.0)
        for flat in np.argsort(-score, axis=None, kind="stable").tolist():
            a, b = divmod(flat, len(left))
            if score[a, b] <= 0:
                break
            if before[rows[a]] < 0 and not taken[left[b]]:
                take(rows[a], left[b], other=True)  # type: ignore[operator]


def _overlaps(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the IoU of all pairs of boxes, shape (N, M); 0 where one is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.maximum(one[:, None, :2], two[None, :, :2])
        high = np.minimum(one[:, None, 2:], two[None, :, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=2)
        areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, two)]
        iou = shared / (areas[0][:, None] + areas[1][None, :] - shared)
    return np.asarray(np.nan_to_num(iou, nan=0.0))
