"""Readers and writers of small formats: pairs of item and annotations instead of columns.

A format whose files are small and whose records are objects (subtitles, the platform's JSON)
subclasses these; a format never has both ways. They wrap `Chunk.of` and `Chunk.pairs`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.chunk import Chunk, Origin
from dlgeom.chunk_objects import KEPT_AS_EXTRA
from dlgeom.chunk_poses import add_points
from dlgeom.converters.base import (
    ALL,
    APPROXIMATED,
    DROPPED,
    WRITTEN,
    Losses,
    Meta,
    ReadContext,
    WriteContext,
)
from dlgeom.converters.problems import Problems
from dlgeom.item import Item

__all__ = ["ItemLosses", "ItemReader", "ItemRecord", "ItemWriter", "fields_of"]

_ITEMS, _ROWS = 256, 8_192
"""A chunk is full when it has so many items or rows."""

_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(Annotation)
    if field.name in KEPT_AS_EXTRA
}


class ItemRecord(msgspec.Struct):
    """One item as a reader found it.

    Parameters
    ----------
    item : Item
        Its `number` is set by `ItemReader`.
    annotations : sequence of Annotation
        The good ones, in the file's order.
    path : str
        Its file, relative to the source.
    numbers : sequence of int, optional
        Where each annotation stands in the file, counted as `ItemReader.unit` says; its position
        among the annotations if not given.
    """

    item: Item
    annotations: Sequence[Annotation]
    path: str = ""
    numbers: Sequence[int] | None = None


class ItemReader(ABC):
    """A reader that makes objects; see `dlgeom.converters.base.Reader`.

    Subclasses give `records`, and `count` where it is known. `records` may be asked for again and
    yields the same then; labels that it meets are added to ``meta.labels`` in that order.

    Parameters
    ----------
    meta : Meta
        What belongs to the data set as a whole.
    context : ReadContext
        Problems, limits and options.
    """

    unit = "annotations[{}]"
    """How a place in a file is told, with one ``{}`` for the number."""

    def __init__(self, meta: Meta, context: ReadContext) -> None:
        self.meta = meta
        self.context = context

    @abstractmethod
    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        """Yield the items in order; what is wrong with them is told to `problems`."""

    def count(self) -> int | None:
        """Return how many items are to come, None if nobody knows."""
        return None

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur anywhere."""
        quiet = Problems(strict=False, listener=lambda _: None)
        return set().union(*(chunk.kinds() for chunk in self._chunks(quiet)))

    def learn_points(self) -> None:
        """Add the key points to the classes that no pose so far had; reads everything once."""
        for chunk in self._chunks(Problems(strict=False, listener=lambda _: None)):
            add_points(chunk)

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set, always grouped by item and with all columns."""
        yield from self._chunks(self.context.problems)

    def _chunks(self, problems: Problems) -> Iterator[Chunk]:
        block: list[ItemRecord] = []
        rows = before = 0
        for number, record in enumerate(self.records(problems)):
            record.item = msgspec.structs.replace(record.item, number=number)
            block.append(record)
            rows += len(record.annotations)
            if len(block) >= _ITEMS or rows >= _ROWS:
                yield self._chunk(block, before)
                before += rows
                rows = 0
                block = []
        if block:
            yield self._chunk(block, before)

    def _chunk(self, block: list[ItemRecord], before: int) -> Chunk:
        """Return some items as columns; `before` is the number of rows that came earlier."""
        labels = self.meta.labels
        chunk = Chunk.of(
            (
                (
                    record.item,
                    AnnotationCollection._view(record.item, list(record.annotations), labels),
                )
                for record in block
            ),
            labels,
        )
        numbers = [
            number
            for record in block
            for number in (
                range(len(record.annotations)) if record.numbers is None else record.numbers
            )
        ]
        return msgspec.structs.replace(
            chunk,
            order=np.arange(before, before + len(chunk), dtype=np.int64),
            origin=Origin(
                format=self.meta.format,
                number=np.array(numbers, dtype=np.int64),
                paths=[record.path for record in block],
                unit=self.unit,
            ),
        )


class ItemLosses:
    """What a writer could not keep of one item's annotations.

    Attributes
    ----------
    fields : Counter of str
        Fields that could not be kept, and how often: of records by their names, of the item as
        ``image.<name>``.
    """

    __slots__ = ("_indexes", "_losses", "_start", "fields")

    def __init__(self, losses: Losses, start: int, indexes: dict[str, int]) -> None:
        self._losses = losses
        self._start = start
        self._indexes = indexes
        self.fields: Counter[str] = losses.fields

    def drop(self, position: int, code: str) -> None:
        """Say that an annotation is left out; the first reason stays."""
        row = self._start + position
        if self._losses.status[row] != DROPPED:
            self._losses.status[row] = DROPPED
            self._losses.code[row] = self._indexes[code]
            self._losses.measure[row] = np.nan

    def approximate(self, position: int, code: str, measure: float = np.nan) -> None:
        """Say that an annotation is written as something else, unless more is known already."""
        row = self._start + position
        if self._losses.status[row] == WRITTEN:
            self._losses.status[row] = APPROXIMATED
            self._losses.code[row] = self._indexes[code]
            self._losses.measure[row] = measure


class ItemWriter(ABC):
    """A writer that takes objects; see `dlgeom.converters.base.Writer`.

    Subclasses give `codes` and `write_item`, and `finish` where something is due at the end.
    Numbers of annotations in an item count from 0 in its collection.

    Parameters
    ----------
    context : WriteContext
        Output, problems, limits and options.
    """

    grouped = True
    needs: frozenset[str] = ALL
    codes: tuple[tuple[str, str], ...] = ()
    """Code and sentence of each loss that the writer knows."""

    def __init__(self, context: WriteContext) -> None:
        self.context = context
        self._indexes = {code: index for index, (code, _) in enumerate(self.codes)}

    @abstractmethod
    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        """Write one item with all of its annotations.

        Parameters
        ----------
        item : Item
            The item, which may have no annotations.
        annotations : AnnotationCollection
            All that it has, in the source's order.
        losses : ItemLosses
            Where to say what the target cannot hold.
        where : str
            The item's file in the source, for messages; "" if it has none.
        """

    def write(self, chunk: Chunk) -> Losses:
        """Write the items of a chunk."""
        losses = Losses.none(len(chunk), self.codes)
        start = 0
        paths = chunk.origin.paths
        for index, (item, found) in enumerate(chunk.pairs()):
            where = paths[index] if len(paths) else chunk.origin.path
            self.write_item(item, found, ItemLosses(losses, start, self._indexes), where)
            start += len(found)
        return losses

    def finish(self) -> None:
        """Write what can be known only at the end."""
        return


def fields_of(annotation: Annotation) -> Iterator[str]:
    """Yield the names of the fields of a record that have a value, beside shape and label.

    The names are those of `dlgeom.converters.fields.count_fields`: ``id``, ``score``, ``area``,
    ``bbox``, ``iscrowd``, ``attributes.<key>``, ``description``, ``children`` (once for each), the
    fields of an annotation that have no column, ``frames`` (states after the first), and keys of
    `Annotation.extra`.
    """
    named = {
        "id": annotation.id is not None,
        "score": annotation.score is not None,
        "area": annotation.stored_area is not None,
        "bbox": annotation.stored_bounds is not None,
        "iscrowd": annotation.crowd,
        "description": annotation.description is not None,
    }
    yield from (name for name, there in named.items() if there)
    attributes = annotation.attributes
    if isinstance(attributes, dict):
        yield from (f"attributes.{key}" for key in attributes)
    elif attributes:
        yield "attributes"
    for name in KEPT_AS_EXTRA:
        if getattr(annotation, name) != _DEFAULTS[name]:
            yield name
    if annotation.later:
        yield "frames"
    yield from annotation.extra
    yield from ("children" for _ in annotation.children)
