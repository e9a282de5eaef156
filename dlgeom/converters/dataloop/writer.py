"""Writes the platform's JSON: ``json/<path of the item>.json``, and ``items/`` on request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.converters.base import WriteContext
from dlgeom.converters.dataloop.computed import Room, mixed
from dlgeom.converters.dataloop.grouping import shown_share
from dlgeom.converters.dataloop.itemjson import item_json
from dlgeom.converters.dataloop.poses import write_all
from dlgeom.converters.dataloop.record import Record
from dlgeom.converters.dataloop.values import plain
from dlgeom.converters.image_files import ImageCopier
from dlgeom.converters.items import ItemLosses, ItemWriter
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.definitions import Ellipse, Polygon, Segmentation
from dlgeom.errors import FormatError
from dlgeom.item import Item

if TYPE_CHECKING:
    from dlgeom.converters.parallel.emit import Gathered

__all__ = ["PlatformWriter"]

CODES = (
    ("geometry.none", "has no definition"),
    ("number.not_finite", "has a number that JSON cannot hold"),
    ("polygon.zero_area", "ellipse with a radius of 0, which no reader of ours takes"),
    ("image.size_disagrees", "mask of another size than its item"),
    (
        "geometry.even_odd",
        "polygon whose parts share pixels; the platform fills all rings even-odd, without these",
    ),
    ("geometry.disagree", "has states of more than one type; the platform's annotations have one"),
    (
        "video.held",
        "needs too many snapshots (--dataloop-computed); its key frames are written, each "
        "of which the platform shows up to the next one",
    ),
)


class PlatformWriter(ItemWriter):
    """Writes each item into a file of its own; holds everything that an annotation has."""

    codes = CODES
    item_fields = frozenset({"*", "metadata"})
    label_fields = frozenset({"color"})

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._appends = context.options["dataloop_export_version"] == "v2"
        self._most = int(context.options["dataloop_computed"])
        self._claims = Claims()
        self._images = Claims()
        self._colors = {
            label.name: label.color for label in context.meta.labels if label.color is not None
        }
        self._copier = (
            None
            if context.image_files == "none"
            else ImageCopier(
                context.output,
                context.meta.images_root,
                context.image_files,
                context.problems,
            )
        )

    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        """Write one item."""
        entries = self._entries(annotations, losses)
        try:
            text = json.dumps(
                item_json(item, entries),
                ensure_ascii=True,
                allow_nan=False,
                separators=(",", ":"),
                default=plain,
            )
        except ValueError as error:
            raise FormatError(
                f"item {item.name!r} has a number that is not finite; JSON has none. Correct it",
                code="number.not_finite",
                path=where or None,
            ) from error
        name = self._place(item)
        self.context.output.write(f"json/{name}", text.encode("ascii"))
        if self._copier is not None and item.name is not None:
            source = self._copier.find(item)
            if source is not None:
                place, _ = self._images.claim("items/" + output_name(item.name))
                self._copier.put_file(source, place)

    divisible = True

    def state(self) -> tuple[Claims, Claims]:
        """Return what the writer of a part knows at its end."""
        return self._claims, self._images

    def absorb(self, state: tuple[Claims, Claims], gathered: Gathered) -> bool:
        """Take what a part has written; False where it might have been written otherwise here."""
        claims, images = state
        if not (self._claims.apart(claims) and self._images.apart(images)):
            return False
        self._claims.merge(claims)
        self._images.merge(images)
        return True

    def _entries(
        self, annotations: AnnotationCollection, losses: ItemLosses
    ) -> list[dict[str, Any]]:
        """Return what can be written of an item's annotations, and say what it costs."""
        room = Room(self._most)
        good: list[Annotation] = []
        places: dict[int, int] = {}
        for position, annotation in enumerate(annotations):
            if mixed(annotation):
                losses.drop(position, "geometry.disagree")
                continue
            code = _refused(annotation)
            if code:
                losses.drop(position, code)
                continue
            share = _least_share(annotation)
            if share is not None:
                losses.approximate(position, "geometry.even_odd", share)
            good.append(annotation)
            places[id(annotation)] = position
        entries = write_all(good, color_of=self._colors.get, room=room)
        for annotation in room.refused:
            losses.approximate(places[id(annotation)], "video.held")
        return entries

    def _place(self, item: Item) -> str:
        name = item.name or f"item_{max(item.number, 0)}"
        safe, _ = safe_name(name, limits=self.context.limits)
        clean = output_name(safe)
        wanted = (clean if self._appends else stem_of(clean)) + ".json"
        place, taken = self._claims.claim(wanted)
        if taken:
            self.context.problems.notice(
                "path.collision",
                f"{wanted!r} is the file of another item too; that of {name!r} is written as "
                f"{place!r}. --dataloop-export-version v2 keeps endings apart",
            )
        return place


def _refused(annotation: Annotation) -> str:
    """Return why readers take an annotation for broken, "" if they do not."""
    size = None if annotation.item is None else annotation.item.shape
    for state in annotation.states:
        shape = state.annotation_definition
        if isinstance(shape, Ellipse) and not (shape.rx > 0 and shape.ry > 0):
            return "polygon.zero_area"
        if isinstance(shape, Segmentation) and size is not None and shape.shape != size:
            return "image.size_disagrees"
    return ""


def _least_share(annotation: Annotation) -> float | None:
    """Return how much of an annotation's polygons the platform shows, None for all of it."""
    size = None if annotation.item is None else annotation.item.shape
    shapes = [state.annotation_definition for state in annotation.states]
    found = [shown_share(shape, size) for shape in shapes if isinstance(shape, Polygon)]
    told = [share for share in found if share is not None]
    record = annotation.record
    if not told or (isinstance(record, Record) and annotation == record.before):
        return None  # what was read and not changed says the same as before
    return min(told)
