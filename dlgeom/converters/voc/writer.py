"""Writing Pascal VOC: an XML for each image, image sets, label map, mask pairs.

Text is assembled from constant fragments; every value goes through one escaping function. Plain
boxes, nearly all rows, are made in bulk from formatted columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import OUTLINE, RUNS, Chunk
from dlgeom.converters.base import DROPPED, Losses, WriteContext
from dlgeom.converters.fields import count_fields
from dlgeom.converters.image_files import ImageCopier
from dlgeom.converters.images import is_image_name
from dlgeom.converters.inputs import check_size
from dlgeom.converters.lower_to import Nearest
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.voc import write_lists
from dlgeom.converters.voc.options import WRITE_OPTIONS
from dlgeom.converters.voc.write_codes import CODES, approximate, drop
from dlgeom.converters.voc.write_files import claim_plain
from dlgeom.converters.voc.write_head import (
    END,
    HEAD_FIELDS,
    bare_head,
    head_text,
    heads_are_bare,
    text_or,
)
from dlgeom.converters.voc.write_judge import box_ious, drop_outside, judge, readable_rings
from dlgeom.converters.voc.write_numbers import number_texts, round_half_up
from dlgeom.converters.voc.write_objects import ObjectWriter
from dlgeom.converters.voc.write_sets import SetWriter
from dlgeom.converters.voc.write_shapes import (
    box_of_rows,
    points_of_rows,
    rings_of_rows,
)
from dlgeom.converters.voc.write_tags import note_classes, note_objects, tags_of_rows
from dlgeom.converters.voc.xmlio import VocItem, escape
from dlgeom.errors import FormatError
from dlgeom.geometry.ragged import Rings
from dlgeom.item import Item

if TYPE_CHECKING:
    from dlgeom.converters.parallel.emit import Gathered

__all__ = ["WRITE_OPTIONS", "VocWriter", "create_writer"]


_MIDDLE = (
    "</xmin>\n\t\t\t<ymin>",
    "</ymin>\n\t\t\t<xmax>",
    "</xmax>\n\t\t\t<ymax>",
    "</ymax>\n\t\t</bndbox>\n\t</object>\n",
)
_BEFORE = (
    "</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
    "\t\t<difficult>0</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>"
)
_KEPT = frozenset({"score", "bbox", "attributes", "children", "extra"})


def create_writer(context: WriteContext) -> VocWriter:
    """Start a VOC target; the task is ``detect`` (XML) or ``segment`` (XML and mask pairs)."""
    return VocWriter(context)


class VocWriter:
    """Writes chunks as they come; see `dlgeom.converters.base.Writer`."""

    grouped = True
    holds = frozenset({"class", "point"})

    def __init__(self, context: WriteContext) -> None:
        options = context.options
        self._context = context
        self._segment = context.task == "segment"
        polygons = options.get("voc_polygons", "auto")
        # What a VOC source has in its XML is not lost by the task.
        held = self._segment or context.meta.format == "voc"
        self._polygons = polygons == "yes" or (polygons == "auto" and held)
        self._robndbox = options.get("voc_robndbox", "yes") == "yes"
        self._rounded = options.get("voc_numbers", "float") == "int"
        self._base = int(options.get("voc_base", 0))
        self._lists = options.get("voc_class_sets", "auto")
        shapes = {"outline", "runs"} if self._segment else set()
        shapes |= {"outline"} if self._polygons else set()
        self.needs = frozenset({"keypoints", "extra"} | shapes)
        self.nearest = Nearest(
            shape="outline" if self._segment or self._polygons else "box", lines=True, boxed=True
        )
        # A VOC source keeps all; of others those that once came from one.
        heads = HEAD_FIELDS | ({"void"} if self._segment else set())
        self.item_fields = None if context.meta.format == "voc" else frozenset(heads)
        self._claims = Claims()
        share = max(context.limits.index_bytes // 8, 1)
        self._sets = SetWriter(context.meta, context.subset or "train", share)
        self._prefixes: list[str | None] = []
        self._indexes: list[int | None] = []
        self._labels = context.meta.labels
        self._palette = write_lists.palette_of(context.meta, self._labels)
        self._copier: ImageCopier | None = None
        if context.image_files != "none":
            self._copier = ImageCopier(
                context.output, context.meta.images_root, context.image_files, context.problems
            )

    # -- a chunk ---------------------------------------------------------------------------

    def write(self, chunk: Chunk) -> Losses:
        """Write the images of a chunk, each with its XML and masks."""
        losses = Losses.none(len(chunk), CODES)
        self._learn_labels(chunk)
        boxes = box_of_rows(chunk)
        tags = np.zeros(len(chunk), dtype=np.bool_)
        if self._lists != "no":
            tags = tags_of_rows(chunk, boxes)
        maker = ObjectWriter(
            chunk,
            base=self._base,
            robndbox=self._robndbox,
            polygons=self._polygons,
            rounded=self._rounded,
            points=points_of_rows(chunk, boxes),
            limits=self._context.limits,
        )
        elsewhere = tags.copy()
        elsewhere[list(maker.points)] = True
        self._drop_unwritable(chunk, boxes, elsewhere, losses)
        own = self._own_texts(chunk, maker, losses)
        limits = self._context.limits
        drop_outside(chunk, self._read_back(boxes), own, losses, limits)
        rings = rings_of_rows(chunk, own) if self._polygons else {}
        if self._rounded:
            rounded = {row: round_half_up(ring) for row, ring in rings.items()}
            rings = {row: rings[row] for row in readable_rings(rounded, limits)}
        else:
            rings = readable_rings(rings, limits)
        judge(
            chunk,
            boxes,
            {*rings, *own},
            losses,
            segment=self._segment,
            robndbox=self._robndbox,
        )
        objects = self._objects(chunk, boxes, rings, own, maker, losses)
        if self._lists != "no":
            note_classes(self._sets, chunk, tags, losses, maker.fields)
        for row in np.flatnonzero(tags).tolist():
            objects[row] = ""
        self._write_items(chunk, objects, losses)
        alive = losses.status != DROPPED
        losses.fields.update(count_fields(chunk, kept=_KEPT, rows=alive))
        losses.fields.update(maker.fields)
        if self._context.measure:
            self._replace(chunk, boxes, losses)
        return losses

    def _learn_labels(self, chunk: Chunk) -> None:
        """Escape the names of labels that are new."""
        if chunk.labels is not self._labels:
            self._labels = chunk.labels
            self._prefixes.clear()
            self._indexes = []
        for place in range(len(self._prefixes), len(chunk.labels)):
            try:
                self._prefixes.append(
                    f"\t<object>\n\t\t<name>{escape(chunk.labels[place].name)}{_BEFORE}"
                )
            except FormatError:
                self._prefixes.append(None)
        if self._segment and len(self._indexes) < len(chunk.labels):
            self._indexes = write_lists.class_indexes(self._context.meta, chunk.labels)
            self._palette = write_lists.palette_of(self._context.meta, chunk.labels)

    def _drop_unwritable(
        self,
        chunk: Chunk,
        boxes: NDArray[np.float64],
        elsewhere: NDArray[np.bool_],
        losses: Losses,
    ) -> None:
        """Drop the rows that cannot be named, and those without a box that need one."""
        if (chunk.label < 0).any():
            drop(losses, chunk.label < 0, "ref.category")
        bad = [place for place, prefix in enumerate(self._prefixes) if prefix is None]
        blank = [k for k, label in enumerate(chunk.labels) if not label.name.strip()]
        if bad:
            drop(losses, np.isin(chunk.label, bad), "text.control")
        if blank:
            drop(losses, np.isin(chunk.label, blank), "ref.category")
        empty = np.isnan(boxes[:, 0]) & ~elsewhere
        if empty.any():
            drop(losses, empty, "geometry.none")

    def _own_texts(self, chunk: Chunk, maker: ObjectWriter, losses: Losses) -> dict[int, str]:
        """Return the text that a VOC source has for a row, where it still holds."""
        if chunk.origin.format != "voc":
            return {}
        texts = {
            row: maker.own_text(row) for row in np.flatnonzero(losses.status != DROPPED).tolist()
        }
        return {row: text for row, text in texts.items() if text is not None}

    def _read_back(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return boxes as the numbers in the file tell them."""
        if not self._rounded:
            return boxes
        base = np.array([1.0, 1.0, 0.0, 0.0]) * bool(self._base)
        return np.asarray(round_half_up(boxes + base) - base)

    def _edges(self, boxes: NDArray[np.float64], losses: Losses) -> NDArray[np.float64]:
        """Return the numbers that stand in the file, shape (N, 4)."""
        edges = boxes
        if self._base:
            edges = boxes + np.array([1.0, 1.0, 0.0, 0.0])
        if self._rounded:
            whole = round_half_up(edges)
            moved = (whole != edges).any(axis=1) & ~np.isnan(edges[:, 0])
            if moved.any():
                approximate(losses, moved, "geometry.rounded", box_ious(edges[moved], whole[moved]))
            edges = whole
        return edges

    def _objects(
        self,
        chunk: Chunk,
        boxes: NDArray[np.float64],
        rings: dict[int, NDArray[np.float64]],
        own: dict[int, str],
        maker: ObjectWriter,
        losses: Losses,
    ) -> list[str]:
        """Return the text of each row, "" for rows that are not in the XML."""
        edges = self._edges(boxes, losses)
        with_box = ~np.isnan(edges[:, 0])
        texts = number_texts(np.where(with_box[:, None], edges, 0.0))
        prefixes = self._prefixes or [""]
        a, b, c, d = _MIDDLE
        objects = [
            f"{prefixes[k]}{x0}{a}{y0}{b}{x1}{c}{y1}{d}"
            for k, x0, y0, x1, y1 in zip(
                chunk.label.tolist(),
                texts[0::4],
                texts[1::4],
                texts[2::4],
                texts[3::4],
                strict=True,
            )
        ]
        special = {*chunk.attributes, *chunk.children, *chunk.others, *rings, *maker.points}
        special.update(np.flatnonzero(~np.isnan(chunk.score)).tolist())
        if self._robndbox:
            special.update(np.flatnonzero(~np.isnan(chunk.rotated[:, 0])).tolist())
        if chunk.origin.format == "voc":
            special.update(chunk.extra)
        dropped = losses.status == DROPPED
        for row in special - own.keys():
            if not dropped[row]:
                numbers = texts[4 * row : 4 * row + 4] if with_box[row] else None
                objects[row] = maker.text(row, numbers, rings.get(row))
        for row, text in own.items():
            objects[row] = text
        for row in chunk.extra:
            if row not in special and not dropped[row]:
                maker.fields.update(chunk.extra[row].keys())
        for row in maker.moved:
            approximate(losses, row, "geometry.rounded")
        for row in np.flatnonzero(dropped).tolist():
            objects[row] = ""
        if chunk.origin.format == "voc" and self._segment:
            for row, values in chunk.extra.items():
                if "segment" in values and chunk.runs.shape[row, 0]:
                    objects[row] = ""
        return objects

    # -- an image --------------------------------------------------------------------------

    def _place(self, item: Item, *, own: bool) -> tuple[str, str, str]:
        """Return the stem in the source, the stem in the target and the image's base name.

        In a VOC source the XML need not have the stem of its image.
        """
        name = item.name
        if name is None:
            name = f"{item.number if item.id is None else item.id}"
        clean, _ = safe_name(name, limits=self._context.limits)
        source = stem_of(clean) if is_image_name(clean) else clean
        suffix = clean[len(source) :]
        if own and isinstance(item, VocItem) and item.stem:
            source = item.stem
        wanted = output_name(source + ".xml")[:-4]
        if wanted != source:
            self._context.problems.notice(
                "path.reserved",
                f"{name!r} is no name for every file system; its files are named {wanted!r}",
            )
        given, collided = self._claims.claim(wanted + ".xml")
        stem = given[:-4]
        if collided:
            self._context.problems.warning(
                "path.collision",
                f"{name!r} would share {wanted + '.xml'!r} with another image; "
                f"its files are named {stem!r} instead",
            )
        return source, stem, stem.rpartition("/")[2] + suffix

    def _write_items(self, chunk: Chunk, objects: list[str], losses: Losses) -> None:
        """Write the files of the images of a chunk."""
        own = "voc" in (chunk.origin.format, self._context.meta.format)
        cuts = chunk.item_offsets.tolist()
        alone = not own and not self._segment and self._copier is None
        if not alone or chunk.attributes or not heads_are_bare(chunk.items):
            for item, start, stop in zip(chunk.items, cuts, cuts[1:], strict=False):
                self._write_item(chunk, item, start, stop, objects, losses)
            return
        # Nearly all chunks: only an XML for each image, with its name and size as its head.
        stems = claim_plain(chunk.items, self._claims)
        if stems is None:
            places = [self._place(item, own=False) for item in chunk.items]
            stems = [stem for _, stem, _ in places]
            heads = [
                bare_head(item, text_or(filename, ""))
                for item, (_, _, filename) in zip(chunk.items, places, strict=True)
            ]
        else:
            heads = [bare_head(item, item.name or "") for item in chunk.items]
        names = [f"Annotations/{stem}.xml" for stem in stems]
        self._context.output.write_many(names, self._texts(names, heads, objects, cuts))
        self._sets.add_many([item.subset for item in chunk.items], stems)

    def _texts(
        self, names: list[str], heads: list[str], objects: list[str], cuts: list[int]
    ) -> Iterator[bytes]:
        """Yield the text of each file."""
        limits = self._context.limits
        most = limits.label_bytes
        for name, head, start, stop in zip(names, heads, cuts, cuts[1:], strict=False):
            text = f"{head}{''.join(objects[start:stop])}{END}".encode()
            if len(text) > most:
                check_size(text, limits, name)
            yield text

    def _write_item(
        self,
        chunk: Chunk,
        item: Item,
        start: int,
        stop: int,
        objects: list[str],
        losses: Losses,
    ) -> None:
        source, stem, filename = self._place(item, own=chunk.origin.format == "voc")
        output = self._context.output
        segmented = self._segment and self._paint(chunk, item, start, stop, objects, stem, losses)
        head, tail, lost = head_text(
            item,
            filename,
            segmented=segmented,
            renamed=stem != source,
            own=chunk.origin.format == "voc",
        )
        losses.fields.update(lost)
        text = "".join([head, *objects[start:stop], tail]).encode()
        check_size(text, self._context.limits, f"Annotations/{stem}.xml")
        output.write(f"Annotations/{stem}.xml", text)
        if chunk.attributes or self._sets.numbered:
            rows = [row for row in range(start, stop) if objects[row]]
            note_objects(self._sets, chunk, rows, source)
        self._sets.add(item.subset, source, stem, segmented=segmented)
        if self._copier is not None:
            self._copier.put(item, f"JPEGImages/{stem}")

    def _paint(
        self,
        chunk: Chunk,
        item: Item,
        start: int,
        stop: int,
        objects: list[str],
        stem: str,
        losses: Losses,
    ) -> bool:
        """Write the mask pair of an image; return whether there is one."""
        from dlgeom.converters.png import palette_png
        from dlgeom.converters.voc.write_masks import paint, void_counts

        with_pixels = (OUTLINE | RUNS) & chunk.shapes[start:stop] != 0
        alive = losses.status[start:stop] != DROPPED
        rows = (np.flatnonzero(with_pixels & alive) + start).tolist()
        shape = item.shape
        # A VOC source says by a missing file that an image is not segmented.
        silent = not rows and self._context.meta.format == "voc"
        if silent and (shape is None or not void_counts(item, shape)):
            return False
        numbers = _numbers(chunk, start, stop, objects, set(rows))
        maps = paint(chunk, rows, numbers, self._indexes, item, losses, self._context.limits)
        if maps is None:
            return False
        output = self._context.output
        output.write(f"SegmentationClass/{stem}.png", palette_png(maps.classes, self._palette))
        output.write(f"SegmentationObject/{stem}.png", palette_png(maps.objects))
        return bool(rows)

    # -- in parts --------------------------------------------------------------------------

    @property
    def divisible(self) -> bool:
        """Whether other processes may write parts of the target."""
        return self._sets.divisible

    def state(self) -> tuple[Claims, SetWriter]:
        """Return what the writer of a part knows at its end."""
        return self._claims, self._sets

    def absorb(self, state: tuple[Claims, SetWriter], gathered: Gathered) -> bool:
        """Take what a part has written; False where it might have been written otherwise here."""
        claims, sets = state
        if not self._claims.apart(claims):
            return False
        self._claims.merge(claims)
        self._sets.merge(sets)
        return True

    # -- the end ---------------------------------------------------------------------------

    def _replace(self, chunk: Chunk, boxes: NDArray[np.float64], losses: Losses) -> None:
        """Say what stands for the shapes that became boxes."""
        from dlgeom.geometry.boxes import box_rings

        index = next(k for k, (code, _) in enumerate(CODES) if code == "geometry.box")
        rows = set(np.flatnonzero(losses.code == index).tolist())
        if rows:
            corners = box_rings(np.where(np.isnan(boxes), 0.0, boxes))
            losses.replaced = Rings.of(
                [[corners[row]]] if row in rows else None for row in range(len(chunk))
            )

    def finish(self) -> None:
        """Write image sets and the label map."""
        context = self._context
        labels = self._labels
        write = context.output.write
        self._sets.write(context.output, labels, every=self._lists == "yes")
        write("labelmap.txt", write_lists.label_map(context.meta, labels))
        ids = write_lists.class_ids(context.meta, labels) if self._segment else None
        if ids is not None:
            write("class_id_to_name.json", ids)


def _numbers(
    chunk: Chunk, start: int, stop: int, objects: list[str], painted: set[int]
) -> dict[int, int]:
    """Return row -> number in the mask of objects: the place among the objects of the XML.

    Rows that only the masks of a VOC source had keep their number where it is free.
    """
    numbers: dict[int, int] = {}
    place = 0
    late = []
    for row in range(start, stop):
        if objects[row]:
            place += 1
            numbers[row] = place
        elif row in painted:
            late.append(row)
    used = {number for row, number in numbers.items() if row in painted}
    for row in late:
        wish = chunk.extra.get(row, {}).get("segment", 0)
        if wish == 0:
            numbers[row] = 0
            continue
        while wish in used:
            wish += 1
        used.add(wish)
        numbers[row] = wish
    return numbers
