"""Ids of the images, annotations and categories of a COCO file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Meta
from dlgeom.converters.coco.own_labels import own_labels
from dlgeom.converters.problems import Problems
from dlgeom.labels import Label, LabelTable

__all__ = ["Categories", "CategoriesOfFiles", "Ids", "encode_json", "is_integer", "is_plain"]


def is_integer(value: object) -> bool:
    """Whether a value is an integer and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_plain(value: object) -> bool:
    """Whether a value can be written as JSON as it is: no NaN or infinity anywhere inside."""
    if isinstance(value, float):
        return value - value == 0.0
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(inner) for inner in value)
    return value is None or isinstance(value, str | int | msgspec.Raw)


def encode_json(value: object) -> bytes:
    """Return the compact JSON of a value that `is_plain`."""
    return msgspec.json.encode(value)


class Ids:
    """Hands out ids: the source's own where they are integers and new, else running numbers.

    Parameters
    ----------
    first : int
        First of the running numbers.
    """

    __slots__ = ("_next", "_runs", "_used")

    def __init__(self, first: int = 1) -> None:
        self._used: set[object] = set()
        self._next = first
        # Where runs of issued numbers start and stop; the last one stops at the next number.
        self._runs: list[tuple[int, int | None]] = [(first, None)]

    def run(self, count: int) -> range | list[int]:
        """Return `count` running numbers."""
        if not self._used:
            first = self._next
            self._next += count
            return range(first, first + count)
        return [self._new() for _ in range(count)]

    def _new(self) -> int:
        while self._next in self._used:
            self._next += 1
        self._next += 1
        return self._next - 1

    def _is_free(self, wish: object, any_kind: bool) -> bool:
        if not is_integer(wish):
            return any_kind and isinstance(wish, str) and wish not in self._used
        return wish not in self._used and not any(
            start <= wish < (self._next if stop is None else stop)  # type: ignore[operator]
            for start, stop in self._runs
        )

    def take(self, wish: object, *, any_kind: bool = False) -> tuple[Any, bool]:
        """Return an id and whether it is the one wished for.

        Parameters
        ----------
        wish : object
            The source's id, or None.
        any_kind : bool
            Whether texts are ids too.
        """
        if self._is_free(wish, any_kind):
            self._used.add(wish)
            return wish, True
        return self._new(), False

    def take_all(
        self, wishes: Sequence[object], *, any_kind: bool = False
    ) -> tuple[list[Any], int]:
        """Return an id for each wish, and how many wishes were not fulfilled.

        New ids lie above all that are wished for here, so that they are in nobody's way.
        """
        given: list[Any] = []
        late: list[int] = []
        for place, wish in enumerate(wishes):
            free = wish is not None and self._is_free(wish, any_kind)
            if free:
                self._used.add(wish)
            else:
                late.append(place)
            given.append(wish)
        if late:
            top = max((wish for wish in wishes if is_integer(wish)), default=0)  # type: ignore[type-var]
            if top >= self._next:  # type: ignore[operator]
                self._runs[-1] = (self._runs[-1][0], self._next)
                self._next = top + 1  # type: ignore[operator]
                self._runs.append((self._next, None))
        for place in late:
            given[place] = self._new()
        return given, sum(wishes[place] is not None for place in late)


