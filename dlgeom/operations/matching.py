"""Which annotation of an item is which of the same item in another data set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec

from dlgeom import overlap
from dlgeom.annotation import Annotation
from dlgeom.definitions import Box, Definition, Point, Polyline, Pose
from dlgeom.errors import DlgeomError
from dlgeom.overlap.sides import Kind

__all__ = ["OVERLAP", "Matched", "iou_of", "match_annotations", "stand_in"]

OVERLAP = 0.5
"""IoU from which on two annotations may be the same one."""
NEAR = 10.0
"""Pixels within which a point or a line may be the same one."""

Key = Callable[[Annotation], Hashable]
Test = Callable[[Annotation, Annotation], bool]


class Matched:
    """Pairs of positions that grow from the surest to the least sure.

    Parameters
    ----------
    first, second : sequence of Annotation
        Those of the item in both data sets.
    """

    def __init__(self, first: Sequence[Annotation], second: Sequence[Annotation]) -> None:
        self.first, self.second = first, second
        self.pairs: dict[int, int] = {}
        self.left = list(range(len(first)))
        self.right = list(range(len(second)))

    def take(self, pairs: list[tuple[int, int]]) -> None:
        """Add pairs."""
        self.pairs.update(pairs)
        mine, theirs = {i for i, _ in pairs}, {j for _, j in pairs}
        self.left = [i for i in self.left if i not in mine]
        self.right = [j for j in self.right if j not in theirs]

    def by(self, key: Key, test: Test | None = None) -> None:
        """Pair those that have one key, that is not None, and pass a test."""
        if not self.left or not self.right:
            return
        there: dict[Hashable, list[int]] = defaultdict(list)
        for j in self.right:
            there[key(self.second[j])].append(j)
        found = []
        for i in self.left:
            wanted = key(self.first[i])
            places = there.get(wanted) if wanted is not None else None
            for place, j in enumerate(places or ()):
                if test is None or test(self.first[i], self.second[j]):
                    found.append((i, j))
                    del places[place]  # type: ignore[union-attr]
                    break
        self.take(found)

    def by_overlap(self, *, labels: bool, kinds: tuple[Kind, ...] = ("auto", "box")) -> None:
        """Pair those that overlap by half, so that the IoUs add up to as much as they can.

        The second kind is for what the first cannot compare: masks whose sizes differ.
        """
        left = [i for i in self.left if _is_placed(stand_in(self.first[i]))]
        right = [j for j in self.right if _is_placed(stand_in(self.second[j]))]
        if not left or not right:
            return
        found: Any = None
        for kind in kinds:
            try:
                found = overlap.match(
                    [stand_in(self.first[i]) for i in left],
                    [stand_in(self.second[j]) for j in right],
                    iou_threshold=OVERLAP,
                    method="optimal",
                    kind=kind,
                    class_aware=labels,
                    crowds=False,
                )
                break
            except DlgeomError:
                continue
        if found is not None:
            self.take([(left[i], right[j]) for i, j, _ in found.pairs])

    def by_distance(self) -> None:
        """Pair points and lines, which overlap nothing, with the nearest of the same kind."""
        left = [i for i in self.left if _is_thin(self.first[i])]
        right = [j for j in self.right if _is_thin(self.second[j])]
        close = sorted(
            (away, i, j)
            for i in left
            for j in right
            if _kind(self.first[i]) == _kind(self.second[j])
            and (away := _away(self.first[i], self.second[j])) <= NEAR
        )
        mine: set[int] = set()
        theirs: set[int] = set()
        for _, i, j in close:
            if i not in mine and j not in theirs:
                mine.add(i)
                theirs.add(j)
                self.take([(i, j)])


def match_annotations(first: Sequence[Annotation], second: Sequence[Annotation]) -> Matched:
    """Match the annotations of one item in two data sets.

    First what is equal, then by id where the two overlap, by overlap under the same label, by id
    wherever they are, by overlap of the bounds, by overlap under another label, and what has no
    area by distance or time. So an id that was given anew takes nobody's partner away.
    """
    found = Matched(first, second)
    found.by(_definition, _is_equal)
    found.by(_definition_and_id)
    found.by(_definition, _is_alike)
    found.by(_definition)
    found.by(_identity, _is_plausible)
    found.by_overlap(labels=True)
    found.by(_identity)
    # A polygon and the box that another format has of it.
    found.by_overlap(labels=True, kinds=("box",))
    found.by_overlap(labels=False)
    found.by_distance()
    found.by(_time, _is_without_place)
    found.by(_kind, _is_without_place)
    found.by(_type, _is_without_place)
    return found


def _definition(one: Annotation) -> Hashable:
    return one.annotation_definition


def _definition_and_id(one: Annotation) -> Hashable:
    return None if one.id is None else (one.annotation_definition, _identity(one))


def _identity(one: Annotation) -> Hashable:
    return None if one.id is None else (type(one.id).__name__, str(one.id))


def _type(one: Annotation) -> Hashable:
    return type(one.annotation_definition).__name__


def _kind(one: Annotation) -> Hashable:
    return _type(one), one.label


def _time(one: Annotation) -> Hashable:
    if one.start_time is None and one.frame_num is None:
        return None
    return _type(one), one.start_time, one.frame_num


def _is_equal(one: Annotation, other: Annotation) -> bool:
    return one == other


def _is_alike(one: Annotation, other: Annotation) -> bool:
    replace = msgspec.structs.replace
    return replace(one, id=None) == replace(other, id=None)


def _is_plausible(one: Annotation, other: Annotation) -> bool:
    return one.label == other.label and (iou_of(stand_in(one), stand_in(other)) or 0) >= OVERLAP


def _is_without_place(one: Annotation, other: Annotation) -> bool:
    return not _has_place(one) and not _has_place(other)


def _is_placed(definition: Definition) -> bool:
    left = definition.bounds[0]
    return bool(left == left)


def _has_place(one: Annotation) -> bool:
    return _is_placed(one.annotation_definition)


def stand_in(one: Annotation) -> Definition:
    """Return what covers the thing: of a pose the polygon, mask or box of the same record.

    A format that holds no key points has only those, and points of a thing may all be hidden.
    """
    definition = one.annotation_definition
    if not isinstance(definition, Pose):
        return definition
    for other in one.companions:
        if _is_placed(other):
            return other.replace(label=one.label)
    if one.stored_bounds is not None:
        return Box(*one.stored_bounds, label=one.label)
    return definition


def _has_area(definition: Definition) -> bool:
    left, top, right, bottom = definition.bounds
    return right > left and bottom > top and not isinstance(definition, Polyline | Point)


def _is_thin(one: Annotation) -> bool:
    return _has_place(one) and not _has_area(one.annotation_definition)


def _away(one: Annotation, other: Annotation) -> float:
    bounds = one.annotation_definition.bounds, other.annotation_definition.bounds
    return max(abs(a - b) for a, b in zip(*bounds, strict=True))


def iou_of(one: Definition, other: Definition) -> float | None:
    """Return the IoU of two definitions, None where they have none."""
    if not (_has_area(one) and _has_area(other)):
        return None
    kinds: tuple[Kind, ...] = ("auto", "box")
    for kind in kinds:
        try:
            table = overlap.pairwise_iou([one], [other], kind=kind, crowds=False)
            return float(table[0, 0])
        except DlgeomError:
            continue
    return None
