"""Reading COCO panoptic: ``panoptic_<split>.json`` with a folder of PNG files beside it.

Each entry of ``segments_info`` is a row with a mask. The JSON is read in windows, the pictures
one by one; what is kept of the whole file is an index of its images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from dlgeom.chunk import BOX, RUNS, Chunk, Origin
from dlgeom.converters.base import ALL, Meta, ReadContext, Reader
from dlgeom.converters.coco.layout import AnnotationFile, find_files
from dlgeom.converters.coco.own_labels import OwnLabels
from dlgeom.converters.coco.panoptic_index import (
    ImagePlace,
    Indexer,
    PanopticFile,
    records_of,
)
from dlgeom.converters.coco.panoptic_json import (
    Segment,
    checked_segment,
    identifier,
    segments_of,
    whole_number,
)
from dlgeom.converters.coco.panoptic_picture import compare, read_picture
from dlgeom.converters.coco.read_decode import own_fields
from dlgeom.converters.coco.read_json import checked_object
from dlgeom.converters.coco.read_source import SourceFile
from dlgeom.converters.coco.scan import Scanner
from dlgeom.converters.names import safe_name
from dlgeom.errors import FormatError, OutputError
from dlgeom.geometry.ragged import Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["PanopticOrigin", "PanopticReader", "open_panoptic"]

_BATCH = 32
_ITEMS = 1_000


class PanopticOrigin(Origin, kw_only=True, eq=False):
    """Where segments come from.

    Parameters
    ----------
    frames : tuple of bytes
        For each item of the chunk the text of its record in ``annotations``, b"" for none.
    """

    frames: tuple[bytes, ...] = ()


def open_panoptic(path: Path, context: ReadContext) -> Reader:
    """Open a panoptic JSON, or a folder with several (``annotations/panoptic_*.json``).

    Raises
    ------
    FormatError
        If a file cannot be trusted, or there is none.
    """
    return PanopticReader(find_files(path, context.subsets), context)


class PanopticReader:
    """The stream of segments; see `dlgeom.converters.base.Reader`.

    Parameters
    ----------
    files : sequence of AnnotationFile
        The panoptic JSON of each split.
    context : ReadContext
        What the run gives.
    """

    def __init__(self, files: Sequence[AnnotationFile], context: ReadContext) -> None:
        self._context = context
        labels = LabelTable()
        indexer = Indexer(context, labels)
        self._files = [indexer.index(file.path, file.shown, file.subset) for file in files]
        named = [file.subset for file in self._files if file.subset is not None]
        self.meta = Meta(
            format="coco",
            labels=labels,
            subsets=named,
            sections=self._files[0].sections,
            subset_sections={f.subset: f.sections for f in self._files if f.subset is not None},
            extra={
                "panoptic": True,
                "coco_categories": OwnLabels(
                    labels, {file.subset: file.labels for file in self._files}
                ),
            },
            items_first=True,
            images_root=context.images,
        )
        self._rows = 0

    def kinds(self) -> set[str]:
        """Return the kinds of geometry: masks."""
        return {"runs"}

    def count(self) -> int:
        """Return how many images there are."""
        return sum(len(file.images) for file in self._files)

    # -------------------------------------------------------------- the stream

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the segments; see `dlgeom.converters.base.Reader`."""
        self._rows = 0
        for file in self._files:
            source = SourceFile(file.path, file.shown, self._context.limits)
            try:
                yield from self._chunks_of(file, source, grouped, needs)
            finally:
                source.close()

    def _items(
        self, file: PanopticFile, source: SourceFile, images: list[ImagePlace]
    ) -> list[Item]:
        raws = source.gather([(image.start, image.size) for image in images])
        items = []
        for image, raw in zip(images, raws, strict=True):
            record = msgspec.json.decode(raw)
            items.append(
                Item(
                    name=safe_name(record["file_name"], limits=self._context.limits)[0],
                    width=whole_number(record.get("width")),
                    height=whole_number(record.get("height")),
                    id=identifier(record["id"]),
                    subset=file.subset,
                    number=image.number,
                    record=raw,
                )
            )
        return items

    def _bare(
        self, file: PanopticFile, source: SourceFile, images: list[ImagePlace]
    ) -> Iterator[Chunk]:  # fmt: skip
        for first in range(0, len(images), _ITEMS):
            items = self._items(file, source, images[first : first + _ITEMS])
            yield self._chunk(file, items, [], [], [])

    def _chunks_of(
        self, file: PanopticFile, source: SourceFile, grouped: bool, needs: frozenset[str]
    ) -> Iterator[Chunk]:
        if not grouped:
            yield from self._bare(file, source, list(file.images.values()))
        seen: set[int | str] = set()
        batch = _Batch()
        scanner = Scanner(source, self._context.limits)
        records = records_of(scanner, file.annotations or 0, self._context.limits.depth)
        for number, (_, raw) in enumerate(records):
            image = self._image_of(file, raw, number, seen)
            if image is None:
                continue
            item = self._items(file, source, [image])[0]
            segments, runs = self._segments(file, item, raw, number, needs)
            batch.add(item, raw, number, segments, runs)
            if len(batch.items) >= _BATCH:
                yield self._of_batch(file, batch)
                batch = _Batch()
        if batch.items:
            yield self._of_batch(file, batch)
        if grouped:
            rest = [image for key, image in file.images.items() if key not in seen]
            yield from self._bare(file, source, rest)

    def _image_of(
        self, file: PanopticFile, raw: bytes, number: int, seen: set[int | str]
    ) -> ImagePlace | None:
        """Return the image of an annotation, or tell why it has none."""
        problems = self._context.problems
        where = {"path": file.shown, "location": f"annotations[{number}]"}
        try:
            record = checked_object(raw, "an annotation", self._context.limits.depth)
            if not isinstance(record.get("segments_info"), list):
                raise FormatError("has no list segments_info", code="schema.field")
            image = identifier(record.get("image_id"))
            if image is None:
                raise FormatError(
                    f"image_id is {record.get('image_id')!r}; ids are integers or text",
                    code="type.id",
                )
            if image not in file.images:
                raise FormatError(f"image_id {image!r} is not in images", code="ref.image")
            if image in seen:
                raise FormatError(
                    f"image {image!r} is annotated twice; there is one picture for each",
                    code="ref.duplicate_id",
                )
        except FormatError as error:
            problems.skipped(error.code, error.message, **where)
            return None
        seen.add(image)
        return file.images[image]

    def _segments(
        self, file: PanopticFile, item: Item, raw: bytes, number: int, needs: frozenset[str]
    ) -> tuple[list[Segment], Runs]:
        """Return the good segments of an image with their masks."""
        problems = self._context.problems
        segments: list[Segment] = []
        used: set[int] = set()
        for place, text in enumerate(segments_of(raw)):
            try:
                segment = checked_segment(text, file.categories, self._context.limits.depth)
                if segment.id in used:
                    raise FormatError(
                        f"id {segment.id} is there twice; a colour is one segment",
                        code="ref.duplicate_id",
                        annotation_id=segment.id,
                    )
            except FormatError as error:
                location = f"annotations[{number}].segments_info[{place}]"
                problems.skipped(error.code, error.message, path=file.shown, location=location)
                continue
            used.add(segment.id)
            segments.append(segment)
        # A segment without a box has that of its mask.
        boxed = not needs or not any(math.isnan(segment.bounds[0]) for segment in segments)
        if "runs" not in needs and boxed and item.width and item.height:
            return segments, Runs.empty(len(segments))
        try:
            ids = read_picture(self._context, file, item, raw)
        except (FormatError, OutputError) as error:
            wrapped = (
                error
                if isinstance(error, FormatError)
                else FormatError(str(error), code="image.unreadable", path=file.shown)
            )
            if self.count() == 1:
                raise wrapped from error
            problems.file(wrapped)
            return [], Runs.empty(0)
        return compare(self._context, file, number, segments, ids, used)

    def _of_batch(self, file: PanopticFile, batch: _Batch) -> Chunk:
        return self._chunk(file, batch.items, batch.frames, batch.numbers, batch.rows, batch.runs)

    def _chunk(
        self,
        file: PanopticFile,
        items: list[Item],
        frames: list[bytes],
        numbers: list[int],
        rows: list[list[Segment]],
        runs: list[Runs] | None = None,
    ) -> Chunk:
        segments = [segment for group in rows for segment in group]
        counts = [len(group) for group in rows]
        stops = np.cumsum([len(segment.raw) for segment in segments], dtype=np.int64)
        starts = np.concatenate(([0], stops[:-1])).astype(np.int64)[: len(stops)]
        n = len(segments)
        self._rows += n
        masks = Runs.concat(runs or [])
        bounds = np.array([s.bounds for s in segments], dtype=np.float64).reshape(-1, 4)
        boxed = np.where(np.isnan(bounds[:, 0]), 0, BOX)
        extra = {row: s.extra for row, s in enumerate(segments) if s.extra}
        return Chunk.build(
            items=items,
            item=np.repeat(np.arange(len(rows)), counts).astype(np.int32),
            labels=self.meta.labels,
            label=np.array([s.label for s in segments], dtype=np.int32),
            order=np.arange(self._rows - n, self._rows, dtype=np.int64),
            bounds=bounds,
            runs=masks,
            area=np.array([s.area for s in segments], dtype=np.float64),
            crowd=np.array([s.crowd for s in segments], dtype=np.bool_),
            ids=[s.id for s in segments],
            shapes=(boxed | RUNS).astype(np.uint8),
            attributes={row: s.attributes for row, s in enumerate(segments) if s.attributes},
            extra=extra,
            named=own_fields(extra, {}, np.zeros(n, dtype=np.bool_)),
            origin=PanopticOrigin(
                format="coco-panoptic",
                path=file.shown,
                number=np.repeat(np.array(numbers, dtype=np.int64), counts),
                buffer=b"".join(s.raw for s in segments),
                spans=np.column_stack((starts, stops)),
                frames=tuple(frames),
            ),
        )


class _Batch:
    """Images that go into one chunk."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.frames: list[bytes] = []
        self.numbers: list[int] = []
        self.rows: list[list[Segment]] = []
        self.runs: list[Runs] = []

    def add(
        self, item: Item, frame: bytes, number: int, segments: list[Segment], runs: Runs
    ) -> None:
        self.items.append(item)
        self.frames.append(frame)
        self.numbers.append(number)
        self.rows.append(segments)
        self.runs.append(runs)
