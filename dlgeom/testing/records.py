"""Where annotations, collections of them and data sets differ."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from dlgeom.annotation import Annotation, AnnotationCollection, FrameAnnotation
from dlgeom.definitions import Definition
from dlgeom.item import Item
from dlgeom.labels import Label
from dlgeom.testing.differences import Difference, Rules, of_definitions, of_values

__all__ = [
    "ITEM_FIELDS",
    "LABEL_FIELDS",
    "PLAIN_FIELDS",
    "of_annotations",
    "of_datasets",
    "of_items",
    "of_labels",
    "of_sequences",
]

PLAIN_FIELDS = (
    *("id", "score", "crowd", "stored_area", "parent_id", "object_id", "status"),
    *("metadata", "automated", "start_time", "end_time", "creator", "created_at"),
    *("updated_by", "updated_at", "source", "extra"),
)
FRAME_FIELDS = ("frame_num", "end_frame_num", "fixed", "object_visible")
STATE_FIELDS = ("frame_num", "until", "fixed", "object_visible", "interpolated")
ITEM_FIELDS = (
    *("name", "width", "height", "media", "fps", "frame_count", "exif_orientation"),
    *("subset", "id", "metadata", "extra"),
)
LABEL_FIELDS = ("name", "id", "parent", "color", "keypoints", "skeleton", "flip", "extra")
NEAREST = 20


def of_annotations(
    path: str, one: Annotation, other: Annotation, rules: Rules
) -> Iterator[Difference]:
    """Yield where two annotations differ; neither their items nor their records count."""
    if one._away is None and other._away is None:
        yield from of_definitions(
            path, one.annotation_definition, other.annotation_definition, rules
        )
        for name in FRAME_FIELDS:
            yield from rules.of_field(path, name, one, other)
        states, wanted = one.later, other.later
        first = 1
    else:
        yield from of_values(f"{path}.end_frame", one.end_frame, other.end_frame)
        states, wanted = one.states, other.states
        first = 0
    yield from _of_states(path, states, wanted, rules, first)
    for name in PLAIN_FIELDS:
        yield from rules.of_field(path, name, one, other)
    yield from rules.of_field(path, "stored_bounds", one, other, rules.atol)
    if not rules.ignores("companions"):
        yield from of_sequences(path, "companion", one.companions, other.companions, rules)
    if not rules.ignores("children"):
        yield from of_sequences(path, "child", one.children, other.children, rules)


def _of_states(
    path: str,
    states: Sequence[FrameAnnotation],
    wanted: Sequence[FrameAnnotation],
    rules: Rules,
    first: int,
) -> Iterator[Difference]:
    if len(states) != len(wanted):
        yield Difference(
            f"{path}.states", f"{len(states) + first} states, expected {len(wanted) + first}"
        )
    for index, (a, b) in enumerate(zip(states, wanted, strict=False), first):
        where = f"{path}.states[{index}]"
        for name in STATE_FIELDS:
            yield from of_values(f"{where}.{name}", getattr(a, name), getattr(b, name))
        yield from of_definitions(where, a.annotation_definition, b.annotation_definition, rules)


def _of_any(path: str, one: Any, other: Any, rules: Rules) -> Iterator[Difference]:
    """Yield where two entries of a list differ, definitions or annotations."""
    if isinstance(one, Annotation) and isinstance(other, Annotation):
        yield from of_annotations(path, one, other, rules)
    elif isinstance(one, Definition) and isinstance(other, Definition):
        yield from of_definitions(path, one, other, rules)
    else:
        yield Difference(path, f"{type(one).__name__}, expected {type(other).__name__}")


def _named(noun: str, index: int, value: Any) -> str:
    """Return how a message names an entry: its place, its id and label where it has them."""
    told = []
    if isinstance(value, Annotation) and value.id is not None:
        told.append(f"id {value.id!r}")
    if value.label is not None:
        told.append(f"label {value.label!r}")
    return f"{noun} {index}" + (f" ({', '.join(told)})" if told else "")


def of_sequences(
    path: str, noun: str, one: Sequence[Any], other: Sequence[Any], rules: Rules
) -> Iterator[Difference]:
    """Yield where lists of definitions or annotations differ, in order or not."""
    lead = f"{path}, " if path else ""
    if not rules.ordered:
        yield from _unordered(lead, noun, one, other, rules)
        return
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        yield from _of_any(lead + _named(noun, index, b), a, b, rules)
    yield from _counted(lead, noun, one, other)


def _plural(noun: str) -> str:
    return "children" if noun == "child" else f"{noun}s"


def _counted(
    lead: str, noun: str, one: Sequence[Any], other: Sequence[Any]
) -> Iterator[Difference]:
    if len(one) == len(other):
        return
    at = min(len(one), len(other))
    longer, what = (one, "not expected") if len(one) > len(other) else (other, "missing")
    yield Difference(
        f"{lead}{_plural(noun)}",
        f"{len(one)}, expected {len(other)}; {_named(noun, at, longer[at])} is {what}: "
        f"{longer[at]!r}",
    )


def _unordered(
    lead: str, noun: str, one: Sequence[Any], other: Sequence[Any], rules: Rules
) -> Iterator[Difference]:
    matched = _matching(one, other, rules)
    taken = set(matched.values())
    left = [k for k in range(len(one)) if k not in taken]
    for index in (k for k in range(len(other)) if k not in matched):
        where = lead + _named(noun, index, other[index])
        nearest: tuple[int, int, list[Difference]] | None = None
        for k in left:
            found = list(islice(_of_any(where, one[k], other[index], rules), NEAREST))
            rank = (len(found), sum(len(entry.text) for entry in found))
            if nearest is None or rank < nearest[:2]:
                nearest = (*rank, found)
                best = k
        if nearest is None:
            yield Difference(where, f"missing: {other[index]!r}")
            continue
        left.remove(best)
        yield Difference(where, f"equal to none; the nearest is {_named(noun, best, one[best])}")
        yield from nearest[2]
    for k in left:
        yield Difference(lead + _named(noun, k, one[k]), f"not expected: {one[k]!r}")


def _matching(one: Sequence[Any], other: Sequence[Any], rules: Rules) -> dict[int, int]:
    """Return which entry of `one` stands for which entry of `other`, as many as can be.

    Within a tolerance an entry may fit several, so that pairs are exchanged along alternating
    paths until no further one fits (Berge, 1957).
    """
    fits: dict[int, list[int]] = {}

    def candidates(index: int) -> list[int]:
        if index not in fits:
            # The same place first: mostly it is the one.
            places = sorted(range(len(one)), key=lambda k: k != index)
            fits[index] = [
                k for k in places if next(_of_any("", one[k], other[index], rules), None) is None
            ]
        return fits[index]

    mine: dict[int, int] = {}  # of other -> of one
    theirs: dict[int, int] = {}
    for start in range(len(other)):
        # The same place once more, before everything is compared with everything.
        free = start < len(one) and start not in theirs
        if free and next(_of_any("", one[start], other[start], rules), None) is None:
            mine[start], theirs[start] = start, start
            continue
        _augment(start, candidates, mine, theirs)
    return mine


def _augment(start: int, candidates: Any, mine: dict[int, int], theirs: dict[int, int]) -> None:
    """Give `start` a partner, if there is a way to."""
    queue, came = deque([start]), dict[int, int]()
    while queue:
        index = queue.popleft()
        for k in candidates(index):
            if k in came:
                continue
            came[k] = index
            if k in theirs:
                queue.append(theirs[k])
                continue
            free: int | None = k
            while free is not None:
                at = came[free]
                free_before = mine.get(at)
                mine[at], theirs[free] = free, at
                free = None if at == start else free_before
            return


def of_items(path: str, one: Item, other: Item, rules: Rules) -> Iterator[Difference]:
    """Yield where two items differ; their place in a run and the source's text do not count."""
    for name in ITEM_FIELDS:
        yield from rules.of_field(path, name, one, other)


