"""A reader of several data sets, one after the other, as one."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from dlgeom.chunk import Chunk
from dlgeom.converters.base import ALL, Meta, Reader
from dlgeom.converters.coco.read_json import edit
from dlgeom.converters.coco.write_edit import texts
from dlgeom.converters.coco.write_ids import encode_json
from dlgeom.converters.image_files import ImageCopier
from dlgeom.converters.names import Claims
from dlgeom.converters.pipeline import Target
from dlgeom.converters.problems import Problems
from dlgeom.converters.selection import Repeats
from dlgeom.converters.source import Source
from dlgeom.errors import FormatError
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable
from dlgeom.operations.wrapping import ChangedItems, without_own_lists

__all__ = ["Collisions", "MergedReader"]

Collisions = Literal["rename", "error"]


class MergedReader:
    """A reader of several data sets, one after the other; see `Reader`.

    Each is read once ahead, for the names and ids of its items.

    Parameters
    ----------
    sources : sequence of Source
        What is read.
    collisions : {"rename", "error"}
        What happens to names that an earlier source has.
    """

    def __init__(self, sources: Sequence[Source], collisions: Collisions) -> None:
        self._sources = sources
        self._told = [Repeats(source.problems) for source in sources]
        self._labels = LabelTable()
        self._places: list[list[int]] = [[] for _ in sources]
        self._items: list[dict[int, Item]] = [{} for _ in sources]
        # Ids of records in the sources before each one, and the largest of all.
        self._before: list[frozenset[object]] = []
        self._largest = 0
        self._index(collisions)
        for k, source in enumerate(sources):
            self._unify(k, source.reader.meta.labels)
        self.meta = self._new_meta()

    # -- items -------------------------------------------------------------------------------

    def _index(self, collisions: Collisions) -> None:
        """Give each item a number, a name and an id that no item of another source has."""
        names, ids = Claims(), set[object]()
        largest = 0
        found: list[list[Item]] = []
        used: set[object] = set()
        for source, told in zip(self._sources, self._told, strict=True):
            with told.ahead():
                items, records = _index_of(source.reader)
            found.append(items)
            self._before.append(frozenset(used & records) if used else frozenset())
            used |= records
            largest = max([largest, *(_integer(item.id) for item in items)])
        self._largest = max((_integer(value) for value in used), default=0)
        start = 0
        for k, items in enumerate(found):
            # Names that a source has twice are its own affair.
            renamed: dict[str | None, str | None] = {None: None}
            taken: set[object] = set()
            for item in items:
                name = item.name
                if name not in renamed and name is not None:
                    fresh, collided = names.claim(name)
                    if collided:
                        self._collide(k, name, fresh, collisions)
                    renamed[name] = fresh
                changes: dict[str, Any] = {}
                if renamed[name] != name:
                    changes = {"name": renamed[name], "file": item.file or name}
                if item.id is not None and _key(item.id) in ids:
                    largest += 1
                    changes["id"] = largest if isinstance(item.id, int) else f"{item.id}_{k + 1}"
                taken.add(_key(changes.get("id", item.id)))
                self._items[k][item.number] = msgspec.structs.replace(
                    item, number=start + item.number, **changes
                )
            ids |= taken
            start += max((item.number for item in items), default=-1) + 1

    def _collide(self, k: int, name: str, fresh: str, collisions: Collisions) -> None:
        source = self._sources[k].shown
        if collisions == "error":
            raise FormatError(
                f"image {name!r} is in an earlier data set too; names are unique in one. "
                "Rename it, or let it be renamed (collisions='rename')",
                code="path.collision",
                path=source,
            )
        self._sources[k].problems.notice(
            "path.collision",
            f"image {name!r} is in an earlier data set too; this one is now {fresh!r}",
            path=source,
        )

    def find_images(self, target: Target) -> None:
        """Look where the image of each item is, so that it is found under its new name."""
        roots = [source.reader.meta.images_root for source in self._sources]
        known = [os.path.realpath(root) for root in roots if root is not None]
        if not known:
            return
        common = Path(os.path.commonpath(known))
        for root, source, items in zip(roots, self._sources, self._items, strict=True):
            if root is None:
                continue
            copier = ImageCopier(target.output, root, "copy", Problems(strict=False))
            before = {item.number: item for item in _index_of(source.reader)[0]}
            for number, item in items.items():
                image = copier.find(before[number])
                if image is not None:
                    item.file = os.path.relpath(os.path.realpath(image), common)
        self.meta = msgspec.structs.replace(self.meta, images_root=common)

    # -- labels and the rest -----------------------------------------------------------------

    def _unify(self, k: int, labels: LabelTable) -> None:
        """Find a place for the labels of a source that came since the last time."""
        places = self._places[k]
        seen = Counter(label.name for label in list(labels)[: len(places)])
        here: dict[str, list[int]] = defaultdict(list)
        for place, label in enumerate(self._labels):
            here[label.name].append(place)
        for label in list(labels)[len(places) :]:
            # Of several classes of one name the first is the first.
            same = here[label.name]
            if seen[label.name] < len(same):
                place = same[seen[label.name]]
                if label.keypoints and not self._labels[place].keypoints:
                    self._labels.describe(place, _with_points(self._labels[place], label))
            else:
                place = self._labels.add(self._with_own_id(label))
                same.append(place)
            seen[label.name] += 1
            places.append(place)

    def _with_own_id(self, label: Label) -> Label:
        """Return a label with an id that no other has, so that those of earlier sources stay."""
        if not isinstance(label.id, int) or all(other.id != label.id for other in self._labels):
            return label
        tables = [self._labels, *(source.reader.meta.labels for source in self._sources)]
        largest = max(_integer(other.id) for table in tables for other in table)
        return msgspec.structs.replace(label, id=largest + 1)

    def _new_meta(self) -> Meta:
        metas = [source.reader.meta for source in self._sources]
        first = metas[0]
        subsets = list(dict.fromkeys(name for meta in metas for name in meta.subsets))
        if len({meta.format for meta in metas}) > 1:
            return Meta(
                format="merged", labels=self._labels, subsets=subsets, images_root=first.images_root
            )
        meta = without_own_lists(first, labels=self._labels, subsets=subsets)
        sections: dict[str, bytes] = {}
        parts: dict[str, dict[str, bytes]] = {}
        for other in reversed(metas):
            sections = {**sections, **other.sections}
            for name, values in other.subset_sections.items():
                parts[name] = {**parts.get(name, {}), **values}
        extra = dict(meta.extra)
        if first.format == "coco":
            # Ids of several files meet in one: the writer gives those that come twice anew.
            last = [tuple(other.extra.get("coco_last_ids", (0, 0))) for other in metas]
            extra |= {"coco_joined": True, "coco_last_ids": tuple(map(max, *last))}
        return msgspec.structs.replace(meta, sections=sections, subset_sections=parts, extra=extra)

    # -- the reader --------------------------------------------------------------------------

    @property
    def all_filtered(self) -> tuple[int, int]:
        """Records and images that selections left out of all sources."""
        counts = [getattr(source.reader, "all_filtered", (0, 0)) for source in self._sources]
        return sum(count[0] for count in counts), sum(count[1] for count in counts)

    def kinds(self) -> set[str]:
        """Return which shapes occur."""
        return set().union(*(source.reader.kinds() for source in self._sources))

    def count(self) -> int:
        """Return how many images there are."""
        return sum(map(len, self._items))

    def learn_points(self) -> None:
        """Add the key points to the classes that only later poses of them have."""
        for k, source in enumerate(self._sources):
            learn = getattr(source.reader, "learn_points", None)
            if learn is None:
                continue
            learn()
            labels = source.reader.meta.labels
            for label, place in zip(labels, self._places[k], strict=False):
                if label.keypoints and not self._labels[place].keypoints:
                    self._labels.describe(place, _with_points(self._labels[place], label))

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data sets one after the other."""
        order, issued = 0, self._largest
        for k, source in enumerate(self._sources):
            before = self._before[k]
            reader = ChangedItems(
                source.reader, self._changed(k), source.reader.meta, self._told[k]
            )
            last = order
            for chunk in reader.chunks(grouped=grouped, needs=needs):
                self._unify(k, chunk.labels)
                places = self._places[k]
                moved = chunk.relabel(places.__getitem__, self._labels)
                moved = msgspec.structs.replace(moved, order=moved.order + order)
                again = {row: value for row, value in enumerate(moved.ids) if value in before}
                for row, value in again.items():
                    issued += 1
                    again[row] = issued if isinstance(value, int) else f"{value}_{k + 1}"
                if again:
                    moved = _with_ids(moved, again)
                last = max(last, int(moved.order.max(initial=order - 1)) + 1)
                yield moved
            order = last

    def _changed(self, k: int) -> Callable[[Item], Item]:
        items = self._items[k]
        return lambda item: items[item.number]


