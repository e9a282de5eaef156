"""One split: the annotation files that tell of the same images, merged.

COCO keeps instances, keypoints and captions of the same images in files of their own. Images are
merged by id; a record of keypoints replaces the record of instances with its id; captions are
added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.read_columns import CAPTION, DEAD, Block, Column, joined
from dlgeom.converters.coco.read_ids import IdMap
from dlgeom.converters.coco.read_images import ImageTable
from dlgeom.converters.coco.read_index import FileIndex
from dlgeom.converters.coco.read_json import strict_json
from dlgeom.converters.coco.read_resolve import identifier, resolve
from dlgeom.converters.coco.read_spill import Spill, spilled, supersede
from dlgeom.converters.texts import taken
from dlgeom.errors import FormatError
from dlgeom.labels import Label, LabelTable

__all__ = ["Labels", "Subset"]

Ints = NDArray[np.int32]
RANK = ("keypoints", "person_keypoints", "instances", "lvis", "stuff", "labels")


class Labels:
    """The label table of a run, filled by the categories of several files.

    A class is what has one id and name in all of them, or one name where each file has it once.
    """

    def __init__(self) -> None:
        self._labels: list[Label] = []
        self._place: dict[tuple[object, str], int] = {}
        self._named: dict[str, set[int]] = {}

    def add(self, labels: list[Label], own: list[tuple[int, Label]]) -> NDArray[np.int32]:
        """Add a file's categories; return the position of each, and -1 for none at the end.

        `own` gets what the split says itself, with the positions.
        """
        places = []
        known = {place: number for number, (place, _) in enumerate(own)}
        here = Counter(name for _, name in {(label.id, label.name) for label in labels})
        for label in labels:
            key = (label.id, label.name)
            found = self._place.get(key)
            same = self._named.setdefault(label.name, set())
            if found is None:
                alone = here[label.name] == 1 and len(same) == 1
                found = next(iter(same)) if alone else len(self._labels)
            place = self._place[key] = found
            same.add(place)
            if place == len(self._labels):
                self._labels.append(label)
            elif label.keypoints and not self._labels[place].keypoints:
                # The file of keypoints says more about the same class.
                self._labels[place] = label
            places.append(place)
            if place not in known:
                own.append((place, label))
            elif label.keypoints and not own[known[place]][1].keypoints:
                own[known[place]] = (place, label)
        return np.array([*places, -1], dtype=np.int32)

    def table(self) -> LabelTable:
        """Return the finished table."""
        return LabelTable(self._labels)


class Subset:
    """The files of one split as one table of images and one block of records.

    Attributes
    ----------
    name : str or None
    parts : list of FileIndex
    images : ImageTable
    owner : ndarray of int32, shape (images,)
        File in which the record of each image lies.
    records : Block or Spill
        Records of all files; where they are on disk, `portions` stand for the split.
    labels : list of (int, Label)
        The categories of its files, each with its position in the run's labels.
    item, label : ndarray of int32, shape (N,)
        Position in `images`, and in the run's labels; empty for records on disk.
    first_rows : list of int
        First row of each file, and the number of rows.
    first_item, first_order : int
        Number of the first image, and of the first record, among those of the run.
    """

    def __init__(
        self,
        name: str | None,
        parts: list[tuple[str, FileIndex]],
        labels: Labels,
        context: ReadContext,
        *,
        images: ImageTable | None = None,
    ) -> None:
        self.name = name
        self.kinds = [kind for kind, _ in parts]
        self.parts = [index for _, index in parts]
        self.first_item = self.first_order = 0
        self._context = context
        self.images, self.owner = (
            _merged_images(self.parts, context)
            if images is None
            else (images, np.full(len(images), -1, dtype=np.int32))
        )
        self.labels: list[tuple[int, Label]] = []
        items, names = [], []
        for index in self.parts:
            table = index.labels or []
            item, label = resolve(index, self.images, table)
            places = labels.add(table, self.labels)
            if isinstance(index.records, Spill):
                for piece in index.records.pieces():
                    piece.label = places[piece.label]
                    piece.save()
            items.append(item)
            names.append(places[label])
        self.records: Block | Spill
        self.first_rows = np.cumsum([0] + [len(index.records) for index in self.parts]).tolist()
        if any(isinstance(index.records, Spill) for index in self.parts):
            self.records = self._joined_on_disk(items, names)
            self.item = self.label = np.zeros(0, dtype=np.int32)
        else:
            if len(self.parts) > 1:
                self._supersede(items, names)
            self.records = joined([index.records for index in self.parts])  # type: ignore[misc]
            self.item = np.concatenate(items)
            self.label = np.concatenate(names)
        for index in self.parts:
            index.records = self.records  # its own columns are not needed any more

    def __len__(self) -> int:
        return len(self.records)

    def sections(self) -> dict[str, bytes]:
        """Return the root keys of the files; the first file that has one tells of it."""
        found: dict[str, bytes] = {}
        for index in self.parts:
            for key, raw in index.sections.items():
                if raw and found.setdefault(key, raw) != raw:
                    self._context.problems.notice(
                        "schema.repeated",
                        f"{key} differs from that in another file of this split, which is read",
                        path=index.shown,
                        location=key,
                    )
                found.setdefault(key, raw)
        return found

    @property
    def block(self) -> Block:
        """The records, which are in memory."""
        assert isinstance(self.records, Block)
        return self.records

    @property
    def on_disk(self) -> bool:
        """Whether the records are on disk, and come in slices."""
        return isinstance(self.records, Spill)

    def save(self) -> None:
        """Keep what was found out about records: all of it is in memory."""

    def owners(self, first: int, images: ImageTable) -> Ints:
        """Return the file of images, which are `images` of those from `first` on."""
        numbers = images.numbers
        return self.owner[first : first + len(images)] if numbers is None else self.owner[numbers]

    def windows(self) -> Iterator[tuple[FileIndex, int, int, int, int]]:
        """Yield file, first and last-plus-one row, start and stop in the file of each window."""
        for index, shift in zip(self.parts, self.first_rows, strict=False):
            for first, last, start, stop in index.windows:
                yield index, first + shift, last + shift, start, stop

    def numbers_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each row among the records of the split."""
        return rows

    def part_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the file of each row."""
        return np.searchsorted(self.first_rows, rows, side="right") - 1

    def check_unchanged(self) -> None:
        """Raise where a file was written to since it was indexed."""
        for index in self.parts:
            index.source.check_unchanged()

    def _joined_on_disk(self, items: list[Ints], labels: list[Ints]) -> Spill:
        spills = []
        for index, item, label in zip(self.parts, items, labels, strict=True):
            block = index.records
            if not isinstance(block, Spill):
                block = spilled(block, item, label, self._context.limits.index_bytes)
                index.records = block
            spills.append(block)
        if len(spills) == 1:
            return spills[0]
        order = self._by_rank()
        counts = supersede([spills[part] for part in order])
        for part, replaced in zip(order, counts, strict=True):
            self._tell_superseded(part, replaced)
        whole = Spill(spills[0].share)
        for spill in spills:
            whole.extend(spill)
        return whole

    def _by_rank(self) -> list[int]:
        ranks = [RANK.index(kind) if kind in RANK else len(RANK) for kind in self.kinds]
        return sorted(range(len(self.parts)), key=lambda part: ranks[part])

    def _tell_superseded(self, part: int, replaced: int) -> None:
        if replaced:
            self._context.problems.notice(
                "record.duplicate",
                f"{replaced} records have the id and the image of records in another file of "
                "this split, which says more about them; those are read",
                path=self.parts[part].shown,
            )

    def _supersede(self, items: list[NDArray[np.int32]], labels: list[NDArray[np.int32]]) -> None:
        """Mark records that another file tells with more detail.

        They have the id, the image and the class in common: ids of things and stuff may meet.
        """
        told: dict[Any, int] = {}
        for part in self._by_rank():
            block = self.parts[part].records
            assert isinstance(block, Block)
            alive = np.flatnonzero((block.flags & (DEAD | CAPTION)) == 0)
            replaced = 0
            for row in alive.tolist():
                key = identifier(block.id, row)
                if key is None:
                    continue
                thing = (key, int(items[part][row]), int(labels[part][row]))
                if told.setdefault(thing, part) != part:
                    block.flags[row] |= DEAD
                    replaced += 1
            self._tell_superseded(part, replaced)


def _merged_images(
    parts: list[FileIndex], context: ReadContext
) -> tuple[ImageTable, NDArray[np.int32]]:
    """Merge the images of several files by id; the first file that has one tells of it."""
    base = parts[0].images
    owner = np.zeros(len(base), dtype=np.int32)
    for number, index in enumerate(parts[1:], 1):
        other = index.images
        if not len(other):
            continue
        place = IdMap(base.ids).find(other.ids)
        differing = 0
        for row in np.flatnonzero(place >= 0).tolist():
            known = int(place[row])
            first = parts[owner[known]]
            here, there = _described(other, row), _described(base, known)
            if here != there:
                raise FormatError(
                    f"image {identifier(other.ids, row)!r} is {here} here and {there} in "
                    f"{first.shown}; one id means one image. Correct one of them",
                    code="ref.duplicate_id",
                    path=index.shown,
                )
            differing += _record(index, other, row) != _record(first, base, known)
        if differing:
            context.problems.notice(
                "record.duplicate",
                f"{differing} images have other fields here than in another file of this split; "
                "those of the first file are read",
                path=index.shown,
            )
        fresh = np.flatnonzero(place < 0)
        if len(fresh):
            base = _extended(base, other, fresh)
            owner = np.concatenate([owner, np.full(len(fresh), number, dtype=np.int32)])
    return base, owner


def _described(images: ImageTable, row: int) -> str:
    return f"{images.names[row]!r} of {images.width[row]} x {images.height[row]}"


def _record(index: FileIndex, images: ImageTable, row: int) -> Any:
    return strict_json(index.source.read(int(images.start[row]), int(images.length[row])))


def _extended(base: ImageTable, other: ImageTable, rows: NDArray[np.int64]) -> ImageTable:
    whole = ImageTable()
    whole.ids = _chosen(base.ids, other.ids, rows)
    whole.names = [*base.names, *taken(other.names, rows)]
    for name in ("width", "height", "start", "length"):
        setattr(whole, name, np.concatenate([getattr(base, name), getattr(other, name)[rows]]))
    if base.records is not None:
        added = np.arange(len(base), len(whole.names), dtype=np.int32)
        whole.records = np.concatenate([base.records, added])
    return whole


def _chosen(one: Column, two: Column, rows: NDArray[np.int64]) -> Column:
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        return np.concatenate([one, two[rows]])
    return [identifier(one, k) for k in range(len(one))] + [
        identifier(two, row) for row in rows.tolist()
    ]
