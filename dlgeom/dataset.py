"""Dataset: a lazy, re-iterable stream of items with their annotations."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from dlgeom.annotation import AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.chunk_objects import chunk_of, label_index, pairs_of
from dlgeom.chunk_poses import add_points
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

if TYPE_CHECKING:
    from dlgeom.converters.base import Meta, Reader
    from dlgeom.converters.choice import LabelMap
    from dlgeom.converters.problems import Problems
    from dlgeom.converters.report import Report
    from dlgeom.converters.source import Ear
    from dlgeom.filters import Filters, Node

__all__ = ["Dataset"]

Pair = tuple[Item, AnnotationCollection]
PathLike = str | os.PathLike[str]

ITEMS_A_CHUNK = 1_000


class Dataset:
    """Items with their annotations, read as they are asked for; iterate as often as you like.

    Use `Dataset.open` for files and `Dataset.from_pairs` for objects.

    Parameters
    ----------
    reader : Reader
        Where the chunks come from.
    problems : Problems, optional
        What the reader tells about bad records.
    path : path, optional
        What was opened.
    ear : Ear, optional
        What `problems` tells, so that it can be passed on to the report of `write`.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> builder = Item(name="a.jpg", width=64, height=48).annotations.builder()
    >>> builder.add(Box(1, 2, 30, 40, "cat"))
    >>> dataset = Dataset.from_pairs([(builder.item, builder)])
    >>> for item, annotations in dataset:
    ...     print(item.name, annotations[0].label)
    a.jpg cat
    """

    def __init__(
        self,
        reader: Reader,
        problems: Problems | None = None,
        *,
        path: PathLike | None = None,
        ear: Ear | None = None,
    ) -> None:
        self.reader = reader
        self.problems = problems
        self.path = None if path is None else Path(path)
        self._ear = ear
        self._parent: Dataset | None = None
        # Some readers keep their file open; it is closed with the data set at the latest.
        close = getattr(reader, "close", None)
        self._close = weakref.finalize(self, close) if callable(close) else None

    @classmethod
    def open(
        cls,
        path: PathLike,
        format: str | None = None,  # noqa: A002 - the documented name
        on_error: Literal["raise", "skip"] = "raise",
        **options: Any,
    ) -> Dataset:
        """Open a data set from disk.

        Parameters
        ----------
        path : path
            File or folder; its format is recognised unless `format` is given.
        format : str, optional
            Name of a registered format.
        on_error : {"raise", "skip"}
            Whether the first bad record raises, or is left out and told to `problems`.
        **options
            As for `dlgeom.open_dataset`.

        Raises
        ------
        UnknownFormatError, FormatError, OutputError
            If the format is not known, or the path cannot be read.
        """
        from dlgeom.converters.pipeline import open_dataset

        return open_dataset(path, format=format, on_error=on_error, **options)

    @classmethod
    def from_pairs(cls, pairs: Iterable[Pair], labels: Iterable[Label | str] | None = None) -> Self:
        """Build a data set in memory.

        Parameters
        ----------
        pairs : iterable of (Item, AnnotationCollection)
            The items, each with its annotations; kept as they are.
        labels : iterable of Label or str, optional
            The labels in the order that targets should have. Others are added as they come.
        """
        return cls(_Pairs(list(pairs), labels))

    @property
    def labels(self) -> LabelTable:
        """The labels, in the source's order."""
        return self.reader.meta.labels

    @property
    def meta(self) -> Meta:
        """What belongs to the data set as a whole."""
        return self.reader.meta

    def chunks(
        self, *, grouped: bool = True, needs: frozenset[str] | None = None
    ) -> Iterator[Chunk]:
        """Yield the data set as columns.

        Parameters
        ----------
        grouped : bool, default True
            Whether all rows of an item have to be next to each other.
        needs : frozenset of str, optional
            Columns that have to be decoded, of outline, runs, keypoints, extra; all by default.
        """
        if needs is None:
            yield from self.reader.chunks(grouped=grouped)
        else:
            yield from self.reader.chunks(grouped=grouped, needs=needs)

    def filter(
        self,
        filters: Filters | Node | str | None = None,
        annotation_filter: Filters | Node | str | None = None,
    ) -> Dataset:
        """Return the data set that some conditions leave: lazy, read again on each iteration.

        Parameters
        ----------
        filters : Filters or str
            Conditions on items, or on annotations; or an expression such as
            ``label == 'car' and area > 100``, which chooses annotations.
        annotation_filter : Filters or str, optional
            Conditions on annotations in addition.

        Returns
        -------
        Dataset
            Items that the conditions on items leave, with the annotations that the conditions on
            annotations leave; an item may be left without any. Its length is not known where items
            may go. Sorting items holds the columns of all of them in memory.

        Raises
        ------
        UsageError
            For an expression that cannot be read.

        Examples
        --------
        >>> from dlgeom.definitions import Box
        >>> builder = Item(name="a.jpg").annotations.builder()
        >>> builder.add([Box(1, 2, 30, 40, "cat"), Box(1, 2, 3, 4, "dog")])
        >>> [found] = Dataset.from_pairs([(builder.item, builder)]).filter("label == 'dog'")
        >>> [annotation.label for annotation in found[1]]
        ['dog']
        """
        from dlgeom.converters.chosen import chosen

        result = Dataset(
            chosen(self.reader, (filters, annotation_filter), self.problems),
            self.problems,
            path=self.path,
            ear=self._ear,
        )
        # The files belong to this one, which has to live as long.
        if result._close is not None:
            result._close.detach()
        result._close, result._parent = None, self
        return result

    def close(self) -> None:
        """Close the files that are held open; the data set cannot be read afterwards.

        Happens by itself when the data set is no longer used, or with ``with``.
        """
        if self._close is not None:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Pair]:
        for chunk in self.reader.chunks(grouped=True):
            yield from pairs_of(chunk)

    def __len__(self) -> int:
        """Return the number of items, where it is known without reading all.

        Raises
        ------
        TypeError
            If it is not known.
        """
        count = self.reader.count()
        if count is None:
            raise TypeError(
                "the number of items is not known without reading all; sum(1 for _ in dataset)"
            )
        return count

    def __bool__(self) -> bool:
        # Without it, truth would ask for a length that may not be known.
        return True

    def __repr__(self) -> str:
        from dlgeom.converters.places import shown_source

        where = "" if self.path is None else f"{shown_source(self.path)!r}, "
        return f"Dataset({where}format={self.meta.format!r}, {len(self.labels)} labels)"

    def write(
        self,
        target: PathLike,
        *,
        format: str | None = None,  # noqa: A002 - the documented name
        task: str | None = None,
        subset: str = "train",
        image_files: Literal["none", "copy", "link"] = "none",
        frames: str = "annotated",
        overwrite: bool = False,
        dry_run: bool = False,
        report: PathLike | None = None,
        progress: Callable[[int, int | None], None] | None = None,
        label_map: LabelMap | PathLike | None = None,
        include_labels: Iterable[str] = (),
        exclude_labels: Iterable[str] = (),
        where: str | None = None,
        sidecar: bool = False,
        **options: Any,
    ) -> Report:
        """Write the data set.

        Parameters
        ----------
        target : path
            File or folder to write.
        format : str, optional
            Name of a registered format; told by the target's suffix otherwise.
        task, image_files, frames, overwrite, dry_run, report, progress, **options
            As for `dlgeom.convert`.
        label_map, include_labels, exclude_labels, where, sidecar
            As for `dlgeom.convert`.
        subset : str, default "train"
            Name of the split in the target where the data set has none.

        Returns
        -------
        Report
            What was read, written, approximated and dropped.

        Raises
        ------
        OutputError, UsageError
            As for `dlgeom.convert`.
        """
        from dlgeom.converters import pipeline
        from dlgeom.converters.problems import Problems

        selection = pipeline.selection_of(label_map, include_labels, exclude_labels, where)
        with (
            pipeline.gc_paused(),
            pipeline.open_target(
                target,
                source=self.path,
                format=format,
                image_files=image_files,
                overwrite=overwrite,
                dry_run=dry_run,
                report=report,
            ) as place,
            nullcontext() if self._ear is None else self._ear.telling(place.report),
        ):
            problems = self.problems or Problems(listener=place.report.tell)
            reader = self.reader if selection is None else selection.over(self.reader, problems)
            return pipeline.write_source(
                pipeline.Source(reader, problems, path=self.path),
                place,
                task=task,
                subsets=() if self.meta.subsets else (subset,),
                image_files=image_files,
                frames=frames,
                options=options,
                progress=progress,
                sidecar=sidecar,
            )