def _index_of(reader: Reader) -> tuple[list[Item], set[object]]:
    """Read once and return the items, and the ids of records."""
    items: dict[int, Item] = {}
    ids: set[object] = set()
    given: Sequence[Item] = ()
    for chunk in reader.chunks(grouped=False, needs=frozenset({"extra"})):
        ids.update(value for value in chunk.ids if value is not None)
        if chunk.items is not given:
            given = chunk.items
            for item in given:
                items.setdefault(item.number, item)
    return list(items.values()), ids


def _with_ids(chunk: Chunk, ids: dict[int, Any]) -> Chunk:
    """Return a chunk in which some records have other ids, also in their own text."""
    listed = list(chunk.ids)
    for row, value in ids.items():
        listed[row] = value
    origin = chunk.origin
    if origin.spans is not None and origin.format == "coco":
        pieces = texts(chunk, np.arange(len(chunk)))
        for row, value in ids.items():
            if pieces[row]:
                pieces[row] = edit(pieces[row], {"id": encode_json(value)})
        stops = np.cumsum([len(piece) + 1 for piece in pieces])
        lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
        spans = np.stack((stops - 1 - lengths, stops - 1), axis=1).astype(np.int64)
        spans[lengths == 0] = 0
        origin = msgspec.structs.replace(origin, buffer=b",".join(pieces), spans=spans)
    return msgspec.structs.replace(chunk, ids=listed, origin=origin)


def _integer(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _key(value: object) -> object:
    return None if value is None else (type(value).__name__, value)


def _with_points(label: Label, other: Label) -> Label:
    return msgspec.structs.replace(
        label, keypoints=other.keypoints, skeleton=other.skeleton, flip=other.flip
    )
