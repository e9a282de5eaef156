"""Which item of one data set is which of another, and both with their annotations."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import zip_longest

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.chunk_objects import pairs_of
from dlgeom.converters.base import Reader
from dlgeom.converters.names import stem_of
from dlgeom.item import Item

__all__ = ["Entry", "Named", "index_of", "pair_items", "same_stem", "walk"]


class Named(msgspec.Struct, frozen=True):
    """What an item is found by."""

    number: int
    name: str
    subset: str | None


class Entry(msgspec.Struct):
    """An item, its annotations and where each of them stands."""

    item: Item
    annotations: list[Annotation]
    places: list[str]


def index_of(reader: Reader) -> list[Named]:
    """Read once and return the items in the order they come."""
    found: dict[int, Named] = {}
    seen: Sequence[Item] = ()
    for chunk in reader.chunks(grouped=False, needs=frozenset()):
        if chunk.items is seen:  # ungrouped chunks share the images of the data set
            continue
        seen = chunk.items
        for item in chunk.items:
            if item.number not in found:
                name = unicodedata.normalize("NFC", (item.name or "").replace("\\", "/"))
                found[item.number] = Named(item.number, name.lstrip("/"), item.subset)
    return list(found.values())


def same_stem(one: str | None, other: str | None) -> bool:
    """Whether two names differ in their endings at most, wherever their files lie."""
    return _base(one or "") == _base(other or "")


def _base(name: str) -> str:
    return stem_of(name.rpartition("/")[2])


_KEYS: tuple[Callable[[Named], Hashable], ...] = (
    lambda item: (item.subset, item.name),
    lambda item: item.name,
    lambda item: (item.subset, stem_of(item.name)),
    lambda item: stem_of(item.name),
)


def pair_items(first: Sequence[Named], second: Sequence[Named]) -> dict[int, int]:
    """Return the number in the second data set of items of the first one.

    By split and name, by name, by both without the ending, and at last by the last part of the
    name where that is unique on both sides. Of items with one name the first goes with the first.
    """
    pairs: dict[int, int] = {}
    left, right = list(first), list(second)
    for key in _KEYS:
        there: dict[Hashable, list[Named]] = defaultdict(list)
        for item in reversed(right):
            there[key(item)].append(item)
        for item in left:
            if there.get(key(item)):
                pairs[item.number] = there[key(item)].pop().number
        taken = set(pairs.values())
        left = [item for item in left if item.number not in pairs]
        right = [item for item in right if item.number not in taken]
    bases: dict[str, tuple[list[Named], list[Named]]] = defaultdict(lambda: ([], []))
    for side, items in enumerate((left, right)):
        for item in items:
            bases[_base(item.name)][side].append(item)
    for mine, theirs in bases.values():
        if len(mine) == len(theirs) == 1:
            pairs[mine[0].number] = theirs[0].number
    return pairs


def walk(
    first: Reader, second: Reader, partner: dict[int, int]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield each item of two data sets with its partner, None where it has none.

    Both are read side by side. Where they have the same order one item at a time is held;
    otherwise items wait in memory for their partners.
    """
    back = {other: one for one, other in partner.items()}
    mine, theirs = _Waiting(), _Waiting()
    for one, two in zip_longest(_entries(first), _entries(second)):
        if one is not None:
            number = partner.get(one.item.number)
            found = None if number is None else theirs.pop(number)
            if number is None or found is not None:
                yield one, found
            else:
                mine.put(one)
        if two is not None:
            number = back.get(two.item.number)
            found = None if number is None else mine.pop(number)
            if number is None or found is not None:
                yield found, two
            else:
                theirs.put(two)


def _entries(reader: Reader) -> Iterator[Entry]:
    for chunk in reader.chunks(grouped=True):
        row = 0
        for item, collection in pairs_of(chunk):
            listed = list(collection)
            places = [_place(chunk, k) for k in range(row, row + len(listed))]
            row += len(listed)
            yield Entry(item, listed, places)


def _place(chunk: Chunk, row: int) -> str:
    where = chunk.where(row)
    return ":".join(part for part in (where["path"], where["location"]) if part)


class _Waiting:
    """Items that wait for their partner, by number.

    They stay in memory: two sources of one order need a handful, sources of unlike orders up to
    all items of one of them.
    """

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}

    def put(self, entry: Entry) -> None:
        """Let an item wait, without the source's own record, which does not count."""
        for annotation in entry.annotations:
            annotation.record = None
        self._entries[entry.item.number] = entry

    def pop(self, number: int) -> Entry | None:
        """Return the item of that number, None if it does not wait."""
        return self._entries.pop(number, None)