class _Pairs:
    """A reader of objects in memory."""

    def __init__(self, pairs: list[Pair], labels: Iterable[Label | str] | None) -> None:
        from dlgeom.converters.base import Meta

        self._pairs = pairs
        if labels is None:
            tables = [collection.labels for _, collection in pairs if collection.labels]
            labels = tables[0] if tables else ()
        table = LabelTable(labels)
        for _, collection in pairs:
            for annotation in collection:
                label_index(table, annotation.annotation_definition)
        subsets = dict.fromkeys(item.subset for item, _ in pairs if item.subset is not None)
        self.meta = Meta(format="memory", labels=table, subsets=list(subsets))

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur."""
        return set().union(*(chunk.kinds() for chunk in self.chunks(grouped=True)))

    def learn_points(self) -> None:
        """Add the key points to the classes that only later poses of them have."""
        for chunk in self.chunks(grouped=True):
            add_points(chunk)

    def count(self) -> int | None:
        """Return the number of items."""
        return len(self._pairs)

    def chunks(self, *, grouped: bool, needs: frozenset[str] = frozenset()) -> Iterator[Chunk]:
        """Yield the objects as columns; always grouped, all columns."""
        # Items are told apart by their number in a run.
        numbered = (
            (msgspec.structs.replace(item, number=number), collection)
            for number, (item, collection) in enumerate(self._pairs)
        )
        while block := list(islice(numbered, ITEMS_A_CHUNK)):
            yield chunk_of(block, self.meta.labels)
