"""Which item of one data set is which of another, and both with their annotations."""

from __future__ import annotations

import pickle
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import zip_longest
from typing import IO, Any

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.chunk_objects import pairs_of
from dlgeom.converters.base import Reader
from dlgeom.converters.names import stem_of
from dlgeom.item import Item

__all__ = ["Entry", "Named", "index_of", "pair_items", "same_stem", "walk"]

HELD = 50_000
"""Annotations of items that wait in memory for their partner; further ones wait on disk."""


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
    otherwise items wait for their partners, beyond some number of annotations in a file.
    """
    back = {other: one for one, other in partner.items()}
    with _Waiting() as mine, _Waiting() as theirs:
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
    """Items that wait for their partner, by number."""

    def __init__(self) -> None:
        self._memory: dict[int, Entry] = {}
        self._held = 0
        self._disk: dict[int, tuple[int, int]] = {}
        self._file: IO[bytes] | None = None

    def __enter__(self) -> _Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def put(self, entry: Entry) -> None:
        """Let an item wait."""
        number = entry.item.number
        if self._held < HELD:
            self._memory[number] = entry
            self._held += 1 + len(entry.annotations)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        start = self._file.seek(0, 2)
        # Our own objects in a file without a name: nobody else can have put anything there.
        self._file.write(pickle.dumps(_plain(entry), protocol=pickle.HIGHEST_PROTOCOL))
        self._disk[number] = (start, self._file.tell() - start)

    def pop(self, number: int) -> Entry | None:
        """Return the item of that number, None if it does not wait."""
        found = self._memory.pop(number, None)
        if found is not None:
            self._held -= 1 + len(found.annotations)
            return found
        place = self._disk.pop(number, None)
        if place is None or self._file is None:
            return None
        self._file.seek(place[0])
        entry: Any = pickle.loads(self._file.read(place[1]))  # noqa: S301 - see `put`
        return entry if isinstance(entry, Entry) else None


def _plain(entry: Entry) -> Entry:
    """Leave out the sources' own records, which do not count and may be bound to open files."""
    for annotation in entry.annotations:
        annotation.record = None
    return entry
