"""Writing COCO: records in the order of the source, in flat memory.

A COCO source comes out value by value: its own text is copied, and only keys that had to change
are set anew. Records of other sources are built from the columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import ALL, DROPPED, Losses, Meta, WriteContext, Writer
from dlgeom.converters.coco import write_edit
from dlgeom.converters.coco.options import WRITE_OPTIONS
from dlgeom.converters.coco.own_labels import own_labels
from dlgeom.converters.coco.read_json import edit, strict_json
from dlgeom.converters.coco.write_codes import CODES, drop
from dlgeom.converters.coco.write_ids import Categories, CategoriesOfFiles, Ids, encode_json
from dlgeom.converters.coco.write_judge import drop_outside, without_faults
from dlgeom.converters.coco.write_parts import PartRoot, PartState, texts_of, with_ids
from dlgeom.converters.coco.write_records import (
    Choices,
    build,
    find_unwritable,
    numbers_of_points,
)
from dlgeom.converters.coco.write_root import ARRAYS, ListFile, RootFile, own_sections
from dlgeom.converters.coco.write_seen import SeenImages
from dlgeom.converters.coco.write_sizes import areas, boxes, shortest_sizes
from dlgeom.converters.fields import ALL_FIELDS
from dlgeom.converters.image_files import WithImages
from dlgeom.converters.lower_to import Nearest
from dlgeom.converters.names import Claims
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.geometry import raster
from dlgeom.geometry.ragged import Rings
from dlgeom.item import Item

if TYPE_CHECKING:
    from dlgeom.converters.parallel.emit import Gathered

__all__ = ["WRITE_OPTIONS", "create_writer"]

Changes = dict[int, dict[str, bytes | None]]
"""Place of a record -> keys to set, or to leave out."""


def create_writer(context: WriteContext) -> Writer:
    """Return the writer for instances (also keypoints and captions) or for panoptic files."""
    task = _option(context, "coco_task")
    writer: Writer
    if task == "panoptic" or (task == "auto" and "panoptic" in context.meta.extra):
        from dlgeom.converters.coco.panoptic_writer import PanopticWriter

        writer = PanopticWriter(context)
    else:
        writer = CocoWriter(context)
    return writer if context.image_files == "none" else WithImages(writer, context)


def _option(context: WriteContext, name: str) -> Any:
    known = {option.name: option.default for option in WRITE_OPTIONS}
    value = context.options.get(name)
    return known[name] if value is None else value


class Target:
    """One file of the output with the ids given in it."""

    def __init__(
        self,
        root: RootFile | ListFile | PartRoot,
        categories: Categories,
        *,
        copies: bool,
        last_ids: tuple[int, int] = (0, 0),
    ) -> None:
        self.root = root
        self.categories = categories
        self.copies = copies
        # What needs a new id gets one that no later record of the source has.
        self.image_ids, self.annotation_ids = (Ids(last + 1) for last in last_ids)
        self.seen = SeenImages()


class CocoWriter:
    """Writes COCO instances, keypoints and captions, all in the same records.

    Parameters
    ----------
    context : WriteContext
        With `Output.single` one file gets all subsets; a folder gets
        ``annotations/instances_<subset>.json`` for each.
    """

    grouped = False
    holds = frozenset({"class", "item_description", "point"})
    nearest = Nearest(shape="outline", boxed=True, points=True)

    def __init__(self, context: WriteContext) -> None:
        self._context = context
        meta = context.meta
        recompute = _option(context, "coco_recompute")
        self._choices = Choices(
            crowd=_option(context, "coco_crowd"),
            holes=_option(context, "coco_holes"),
            recompute_bbox=recompute in ("bbox", "both"),
            recompute_area=recompute in ("area", "both"),
            box_polygons=bool(_option(context, "coco_box_polygons")),
            unseen=bool(meta.extra.get("coco_results")),
        )
        task = _option(context, "coco_task")
        from_results = bool(meta.extra.get("coco_results"))
        self._results = task == "results" or (task == "auto" and from_results)
        self._from_coco = meta.format == "coco" and (
            self._results
            if from_results
            else bool({"images", "annotations"} & meta.sections.keys())
        )
        # A list of results has room for records only; what it says of images is their id.
        bare = self._results and not from_results
        self.item_fields = self.label_fields = frozenset({"id"}) if bare else ALL_FIELDS
        self.section_fields = ALL_FIELDS if self._from_coco and not bare else frozenset()
        self._repeats = self._from_coco and bool(meta.extra.get("coco_repeats"))
        copies = self._from_coco and "panoptic" not in meta.extra and recompute == "none"
        self.needs: frozenset[str] = frozenset() if copies else ALL
        self._targets: dict[str, Target] = {}
        self._claims = Claims()
        packed = _option(context, "coco_compress")
        self._ending = "" if packed == "none" else f".{packed}"
        # Ids of several subsets meet in one file: those that were unique may not be so there.
        self._merges = len(meta.subsets) > 1 and (
            context.output.single or context.subset is not None
        )
        self._categories = CategoriesOfFiles(
            meta,
            Problems() if context.part else context.problems,
            apart=self._from_coco and not self._merges,
            from_one=_option(context, "coco_category_ids") == "from1",
        )
        # So do ids of several files of one subset: those of captions and things, for one.
        self._renumbers = self._merges or bool(meta.extra.get("coco_joined"))
        self._pending = _lost_by_merging(meta) if self._merges and not context.part else Counter()
        self._wished = False
        self._added: Counter[str] = Counter()
        # A list has no images, and the records of a COCO source are copied as they are.
        self.sized = "no" if self._results or self._from_coco else "items"
        self._last_items: Any = None
        self._last_images: list[Any] = []
        self._last_targets: list[Target] = []

    # -------------------------------------------------------------- files

    def _target(self, subset: str | None) -> Target:
        output = self._context.output
        name = self._context.subset or subset or "train"
        key = "" if output.single else name
        found = self._targets.get(key)
        if found is None:
            found = self._targets[key] = self._open(key, self._categories.of(subset))
        return found

    def _open(self, subset: str, categories: Categories) -> Target:
        context = self._context
        meta = context.meta
        if context.part:
            return Target(PartRoot(subset), categories, copies=False)
        last = meta.extra.get("coco_last_ids", (0, 0)) if self._from_coco else (0, 0)
        if context.output.single:
            name = context.output.name
        else:
            safe = re.sub(r"[^\w.-]", "_", subset).lstrip(".") or "train"
            kind = "results" if self._results else "instances"
            name, _ = self._claims.claim(f"annotations/{kind}_{safe}.json" + self._ending)
        if self._results:
            return Target(
                ListFile(context.output, name), categories, copies=self._from_coco, last_ids=last
            )
        sections: Mapping[str, bytes] = meta.subset_sections.get(subset, meta.sections)
        if not self._from_coco:
            sections = own_sections(meta.format)
        root = RootFile(
            context.output,
            name,
            sections,
            items_first=self._from_coco and meta.items_first and not self._merges,
        )
        return Target(root, categories, copies=self._from_coco, last_ids=last)

    # -------------------------------------------------------------- images

    def _items(self, chunk: Chunk) -> None:
        """Write the images that come for the first time; find file and id of all of them."""
        if chunk.items is self._last_items:
            return
        targets: list[Target] = []
        images: list[Any] = []
        fresh: dict[int, list[bytes]] = {}
        for item in chunk.items:
            target = self._target(item.subset)
            identifier = target.seen.get(item)
            again = identifier is not None and self._repeats and not len(chunk)
            if identifier is None or again:
                if not again:
                    identifier = self._image_id(target, item)
                    self._pending["image.subset"] += self._merges and item.subset is not None
                target.seen.put(item, identifier)
                fresh.setdefault(id(target), []).append(self._image(target, item, identifier))
            targets.append(target)
            images.append(identifier)
        for target in self._targets.values():
            if id(target) in fresh:
                target.root.add("images", b",\n".join(fresh[id(target)]))
        self._last_items, self._last_images, self._last_targets = chunk.items, images, targets

    def _image_id(self, target: Target, item: Item) -> Any:
        if isinstance(target.root, PartRoot):
            self._wished |= item.id is not None or item.name is None or bool(item.record)
            return target.root.image_id()
        if target.copies and not self._merges and item.id is not None:
            return item.id
        kinds = target.copies and bool(item.record)
        identifier, kept = target.image_ids.take(item.id, any_kind=kinds)
        self._pending["image.id"] += target.copies and not kept
        return identifier

    def _image(self, target: Target, item: Item, identifier: Any) -> bytes:
        if self._results:
            return b""
        if item.record:
            return write_edit.item_record(item, identifier, self._context.limits)
        if item.width is None or item.height is None:
            raise FormatError(
                "the size of the image is not known; COCO images have width and height. "
                "Tell where the images are with --images",
                code="image.size",
                path=item.name,
            )
        record = {
            "id": identifier,
            "file_name": item.name if item.name is not None else str(identifier),
            "width": item.width,
            "height": item.height,
        }
        for key, value in (item.fields or {}).items():
            record.setdefault(key, value)
        return encode_json(record)

    # -------------------------------------------------------------- records

    def write(self, chunk: Chunk) -> Losses:
        """Write the images and records of a chunk."""
        losses = Losses.none(len(chunk), CODES)
        self._items(chunk)
        losses.fields.update(+self._pending)
        self._pending.clear()
        if not len(chunk):
            return losses
        if self._choices.crowd == "drop" and chunk.crowd.any():
            drop(losses, chunk.crowd, "option.crowd")
        places = self._last_targets
        if len(self._targets) == 1:
            target = next(iter(self._targets.values()))
            self._rows(target, chunk, np.arange(len(chunk)), losses)
            return losses
        distinct = list({id(target): target for target in places}.values())
        index = {id(target): number for number, target in enumerate(distinct)}
        of_item = np.array([index[id(target)] for target in places])
        of_row = of_item[chunk.item]
        for number, target in enumerate(distinct):
            rows = np.flatnonzero(of_row == number)
            if len(rows):
                self._rows(target, chunk, rows, losses)
        return losses

    def _rows(self, target: Target, chunk: Chunk, rows: NDArray[np.int64], losses: Losses) -> None:
        spans = chunk.origin.spans
        copied = np.zeros(len(rows), dtype=np.bool_)
        if target.copies and chunk.origin.format == "coco" and spans is not None:
            copied = spans[rows, 1] > spans[rows, 0]
        if copied.all():
            alive = rows[losses.status[rows] != DROPPED]
            self._count_children(chunk, alive, losses)
            target.root.add("annotations", self._copied(target, chunk, alive, losses.fields))
            return
        records: list[Any] = [None] * len(rows)
        if copied.any():
            places = np.flatnonzero(copied)
            pieces = self._pieces(target, chunk, rows[places], losses.fields)
            for place, text in zip(places.tolist(), pieces, strict=True):
                records[place] = msgspec.Raw(text)
        built = np.flatnonzero(~copied)
        part_losses = self._build(target, chunk, rows[built], records, built, losses)
        chosen = rows[built]
        losses.status[chosen] = part_losses.status
        losses.code[chosen] = part_losses.code
        losses.measure[chosen] = part_losses.measure
        losses.fields.update(part_losses.fields)
        alive_rows = losses.status[rows] != DROPPED
        self._count_children(chunk, rows[alive_rows], losses)
        if not alive_rows.all():
            records = [records[place] for place in np.flatnonzero(alive_rows).tolist()]
        target.root.add("annotations", msgspec.json.encode(records)[1:-1])

    @staticmethod
    def _count_children(chunk: Chunk, rows: NDArray[np.int64], losses: Losses) -> None:
        if chunk.children:
            alive = set(rows.tolist())
            lost = sum(len(parts) for row, parts in chunk.children.items() if row in alive)
            if lost:
                losses.fields["children"] += lost

    def _build(
        self,
        target: Target,
        chunk: Chunk,
        rows: NDArray[np.int64],
        records: list[Any],
        places: NDArray[np.int64],
        losses: Losses,
    ) -> Losses:
        """Build records from columns into their places."""
        part = chunk if len(rows) == len(chunk) else chunk.select(rows)
        inner = Losses.none(len(part), CODES)
        inner.status[:] = losses.status[rows]
        inner.code[:] = losses.code[rows]
        labels = target.categories.indexes(part)
        find_unwritable(part, inner)
        part = without_faults(part, inner, self._context.limits)
        box = boxes(part, recompute=self._choices.recompute_bbox, unseen=self._choices.unseen)
        drop_outside(part, box, inner)
        ids = target.categories.ids()
        images = self._last_images
        items = part.item.tolist()
        given = self._annotation_ids(target, part, inner)
        replaced: dict[int, Any] | None = {} if self._context.measure else None
        built = build(
            part,
            box,
            given,
            [images[index] for index in items],
            [ids[index] for index in labels],
            self._choices,
            inner,
            replaced,
        )
        if replaced:
            outlines: list[Any] = [None] * len(chunk)
            for row, parts in replaced.items():
                outlines[int(rows[row])] = parts
            losses.replaced = Rings.of(outlines)
        for place, record in zip(places.tolist(), built, strict=True):
            records[place] = record
        for row, count in numbers_of_points(part).items():
            index = labels[row]
            if index >= 0 and len(part.labels[int(part.label[row])].keypoints) < count:
                target.categories.has_points(index, count)
        return inner

    def _annotation_ids(self, target: Target, chunk: Chunk, losses: Losses) -> list[Any]:
        """Return the id of each row; dropped rows use none up."""
        dropped = losses.status == DROPPED
        count = len(chunk)
        if isinstance(target.root, PartRoot):
            self._wished |= chunk.ids.count(None) < count
            return target.root.annotation_ids(dropped)
        if chunk.ids.count(None) == count and not dropped.any():
            return list(target.annotation_ids.run(count))
        alive = np.flatnonzero(~dropped).tolist()
        given, changed = target.annotation_ids.take_all(
            [chunk.ids[row] for row in alive], any_kind=target.copies
        )
        result: list[Any] = [None] * count
        for row, identifier in zip(alive, given, strict=True):
            result[row] = identifier
        if changed:
            losses.fields["id"] += changed
        return result

    # -------------------------------------------------------------- records of a COCO source

    def _copied(
        self, target: Target, chunk: Chunk, rows: NDArray[np.int64], fields: Counter[str]
    ) -> bytes:
        """Return the source's text of the rows, separated by commas."""
        whole = write_edit.contiguous(chunk, rows)
        if whole is None:
            return b",\n".join(self._pieces(target, chunk, rows, fields))
        changes = self._changes(target, chunk, rows, whole, fields)
        return b",\n".join(_edited(chunk, rows, changes)) if changes else whole

    def _pieces(
        self, target: Target, chunk: Chunk, rows: NDArray[np.int64], fields: Counter[str]
    ) -> list[bytes]:
        """Return the source's text of each row, with what has to change set anew."""
        text = b",".join(write_edit.texts(chunk, rows))
        return _edited(chunk, rows, self._changes(target, chunk, rows, text, fields))

    def _changes(
        self,
        target: Target,
        chunk: Chunk,
        rows: NDArray[np.int64],
        text: bytes,
        fields: Counter[str],
    ) -> Changes:
        """Return place in `rows` -> keys that differ from the source's record."""
        changes: Changes = {}
        ids = target.categories.ids()
        every = len(rows) == len(chunk)
        labels = target.categories.indexes(chunk, None if every else rows)
        items = chunk.item.tolist() if every else chunk.item[rows].tolist()
        images = self._last_images
        # pycocotools asks each record for its id, and for its category once there are any. Captions
        # in a file that has come together from several get one; those of one file stay as they are.
        asked = self._renumbers and len(target.categories.labels) > 0 and not self._results
        for place, (head, index, item) in enumerate(
            zip(write_edit.heads(text), labels, items, strict=True)
        ):
            if index < 0:
                if asked and head.category_id is msgspec.UNSET:
                    changes.setdefault(place, {})["category_id"] = b"null"
                    self._added["category_id"] += 1
            elif head.category_id != ids[index]:
                changes.setdefault(place, {})["category_id"] = encode_json(ids[index])
            if head.image_id != images[item]:
                changes.setdefault(place, {})["image_id"] = encode_json(images[item])
            if self._results or (head.id is not None and not self._renumbers):
                continue
            given, kept = target.annotation_ids.take(chunk.ids[rows[place]], any_kind=True)
            if not kept:
                changes.setdefault(place, {})["id"] = encode_json(given)
                (self._added if head.id is None else fields)["id"] += 1
        self._recomputed(chunk, rows, changes)
        return changes

    def _recomputed(self, chunk: Chunk, rows: NDArray[np.int64], changes: Changes) -> None:
        choices = self._choices
        if not (choices.recompute_bbox or choices.recompute_area or choices.box_polygons):
            return
        part = chunk if len(rows) == len(chunk) else chunk.select(rows)
        drawn = (part.outline.part_counts > 0) | part.runs.present
        box = boxes(part, recompute=choices.recompute_bbox, unseen=choices.unseen)
        if choices.recompute_bbox:
            sizes = shortest_sizes(box[:, :2], box[:, 2:])
            for row in np.flatnonzero(drawn).tolist():
                value = [*box[row, :2].tolist(), *sizes[row].tolist()]
                changes.setdefault(row, {})["bbox"] = encode_json(value)
        if choices.recompute_area:
            area = areas(part, box, recompute=True)
            plain = drawn | ((part.keypoints.lengths == 0) & np.isfinite(area))
            for row in np.flatnonzero(plain).tolist():
                changes.setdefault(row, {})["area"] = encode_json(float(area[row]))
        if choices.box_polygons:
            from dlgeom.chunk import BOX

            sides = part.bounds[:, 2:] - part.bounds[:, :2]
            alone = (part.shapes == BOX) & (sides > raster.FLAT).all(axis=1)
            rings = part.bounds[:, [0, 1, 2, 1, 2, 3, 0, 3]]
            for row in np.flatnonzero(alone).tolist():
                value = [rings[row].tolist()]
                changes.setdefault(row, {})["segmentation"] = encode_json(value)

    # -------------------------------------------------------------- in parts

    places = True
    """What a part has written is put in its place by the process that was asked."""
    first_here = True

    @property
    def single(self) -> bool:
        """Whether the target is one file."""
        return self._context.output.single

    @property
    def divisible(self) -> bool:
        """Whether other processes may write parts: of sources whose records have no ids."""
        return self._context.meta.format in ("yolo", "voc") and not self._results

    def state(self) -> PartState:
        """Return what the writer of a part knows at its end; texts go to the spool."""
        roots = [(target.root, target.categories) for target in self._targets.values()]
        return PartState(
            wished=self._wished,
            files=[
                root.finished(self._context.output, categories)
                for root, categories in roots
                if isinstance(root, PartRoot)
            ],
        )

    def absorb(self, state: PartState, gathered: Gathered) -> bool:
        """Take what a part has written; False where it has ids of its own."""
        if state.wished:
            return False
        texts = texts_of(gathered)
        for file in state.files:
            target = self._target(file.subset or None)
            images = target.image_ids.run(file.images)
            annotations = target.annotation_ids.run(file.annotations)
            for index, count in file.points.items():
                target.categories.has_points(index, count)
            if texts is not None and not isinstance(target.root, PartRoot):
                target.root.add("images", with_ids(next(texts), images))
                target.root.add("annotations", with_ids(next(texts), images, annotations))
        return True

    def finish(self) -> None:
        """Write what can be known only at the end, and give the files their names."""
        if not self._context.meta.subsets:
            self._target(None)
        for subset in self._context.meta.subsets:
            self._target(subset)
        for target in self._targets.values():
            target.root.finish(target.categories.records(), always=not self._from_coco)
        for key, count in self._added.items():
            self._context.problems.notice(
                "schema.field",
                f"{count} records have no {key}, which COCO's own tools ask for; it was added",
            )


def _lost_by_merging(meta: Meta) -> Counter[str]:
    """Count what only one of several splits can say in one file: root values, categories."""
    lost: Counter[str] = Counter()
    for sections in meta.subset_sections.values():
        for key, raw in sections.items():
            if key not in ARRAYS and raw != meta.sections.get(key):
                lost[f"section.{key}"] += 1
    for subset in meta.subsets:
        for index, label in own_labels(meta, subset) or ():
            if label.record != meta.labels[index].record:
                here, there = strict_json(label.record), strict_json(meta.labels[index].record)
                lost.update(f"category.{key}" for key in here if here[key] != there.get(key))
    return lost


def _edited(chunk: Chunk, rows: NDArray[np.int64], changes: Changes) -> list[bytes]:
    """Return the source's text of each row with the changes made."""
    pieces = write_edit.texts(chunk, rows)
    for place, change in changes.items():
        pieces[place] = edit(pieces[place], change)
    return pieces