def of_collections(
    path: str, one: AnnotationCollection, other: AnnotationCollection, rules: Rules
) -> Iterator[Difference]:
    """Yield where two collections differ: items, then annotations."""
    if rules.items and (one.item is None) != (other.item is None):
        yield from of_values(f"{path} item".strip(), one.item, other.item)
    elif rules.items and one.item is not None and other.item is not None:
        yield from of_items(f"{path} item".strip(), one.item, other.item, rules)
    yield from of_sequences(path, "annotation", one.annotations, other.annotations, rules)


def of_labels(one: Sequence[Label], other: Sequence[Label], rules: Rules) -> Iterator[Difference]:
    """Yield where two tables of labels differ."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        for name in LABEL_FIELDS:
            yield from rules.of_field(f"label {index} ({b.name!r})", name, a, b)
    if len(one) != len(other):
        names = [label.name for label in one], [label.name for label in other]
        yield Difference("labels", f"{names[0]}, expected {names[1]}")


def of_datasets(one: Any, other: Any, rules: Rules) -> Iterator[Difference]:
    """Yield where pairs of (item, collection) differ, in order or by the names of the items."""
    mine, theirs = list(one), list(other)
    if not rules.ordered:
        mine.sort(key=lambda pair: str(pair[0].name))
        theirs.sort(key=lambda pair: str(pair[0].name))
    if len(mine) != len(theirs):
        names = {pair[0].name for pair in mine}, {pair[0].name for pair in theirs}
        gone, more = sorted(map(repr, names[1] - names[0])), sorted(map(repr, names[0] - names[1]))
        yield Difference(
            "items",
            f"{len(mine)}, expected {len(theirs)}"
            + (f"; missing: {', '.join(gone[:5])}" if gone else "")
            + (f"; not expected: {', '.join(more[:5])}" if more else ""),
        )
        return
    for index, ((item, found), (wanted_item, wanted)) in enumerate(zip(mine, theirs, strict=True)):
        where = f"item {index} ({wanted_item.name!r})"
        if rules.items:
            yield from of_items(where, item, wanted_item, rules)
        yield from of_sequences(where, "annotation", list(found), list(wanted), rules)