class Categories:
    """The categories of the output: an id and a record for each label of a growing table.

    Parameters
    ----------
    labels : LabelTable
        The run's labels.
    problems : Problems
        Told where ids had to be changed.
    from_one : bool
        Number the categories from 1 whatever the source says.
    panoptic : bool
        Whether records need ``isthing``.
    own : list of (int, Label), optional
        The categories that the file has in the source, as positions in `labels` with the file's
        own records: those come out again, others of `labels` only where a record has them.
    """

    def __init__(
        self,
        labels: LabelTable,
        problems: Problems,
        *,
        from_one: bool = False,
        panoptic: bool = False,
        own: list[tuple[int, Label]] | None = None,
    ) -> None:
        self.labels = labels
        self._own = [] if own is None else own
        self._all = own is None
        self._used: set[int] = set()
        self._problems = problems
        self._from_one = from_one
        self._panoptic = panoptic
        self._ids: list[Any] = []
        self._records: dict[Any, bytes] = {}
        self._issued = Ids()
        self._other: LabelTable | None = None
        self._mapping: list[int] = []
        self._points: dict[int, int] = {}
        self._renumber = from_one or (self._all and not self._usable())
        if self._renumber and not from_one:
            self._tell()
        self._given = {} if self._renumber else {index: label.id for index, label in self._own}
        for identifier in self._given.values():
            self._issued.take(identifier, any_kind=True)

    def _usable(self) -> bool:
        """Whether the ids of the first labels can be kept, or there are none to keep."""
        known = [label for label in self.labels if label.id is not None]
        seen: dict[object, bytes] = {}
        for label in known:
            if label.id in seen and (not label.record or seen[label.id] != label.record):
                return False
            seen[label.id] = label.record
        return all(is_integer(label.id) or label.record for label in known)

    def _tell(self) -> None:
        self._problems.notice(
            "ref.duplicate_id",
            "the ids of the classes are not integers, or repeat; category ids are. "
            "The categories are numbered from 1",
        )

    def ids(self) -> list[Any]:
        """Return the category id of each label so far, with None appended for no label."""
        for index in range(len(self._ids), len(self.labels)):
            label = self.labels[index]
            if self._renumber:
                self._ids.append(index + 1)
            elif index in self._given:
                self._ids.append(self._given[index])
            elif label.record and self._records.get(label.id) == label.record:
                self._ids.append(label.id)  # an identical repeat of a category of the source
            else:
                given, kept = self._issued.take(label.id, any_kind=bool(label.record))
                if not kept and label.id is not None:
                    self._tell()
                self._records[label.id] = label.record
                self._ids.append(given)
        return [*self._ids, None]

    def indexes(self, chunk: Chunk, rows: NDArray[np.int64] | None = None) -> list[int]:
        """Return the index of each row's label in the run's table, -1 for none.

        Only `rows` are looked at where they are given: those that go into this file.
        """
        found: list[int] = (chunk.label if rows is None else chunk.label[rows]).tolist()
        if chunk.labels is not self.labels:
            self._map(chunk.labels)
            found = [self._mapping[index] if index >= 0 else -1 for index in found]
        if not self._all:
            self._used.update(found)
        return found

    def _map(self, labels: LabelTable) -> None:
        """Find the labels of another table in that of the run; those that are new are added."""
        if labels is not self._other:
            self._other, self._mapping = labels, []
        for index in range(len(self._mapping), len(labels)):
            label = labels[index]
            if index < len(self.labels) and self.labels[index] == label:
                self._mapping.append(index)
                continue
            found = self.labels.find(label.name)
            self._mapping.append(self.labels.add(label) if found is None else found)

    @property
    def points(self) -> dict[int, int]:
        """What `has_points` was told."""
        return self._points

    def has_points(self, index: int, count: int) -> None:
        """Note that a label without keypoint names has records with `count` keypoints."""
        if count > self._points.get(index, 0):
            self._points[index] = count

    def records(self) -> bytes:
        """Return the records of all categories, separated by commas."""
        ids = self.ids()
        entries = list(enumerate(self.labels))
        if not self._all:
            known = {index for index, _ in self._own}
            entries = self._own + [
                (index, label)
                for index, label in entries
                if index in self._used and index not in known
            ]
        texts = [
            self._record(label, ids[index], self._points.get(index, 0)) for index, label in entries
        ]
        return b",\n".join(texts)

    def _record(self, label: Label, identifier: object, points: int) -> bytes:
        if label.record:
            found = msgspec.json.decode(label.record, type=dict[str, msgspec.Raw])
            changes: dict[str, Any] = {"id": identifier, "name": label.name}
            if self._panoptic and "isthing" not in found:
                changes["isthing"] = 1
            # Other names than the record's were learned from poses of other classes, now of this.
            names = msgspec.json.decode(found.get("keypoints", msgspec.Raw(b"null")))
            known = len(names) if isinstance(names, list) else 0
            if known and len(label.keypoints) > known:
                changes["keypoints"] = list(label.keypoints)
            changed = False
            for key, value in changes.items():
                if key not in found or msgspec.json.decode(found[key]) != value:
                    found[key] = msgspec.Raw(encode_json(value))
                    changed = True
            return msgspec.json.encode(found) if changed else label.record
        record: dict[str, Any] = {
            "id": identifier,
            "name": label.name,
            "supercategory": label.parent or "",
        }
        if label.color is not None:
            record["color"] = list(label.color)
        if self._panoptic:
            record["isthing"] = 1
        names = list(label.keypoints)
        names += [f"keypoint_{number}" for number in range(len(names) + 1, points + 1)]
        if names:
            record["keypoints"] = names
            record["skeleton"] = [[a + 1, b + 1] for a, b in label.skeleton]
        if label.flip:
            record["flip_idx"] = list(label.flip)
        return encode_json(record)


class CategoriesOfFiles:
    """The categories of each file of a target.

    Parameters
    ----------
    meta : Meta
        That of the source.
    problems : Problems
        Told where ids had to be changed.
    apart : bool
        Whether each split of a COCO source keeps categories of its own.
    from_one, panoptic : bool
        See `Categories`.
    """

    def __init__(
        self, meta: Meta, problems: Problems, *, apart: bool, from_one: bool, panoptic: bool = False
    ) -> None:
        self._meta = meta
        self._apart = apart
        self._make = partial(
            Categories, meta.labels, problems, from_one=from_one, panoptic=panoptic
        )
        self._common: Categories | None = None

    def of(self, subset: str | None) -> Categories:
        """Return the categories of the file of a split."""
        own = own_labels(self._meta, subset) if self._apart else None
        if own is not None:
            return self._make(own=own)
        if self._common is None:
            self._common = self._make()
        return self._common
