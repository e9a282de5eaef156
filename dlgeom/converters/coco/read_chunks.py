"""Chunks of chosen rows of a split: columns from the index, the rest from the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, KEYPOINTS, OTHER, OUTLINE, PARTS, ROTATED, RUNS, Chunk, Origin
from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.read_columns import (
    ATTRIBUTES,
    CAPTION,
    CROWD,
    DEAD,
    EXTRA,
    NO_ID,
    ODD,
    REPAIRED,
    SHAPES,
    TOLD,
)
from dlgeom.converters.coco.read_decode import (
    FAR,
    decode_keypoints,
    decode_masks,
    decode_outlines,
    mended_record,
    own_fields,
    sparse_fields,
)
from dlgeom.converters.coco.read_json import strict_json
from dlgeom.converters.coco.read_resolve import identifier
from dlgeom.converters.coco.read_shapes import FaultError, Outline
from dlgeom.converters.coco.read_subset import Subset
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["Builder"]

ITEMS_AT_ONCE = 4_000
ROWS_AT_ONCE = 20_000
BYTES_AT_ONCE = 6 << 20


class Builder:
    """Makes the chunks of one split.

    Parameters
    ----------
    subset : Subset
        The split.
    labels : LabelTable
        The run's labels.
    context : ReadContext
        Limits, and whom to tell of faults.
    needs : frozenset of str
        Columns to decode.
    raw : bool
        Whether rows keep their own text.
    check : bool
        Whether outlines are checked even where nobody needs them.
    """

    def __init__(
        self,
        subset: Subset,
        labels: LabelTable,
        context: ReadContext,
        needs: frozenset[str],
        *,
        raw: bool,
        check: bool,
    ) -> None:
        self._subset = subset
        self._labels = labels
        self._context = context
        self._needs = needs
        self._raw = raw
        self._check = check or "outline" in needs

    # -------------------------------------------------------------- rows in an order

    def item_chunks(self) -> Iterator[Chunk]:
        """Yield all images, in the order of their records and with their repeats."""
        images = self._subset.images
        records = images.records
        if records is None:
            records = np.arange(len(images), dtype=np.int32)
        none = np.zeros(0, dtype=np.int64)
        for first in range(0, len(records), ITEMS_AT_ONCE):
            items = self._items(records[first : first + ITEMS_AT_ONCE], records=True)
            yield Chunk.build(items=items, item=none, label=none, labels=self._labels)

    def file_chunks(self) -> Iterator[Chunk]:
        """Yield all rows in file order, a window of the file at a time."""
        subset = self._subset
        for index, first, last, start, stop in subset.windows():
            rows = np.arange(first, last, dtype=np.int64)
            rows = rows[(subset.block.flags[rows] & DEAD) == 0]
            text = index.source.read(start, stop - start)
            yield self._chunk(rows, text=text, at=start)

    def grouped_chunks(self) -> Iterator[Chunk]:
        """Yield the images in their order, each with all of its rows."""
        for rows, first, last in self.grouped_ranges():
            yield self._chunk(rows, items=np.arange(first, last, dtype=np.int32))

    def grouped_ranges(self) -> Iterator[tuple[NDArray[np.int64], int, int]]:
        """Yield what grouped chunks hold: their rows, and first and last-plus-one image."""
        subset = self._subset
        rows = np.flatnonzero((subset.block.flags & DEAD) == 0)
        rows = rows[np.argsort(subset.item[rows], kind="stable")]
        ends = np.searchsorted(subset.item[rows], np.arange(len(subset.images)), side="right")
        bounds = np.concatenate([[0], ends])
        weights = np.zeros(len(rows) + 1, dtype=np.int64)
        lengths = subset.block.part_length[rows]
        if not self._needs & {"outline", "runs", "raw"}:
            lengths = np.where(subset.block.flags[rows] & (BOX | ROTATED), 0, lengths)
        np.cumsum(lengths, out=weights[1:])
        first = 0
        total = len(subset.images)
        while first < total:
            begin = int(bounds[first])
            heavy = np.searchsorted(weights, weights[begin] + BYTES_AT_ONCE)
            limit = min(int(heavy), begin + ROWS_AT_ONCE)
            last = int(np.searchsorted(bounds, limit, side="right")) - 1
            last = min(max(last, first + 1), first + ITEMS_AT_ONCE, total)
            yield rows[begin : int(bounds[last])], first, last
            first = last

    # -------------------------------------------------------------- items

    def _items(self, rows: NDArray[np.int32], *, records: bool) -> list[Item]:
        subset = self._subset
        items = subset.images.items(rows, subset.first_item, subset.name)
        if records:
            owners = subset.owner[rows]
            for part in _distinct(owners):
                if part < 0:
                    continue
                chosen = np.flatnonzero(owners == part)
                texts = self._item_records(part, rows[chosen])
                for place, text in zip(chosen.tolist(), texts, strict=True):
                    items[place].record = text
        return items

    def _item_records(self, part: int, rows: NDArray[np.int32]) -> list[bytes]:
        images = self._subset.images
        source = self._subset.parts[part].source
        starts, lengths = images.start[rows].tolist(), images.length[rows].tolist()
        low = min(starts)
        high = max(start + length for start, length in zip(starts, lengths, strict=True))
        if high - low > 4 * sum(lengths) + 65536:
            return source.gather(list(zip(starts, lengths, strict=True)))
        text = source.read(low, high - low)
        return [
            text[start - low : start - low + length]
            for start, length in zip(starts, lengths, strict=True)
        ]

    # -------------------------------------------------------------- text

    def _gather(
        self, rows: NDArray[np.int64], *, whole: bool, text: bytes = b"", at: int = -1
    ) -> list[bytes]:
        """Return the text of records, or of their segmentations."""
        block = self._subset.block
        starts = block.start[rows]
        lengths: NDArray[Any] = block.length[rows]
        if not whole:
            starts = starts + block.part_start[rows]
            lengths = block.part_length[rows]
        if at >= 0:
            begins = (starts - at).tolist()
            ends = (starts - at + lengths).tolist()
            return [text[begin:end] for begin, end in zip(begins, ends, strict=True)]
        spans = list(zip(starts.tolist(), lengths.tolist(), strict=True))
        if len(self._subset.parts) == 1:
            return self._subset.parts[0].source.gather(spans)
        owners = self._subset.part_of(rows).tolist()
        parts = self._subset.parts
        return [
            parts[part].source.read(start, length)
            for part, (start, length) in zip(owners, spans, strict=True)
        ]

    # -------------------------------------------------------------- a chunk

    def _chunk(
        self,
        rows: NDArray[np.int64],
        *,
        items: NDArray[np.int32] | None = None,
        text: bytes = b"",
        at: int = -1,
    ) -> Chunk:
        subset = self._subset
        block = subset.block
        outline, rows = self._outlines(rows, text, at)
        flags = block.flags[rows]
        if "outline" not in self._needs:
            outline = self._of_boxless(outline, flags)
        positions = subset.item[rows]
        if items is None:
            picked, item = np.unique(positions, return_inverse=True)
            items = picked.astype(np.int32)
        else:
            item = positions - (items[0] if len(items) else 0)
        box = block.box[rows]
        bounds = box.copy()
        bounds[:, 2:] += box[:, :2]
        attributes, extra = self._sparse(rows, flags, text, at)
        others = self._others(rows, flags, text, at)
        keypoints = self._keypoints(rows, flags, text, at)
        named = own_fields(extra, others, keypoints.lengths > 0)
        return Chunk(
            items=self._items(items, records="extra" in self._needs and at < 0),
            item=item.astype(np.int32),
            order=subset.numbers_of(rows) + subset.first_order,
            label=subset.label[rows],
            labels=self._labels,
            bounds=bounds,
            rotated=self._rotated(rows),
            outline=outline,
            runs=self._runs(rows, flags, text, at),
            keypoints=keypoints,
            score=np.full(len(rows), np.nan) if block.score is None else block.score[rows],
            area=block.area[rows],
            crowd=(flags & CROWD) != 0,
            ids=self._ids(rows),
            shapes=(flags & SHAPES).astype(np.uint8),
            attributes=attributes,
            extra=extra,
            others=others,
            named=named,
            origin=self._origin(rows, flags, text, at),
        )

    def _ids(self, rows: NDArray[np.int64]) -> list[Any]:
        column = self._subset.block.id
        if isinstance(column, np.ndarray):
            some = column[rows]
            ids: list[Any] = some.tolist()
            if (some == NO_ID).any():
                ids = [None if value == NO_ID else value for value in ids]
            return ids
        return [column[row] for row in rows.tolist()]

    def _rotated(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        rotated = np.full((len(rows), 5), np.nan)
        table = self._subset.block.rotated
        if table:
            for place, row in enumerate(rows.tolist()):
                if row in table:
                    rotated[place] = table[row]
        return rotated

    def _origin(
        self, rows: NDArray[np.int64], flags: NDArray[np.uint16], text: bytes, at: int
    ) -> Origin:
        subset = self._subset
        block = subset.block
        owners = subset.part_of(rows)
        parts = _distinct(owners)
        spans = None
        if at >= 0 and self._raw:
            spans = np.empty((len(rows), 2), dtype=np.int64)
            spans[:, 0] = block.start[rows] - at
            spans[:, 1] = spans[:, 0] + block.length[rows]
        elif self._raw and "raw" in self._needs:
            pieces = self._gather(rows, whole=True)
            ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
            spans = np.column_stack((ends - block.length[rows], ends))
            text = b"".join(pieces)
        else:
            text = b""
        if spans is not None:
            text = self._mended(flags, text, spans)
        first = subset.parts[parts[0] if parts else 0]
        return Origin(
            format="coco",
            path=" + ".join(subset.parts[part].shown for part in parts) or first.shown,
            unit=first.unit,
            number=subset.numbers_of(rows) - np.array(subset.first_rows, dtype=np.int64)[owners],
            buffer=text,
            spans=spans,
        )

    def _mended(self, flags: NDArray[np.uint16], text: bytes, spans: NDArray[np.int64]) -> bytes:
        """Append the records in which something was left out, without that; set their spans."""
        pieces = [text]
        end = len(text)
        for place in np.flatnonzero((flags & REPAIRED) != 0).tolist():
            start, stop = spans[place].tolist()
            posed = bool(flags[place] & KEYPOINTS)
            piece = mended_record(text[start:stop], self._context.limits, posed=posed)
            pieces.append(piece)
            spans[place] = end, end + len(piece)
            end += len(piece)
        return b"".join(pieces) if len(pieces) > 1 else text

    # -------------------------------------------------------------- shapes

    def _outlines(
        self, rows: NDArray[np.int64], text: bytes, at: int
    ) -> tuple[Rings, NDArray[np.int64]]:
        """Decode the polygons; rows in which nothing can be used are left out."""
        block = self._subset.block
        flags = block.flags[rows]
        chosen = np.flatnonzero((flags & OUTLINE) != 0)
        if not self._check:
            chosen = self._boxless(flags, OUTLINE)
        if not len(chosen):
            return Rings.empty(len(rows)), rows
        texts = self._gather(rows[chosen], whole=False, text=text, at=at)
        odd = (flags[chosen] & ODD) != 0
        rings, faults = decode_outlines(texts, odd, self._context.limits)
        dead: set[int] = set()
        for place, fault in faults.items():
            if self._tell(int(rows[chosen[place]]), fault):
                dead.add(place)
        self._disagreements(rows[chosen], rings)
        keep = np.ones(len(rows), dtype=np.bool_)
        keep[chosen[sorted(dead)]] = False
        return _spread(rings, chosen, len(rows), keep), rows[keep]

    def _boxless(self, flags: NDArray[np.uint16], shape: int) -> NDArray[np.intp]:
        """Return the rows whose box can be had from an outline or mask only: they keep it."""
        if not self._needs:
            return np.zeros(0, dtype=np.intp)
        return np.flatnonzero((flags & (BOX | ROTATED | shape)) == shape)

    def _of_boxless(self, outline: Rings, flags: NDArray[np.uint16]) -> Rings:
        """Return the outlines of the rows without a box; the others have none."""
        kept = self._boxless(flags, OUTLINE)
        if not len(kept) or not len(outline.xy):
            return Rings.empty(len(flags))
        chosen = np.zeros(len(flags), dtype=np.bool_)
        chosen[kept] = True
        found = outline.take(kept)
        return Rings(found.xy, found.rings, found.parts, _rows_of(chosen, found.part_counts))

    def _tell(self, row: int, fault: Outline | FaultError) -> bool:
        """Tell what is wrong with an outline, once; return whether the row is left out."""
        block = self._subset.block
        first = not block.flags[row] & (TOLD | REPAIRED)
        problems = self._context.problems
        if isinstance(fault, FaultError):
            block.flags[row] |= DEAD
            problems.skipped(fault.code, str(fault), **self._where(row, ".segmentation"))
            return True
        block.flags[row] |= TOLD | REPAIRED
        if len(fault.rings) < 2:
            block.flags[row] &= ~np.uint16(PARTS)
        if first:
            for one in fault.faults:
                problems.repaired(
                    one.code,
                    f"{one} (this ring is left out)",
                    **self._where(row, ".segmentation"),
                )
        return False

    def _where(self, row: int, field: str = "") -> dict[str, Any]:
        subset = self._subset
        rows = np.array([row])
        part = int(subset.part_of(rows)[0])
        number = int(subset.numbers_of(rows)[0]) - subset.first_rows[part]
        index = subset.parts[part]
        return {
            "path": index.shown,
            "location": index.unit.format(number) + field,
            "annotation_id": identifier(subset.block.id, row),
        }

    def _disagreements(self, rows: NDArray[np.int64], outline: Rings) -> None:
        """Tell of boxes that lie apart from their outlines."""
        from dlgeom.geometry.rings import row_bounds

        block = self._subset.block
        extent = row_bounds(outline)
        left, top, width, height = block.box[rows].T
        with np.errstate(invalid="ignore"):
            apart = (
                (extent[:, 0] > left + width + FAR)
                | (extent[:, 2] < left - FAR)
                | (extent[:, 1] > top + height + FAR)
                | (extent[:, 3] < top - FAR)
            )
        for place in np.flatnonzero(apart).tolist():
            row = int(rows[place])
            if block.flags[row] & (TOLD | DEAD):
                continue
            block.flags[row] |= TOLD
            self._context.problems.warning(
                "geometry.disagree",
                "bbox and segmentation lie apart; both are kept as they are",
                **self._where(row, ".bbox"),
            )

    def _runs(
        self,
        rows: NDArray[np.int64],
        flags: NDArray[np.uint16],
        text: bytes,
        at: int,
    ) -> Runs:
        chosen = np.flatnonzero((flags & RUNS) != 0)
        if "runs" not in self._needs:
            chosen = self._boxless(flags, RUNS)
        if not len(chosen):
            return Runs.empty(len(rows))
        texts = self._gather(rows[chosen], whole=False, text=text, at=at)
        runs = decode_masks(texts, self._context.limits)
        if len(chosen) == len(rows):
            return runs
        lengths = np.zeros(len(rows) + 1, dtype=np.int64)
        lengths[chosen + 1] = np.diff(runs.offsets)
        shape = np.zeros((len(rows), 2), dtype=np.int64)
        shape[chosen] = runs.shape
        return Runs(runs.counts, np.cumsum(lengths), shape)

    def _keypoints(
        self,
        rows: NDArray[np.int64],
        flags: NDArray[np.uint16],
        text: bytes,
        at: int,
    ) -> Ragged:
        chosen = np.flatnonzero((flags & KEYPOINTS) != 0)
        if not len(chosen) or "keypoints" not in self._needs:
            return Ragged.empty(len(rows))
        records = self._gather(rows[chosen], whole=True, text=text, at=at)
        results = self._subset.parts[0].results
        points = decode_keypoints(records, results=results)
        lengths = np.zeros(len(rows) + 1, dtype=np.int64)
        lengths[chosen + 1] = points.lengths
        return Ragged(points.values, np.cumsum(lengths))

    # -------------------------------------------------------------- sparse columns

    def _sparse(
        self,
        rows: NDArray[np.int64],
        flags: NDArray[np.uint16],
        text: bytes,
        at: int,
    ) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
        chosen = np.flatnonzero((flags & (ATTRIBUTES | EXTRA)) != 0)
        if "extra" not in self._needs:
            chosen = chosen[:0]
        attributes: dict[int, dict[str, Any]] = {}
        extra: dict[int, dict[str, Any]] = {}
        records = self._gather(rows[chosen], whole=True, text=text, at=at)
        for place, record in zip(chosen.tolist(), records, strict=True):
            some, fields = sparse_fields(record, shape=not flags[place] & CAPTION)
            if some:
                attributes[place] = some
            if fields:
                extra[place] = fields
        return attributes, extra

    def _others(
        self, rows: NDArray[np.int64], flags: NDArray[np.uint16], text: bytes, at: int
    ) -> dict[int, Any]:
        chosen = np.flatnonzero((flags & OTHER) != 0)
        if not len(chosen) or not self._needs:
            return {}
        from dlgeom.annotation import Annotation
        from dlgeom.definitions import Classification, Description

        texts = self._gather(rows[chosen], whole=True, text=text, at=at)
        captions = _captions(texts)
        labels = self._subset.label[rows[chosen]].tolist()
        ids = self._ids(rows[chosen])
        found: dict[int, Any] = {}
        for place, name, label, caption in zip(chosen.tolist(), ids, labels, captions, strict=True):
            known = self._labels[label].name if label >= 0 else None
            definition: Any
            if flags[place] & CAPTION:
                definition = Description(caption or "", label=known)
            else:
                definition = Classification(known or "")
            found[place] = Annotation(annotation_definition=definition, id=name)
        return found


def _distinct(numbers: NDArray[np.integer[Any]]) -> list[int]:
    """Return the values that occur, in order; mostly all are the same, which takes no sort."""
    if len(numbers) and (numbers == numbers[0]).all():
        return [int(numbers[0])]
    found: list[int] = np.unique(numbers).tolist()
    return found


class _Caption(msgspec.Struct, gc=False):
    caption: str | None = None


_CAPTIONS = msgspec.json.Decoder(list[_Caption])


def _captions(records: Sequence[bytes]) -> list[str | None]:
    try:
        return [row.caption for row in _CAPTIONS.decode(b"[" + b",".join(records) + b"]")]
    except (msgspec.DecodeError, RecursionError):
        return [strict_json(record).get("caption") for record in records]


def _spread(rings: Rings, chosen: NDArray[np.int64], count: int, keep: NDArray[np.bool_]) -> Rings:
    """Return the outline of `count` rows of which the chosen ones have one, kept rows only."""
    marked = np.zeros(count, dtype=np.bool_)
    marked[chosen] = True
    whole = Rings(rings.xy, rings.rings, rings.parts, _rows_of(marked, rings.part_counts))
    return whole if keep.all() else whole.take(np.flatnonzero(keep))


def _rows_of(chosen: NDArray[np.bool_], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the offsets of all rows of which the chosen ones have so many parts."""
    lengths = np.zeros(len(chosen) + 1, dtype=np.int64)
    lengths[1:][chosen] = counts
    return np.cumsum(lengths)
