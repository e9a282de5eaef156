"""Writing COCO panoptic: JSON and one PNG an image, whose colours are the ids of the segments.

Each pixel belongs to one segment at most: rows are painted in their order, a later one over an
earlier one, and what an earlier one loses is told.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import APPROXIMATED, DROPPED, Losses, WriteContext
from dlgeom.converters.coco import write_edit
from dlgeom.converters.coco.read_json import edit
from dlgeom.converters.coco.write_codes import CODES, approximate, drop
from dlgeom.converters.coco.write_ids import (
    Categories,
    CategoriesOfFiles,
    Ids,
    encode_json,
    is_integer,
    is_plain,
)
from dlgeom.converters.coco.write_records import find_unwritable
from dlgeom.converters.coco.write_root import RootFile, Spool, own_sections
from dlgeom.converters.fields import ALL_FIELDS
from dlgeom.converters.lower_to import Nearest
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.packed import bare_name
from dlgeom.converters.png import rgb_png
from dlgeom.errors import FormatError
from dlgeom.geometry import boxes, raster, rle, rotated
from dlgeom.geometry.segments import distinct_ids, paint, rgb_of, segment_runs
from dlgeom.item import Item

__all__ = ["PanopticWriter"]


class _Target:
    """One JSON and its folder."""

    def __init__(self, root: RootFile, categories: Categories, folder: str, spool: Spool) -> None:
        self.root = root
        self.categories = categories
        self.folder = folder
        self.ids = Ids()
        self.claims = Claims()
        # Images may come in the order of the annotations, but are listed in their own.
        self.images = spool
        self.places: list[tuple[int, int, int]] = []


class PanopticWriter:
    """Writes ``panoptic_<subset>.json`` and ``panoptic_<subset>/*.png``.

    Parameters
    ----------
    context : WriteContext
        A single-file target ``x.json`` gets its pictures in the folder ``x`` beside it.
    """

    grouped = True
    sized = "items"
    needs = frozenset({"outline", "runs", "extra"})
    holds: frozenset[str] = frozenset()
    nearest = Nearest(shape="outline")
    item_fields = label_fields = ALL_FIELDS

    def __init__(self, context: WriteContext) -> None:
        self._context = context
        meta = context.meta
        options = context.options
        self._crowd = options.get("coco_crowd") or "keep"
        recompute = options.get("coco_recompute") or "none"
        self._new_bbox = recompute in ("bbox", "both")
        self._new_area = recompute in ("area", "both")
        self._copies = "panoptic" in meta.extra and "annotations" in meta.sections
        self.section_fields = ALL_FIELDS if self._copies else frozenset()
        self._merges = len(meta.subsets) > 1 and (
            context.output.single or context.subset is not None
        )
        self._categories = CategoriesOfFiles(
            meta,
            context.problems,
            apart=self._copies and not self._merges,
            from_one=options.get("coco_category_ids") == "from1",
            panoptic=True,
        )
        self._targets: dict[str, _Target] = {}
        self._claims = Claims()
        packed = options.get("coco_compress") or "none"
        self._ending = "" if packed == "none" else f".{packed}"

    # -------------------------------------------------------------- files

    def _target(self, subset: str | None) -> _Target:
        output = self._context.output
        name = self._context.subset or subset or "train"
        key = "" if output.single else name
        found = self._targets.get(key)
        if found is None:
            found = self._targets[key] = self._open(key, self._categories.of(subset))
        return found

    def _open(self, subset: str, categories: Categories) -> _Target:
        context = self._context
        output, meta = context.output, context.meta
        if output.single:
            name = output.name
        else:
            safe = re.sub(r"[^\w.-]", "_", subset).lstrip(".") or "train"
            name, _ = self._claims.claim(f"annotations/panoptic_{safe}.json" + self._ending)
        folder = bare_name(name).removesuffix(".json")
        sections = meta.subset_sections.get(subset, meta.sections)
        if not self._copies:
            sections = own_sections(meta.format)
        spool = Spool(None if output.dry_run else output.root)
        return _Target(RootFile(output, name, sections), categories, folder, spool)

    # -------------------------------------------------------------- images

    def _image_id(self, target: _Target, item: Item) -> Any:
        if self._copies and not self._merges and item.id is not None:
            return item.id
        return target.ids.take(item.id, any_kind=self._copies and bool(item.record))[0]

    def _add_image(self, target: _Target, item: Item) -> Any:
        """Put the record of an image aside; return its id."""
        identifier = self._image_id(target, item)
        if item.width is None or item.height is None:
            raise FormatError(
                "the size of the image is not known; COCO images have width and height. "
                "Tell where the images are with --images",
                code="image.size",
                path=item.name,
            )
        if item.record:
            text = write_edit.item_record(item, identifier, self._context.limits)
        else:
            record = {
                "id": identifier,
                "file_name": item.name if item.name is not None else str(identifier),
                "width": item.width,
                "height": item.height,
            }
            for key, value in (item.fields or {}).items():
                if is_plain(value):
                    record.setdefault(key, value)
            text = encode_json(record)
        number = item.number if item.number >= 0 else len(target.places)
        target.places.append((number, target.images.size, len(text)))
        target.images.add(text)
        return identifier

    # -------------------------------------------------------------- segments

    def write(self, chunk: Chunk) -> Losses:
        """Paint and write the images of a chunk."""
        losses = Losses.none(len(chunk), CODES)
        find_unwritable(chunk, losses)
        if self._crowd == "drop" and chunk.crowd.any():
            drop(losses, chunk.crowd, "option.crowd")
        frames = getattr(chunk.origin, "frames", ())
        offsets = chunk.item_offsets.tolist()
        for index, item in enumerate(chunk.items):
            target = self._target(item.subset)
            identifier = self._add_image(target, item)
            rows = range(offsets[index], offsets[index + 1])
            frame = frames[index] if index < len(frames) else b""
            if frame or rows:
                self._frame(target, chunk, item, identifier, rows, frame, losses)
        self._count_fields(chunk, losses)
        return losses

    def _count_fields(self, chunk: Chunk, losses: Losses) -> None:
        alive = losses.status != DROPPED
        scores = np.isfinite(chunk.score) & alive
        if scores.any():
            losses.fields["score"] += int(scores.sum())
        for row, parts in chunk.children.items():
            if alive[row]:
                losses.fields["children"] += len(parts)

    def _frame(
        self,
        target: _Target,
        chunk: Chunk,
        item: Item,
        identifier: Any,
        rows: range,
        frame: bytes,
        losses: Losses,
    ) -> None:
        """Paint one image and write its record."""
        height, width = item.shape or (0, 0)
        self._context.limits.check(
            "pixels",
            height * width,
            code="limit.pixels",
            what=f"number of pixels of {item.name or identifier}",
        )
        canvas = np.zeros((height, width), dtype=np.uint32)
        given = self._segment_ids(chunk, rows, losses)
        areas = self._paint(chunk, rows, (height, width), canvas, given, losses)
        found, runs = segment_runs(canvas)
        place = dict(zip(found.tolist(), rle.bounds_many(runs).tolist(), strict=True))
        labels = target.categories.indexes(chunk, np.array(rows, dtype=np.int64))
        ids = target.categories.ids()
        entries = []
        for row in rows:
            if losses.status[row] == DROPPED:
                continue
            left, top, right, bottom = (int(edge) for edge in place[given[row]])
            box = [left, top, right - left, bottom - top]
            entries.append(
                self._entry(chunk, row, given[row], ids[labels[row - rows.start]], box, areas[row])
            )
        fields = msgspec.json.decode(frame) if frame else {}
        wish = fields.get("file_name")
        if not isinstance(wish, str):
            wish = stem_of(item.name or str(identifier)) + ".png"
        name, _ = target.claims.claim(output_name(safe_name(wish, limits=self._context.limits)[0]))
        self._context.output.write(f"{target.folder}/{name}", rgb_png(rgb_of(canvas)))
        target.root.add(
            "annotations", _frame_record(frame, fields, identifier, name, wish, entries)
        )

    def _segment_ids(self, chunk: Chunk, rows: range, losses: Losses) -> dict[int, int]:
        """Return row -> id: the source's where it is a colour of its own, else a running one."""
        alive = [row for row in rows if losses.status[row] != DROPPED]
        wishes = [chunk.ids[row] if is_integer(chunk.ids[row]) else None for row in alive]
        given = dict(zip(alive, distinct_ids(wishes), strict=True))
        changed = sum(
            chunk.ids[row] is not None and chunk.ids[row] != number for row, number in given.items()
        )
        if changed:
            losses.fields["id"] += changed
        return given

    def _paint(
        self,
        chunk: Chunk,
        rows: range,
        shape: tuple[int, int],
        canvas: NDArray[np.uint32],
        given: dict[int, int],
        losses: Losses,
    ) -> dict[int, int]:
        """Paint the rows in order; return row -> pixels left, and tell who lost any."""
        row_of = {value: row for row, value in given.items()}
        areas: dict[int, int] = {}
        full: dict[int, int] = {}
        for row in rows:
            if losses.status[row] == DROPPED:
                continue
            crop, left, top = self._pixels(chunk, row, shape, losses)
            if losses.status[row] == DROPPED:
                continue
            before = paint(canvas, crop, left, top, given[row])
            areas[row] = full[row] = len(before)
            hidden, counts = np.unique(before[before > 0], return_counts=True)
            for value, count in zip(hidden.tolist(), counts.tolist(), strict=True):
                areas[row_of[value]] -= count
        for row, area in areas.items():
            if area == 0:
                drop(losses, row, "geometry.overlap" if full[row] else "mask.empty")
            elif area < full[row]:
                known = losses.measure[row] if losses.status[row] == APPROXIMATED else 1.0
                rest = area / full[row] * (1.0 if np.isnan(known) else known)
                approximate(losses, row, "geometry.overlap", rest)
        return areas

    def _pixels(
        self, chunk: Chunk, row: int, shape: tuple[int, int], losses: Losses
    ) -> tuple[NDArray[np.bool_], int, int]:
        """Return the pixels of a row as a crop with its left and top."""
        parts: list[list[NDArray[np.float64]]]
        if chunk.outline.rows[row + 1] > chunk.outline.rows[row]:
            parts = chunk.outline.row(row)
        elif chunk.runs.present[row]:
            return rle.decode_crop(chunk.runs.row(row), shape)
        elif not np.isnan(chunk.rotated[row, 0]):
            parts = [[rotated.corners(chunk.rotated[row : row + 1])[0]]]
        elif not np.isnan(chunk.bounds[row, 0]):
            parts = [[boxes.box_rings(chunk.bounds[row : row + 1])[0]]]
        else:
            drop(losses, row, "geometry.none")
            return np.zeros((0, 0), dtype=np.bool_), 0, 0
        crop, left, top = raster.parts_to_crop(parts, shape)
        approximate(losses, row, "geometry.raster")
        return crop, left, top

    def _entry(
        self,
        chunk: Chunk,
        row: int,
        identifier: int,
        category: Any,
        box: list[int],
        area: int,
    ) -> bytes:
        """Return an entry of ``segments_info``."""
        raw = chunk.origin.raw(row) if self._copies else b""
        changes: dict[str, bytes | None] = {}
        if raw:
            head = msgspec.json.decode(raw)
            if head.get("category_id") != category:
                changes["category_id"] = encode_json(category)
            if self._new_bbox:
                changes["bbox"] = encode_json(box)
            if self._new_area:
                changes["area"] = encode_json(area)
            return edit(raw, changes) if changes else raw
        record: dict[str, Any] = {
            "id": identifier,
            "category_id": category,
            "area": area,
            "bbox": box,
            "iscrowd": int(chunk.crowd[row]),
        }
        attributes = chunk.attributes.get(row)
        if attributes and is_plain(attributes):
            record["attributes"] = attributes
        for key, value in chunk.extra.get(row, {}).items():
            if is_plain(value):
                record.setdefault(key, value)
        return encode_json(record)

    def finish(self) -> None:
        """Write images and categories, and give the files their names."""
        if not self._targets:
            self._target(None)
        for subset in self._context.meta.subsets:
            self._target(subset)
        for target in self._targets.values():
            for text in _in_order(target):
                target.root.add("images", text)
            target.images.close()
            target.root.finish(target.categories.records(), always=not self._copies)


def _in_order(target: _Target) -> list[bytes]:
    """Return the records of the images by their numbers in the source."""
    data = b"".join(target.images.blocks())
    if not data:
        return []
    return [data[start : start + size] for _, start, size in sorted(target.places)]


def _frame_record(
    frame: bytes,
    fields: dict[str, Any],
    identifier: Any,
    name: str,
    wish: str,
    entries: list[bytes],
) -> bytes:
    """Return the record of one image in ``annotations``."""
    segments = b"[" + b",".join(entries) + b"]"
    if not frame:
        return (
            b'{"image_id":' + encode_json(identifier) + b',"file_name":' + encode_json(name)
            + b',"segments_info":' + segments + b"}"
        )  # fmt: skip
    changes: dict[str, bytes | None] = {"segments_info": segments}
    if fields.get("image_id") != identifier:
        changes["image_id"] = encode_json(identifier)
    if name != wish:
        changes["file_name"] = encode_json(name)
    return edit(frame, changes)
