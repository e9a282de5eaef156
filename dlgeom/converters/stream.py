"""Chunks on their way from a reader to a writer, and what is counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Reader, Writer
from dlgeom.converters.fields import ItemFields, count_label_fields, count_sections, kept_by
from dlgeom.converters.problems import Problems
from dlgeom.converters.report import Report
from dlgeom.converters.sizes import SizeFilter

if TYPE_CHECKING:
    from dlgeom.converters.lower import Lowering
    from dlgeom.converters.sidecar.tracker import Tracker
    from dlgeom.item import Item

__all__ = ["Progress", "Stream"]

_MEDIA = attrgetter("media")
Progress = Callable[[int, int | None], None]


class Stream:
    """Puts chunks through what lies between a reader and a writer.

    Parameters
    ----------
    reader : Reader
        Where the chunks come from.
    problems : Problems
        Told of images without a size.
    writer : Writer
        Takes them.
    report : Report
        Counts them.
    target : str
        Format that is written.
    measure : bool
        Whether losses are measured.
    """

    def __init__(
        self,
        reader: Reader,
        problems: Problems,
        writer: Writer,
        report: Report,
        target: str,
        *,
        measure: bool,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.report = report
        self._measure = measure
        self.needs = frozenset(writer.needs | {"outline", "runs"} if measure else writer.needs)
        self._same = reader.meta.format == target
        self.items = ItemFields(kept_by(writer, "item_fields", same_format=self._same))
        self.sized = SizeFilter(
            getattr(writer, "sized", "no"),
            problems,
            copies=self._same,
            results=bool(reader.meta.extra.get("coco_results")),
        )
        # Loaded where there is something to lower: most data sets hold columns only.
        self._lowering: Lowering | None = None
        self._items_seen: Sequence[Item] = ()
        self._films = False
        self.learn = _learning(reader, writer)
        self.tracker: Tracker | None = None  # of a run that also writes a sidecar

    def take(self, given: Chunk) -> None:
        """Write a chunk and count what became of it."""
        report, writer = self.report, self.writer
        if self.learn is not None and (report.task == "pose" or "keypoints" in given.kinds()):
            # Before the first pose is written: all poses of a class have the same key points.
            self.learn()
            self.learn = None
        self.items.add(report.add_items(given.items))
        if given.items is not self._items_seen:  # ungrouped chunks share the data set's images
            self._items_seen = given.items
            self._films = "video" in map(_MEDIA, given.items)
        if self._lowering is None and (given.others or self._films):
            from dlgeom.converters.lower import Lowering

            self._lowering = Lowering.of(writer)
        # First, so that what the target does not hold is dropped for that, size or not.
        lowered = None if self._lowering is None else self._lowering(given)
        chunk, left = self.sized(given if lowered is None else lowered.chunk)
        if lowered is not None and left is not None:
            lowered = lowered.only(left, chunk)
        losses = writer.write(chunk if lowered is None else lowered.chunk)
        if not self._measure:
            losses.replaced = None
        whole = (chunk, losses) if lowered is None else lowered.settle(losses)
        report.add(*whole)
        if self.tracker is not None:
            self.tracker.add(*whole)

    def all(self, progress: Progress | None) -> None:
        """Take all that the reader has."""
        total = self.reader.count() if progress else None
        for given in self.reader.chunks(grouped=self.writer.grouped, needs=self.needs):
            self.take(given)
            if progress:
                progress(self.report.images, total)

    def finish(self) -> None:
        """End the writer's files and count what belongs to the data set as a whole."""
        report, writer = self.report, self.writer
        self.sized.finish()
        writer.finish()
        report.filtered, report.filtered_images = getattr(self.reader, "all_filtered", (0, 0))
        meta = self.reader.meta
        lost: Counter[str] = self.items.lost()
        report.fields.update(lost)
        kept = kept_by(writer, "label_fields", same_format=self._same)
        report.fields.update(count_label_fields(meta.labels, kept))
        kept = kept_by(writer, "section_fields", same_format=self._same)
        report.fields.update(count_sections(meta, kept))
        report.check()


def _learning(reader: Reader, writer: Writer) -> Callable[[], None] | None:
    """Return what completes the key points of the classes, where that matters and is needed."""
    nearest = getattr(writer, "nearest", None)
    if nearest is None or not nearest.points:
        return None
    learn: Callable[[], None] | None = getattr(reader, "learn_points", None)
    return learn
