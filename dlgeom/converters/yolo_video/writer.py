"""Writing YOLO rows of videos: ``<video>.txt`` for each, and ``labels.txt``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.annotation.frames import FrameAnnotation
from dlgeom.conversions import to_box, to_polygon
from dlgeom.converters.base import WriteContext
from dlgeom.converters.coco.read_shapes import ring_faults
from dlgeom.converters.items import ItemLosses, ItemWriter, fields_of
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.output import FileWriter
from dlgeom.converters.yolo_video.options import FAR
from dlgeom.converters.yolo_video.videos import VideoFolder, given_size, item_of
from dlgeom.converters.yolo_video.write_codes import CODES
from dlgeom.definitions import Box, Definition, Ellipse, Polygon, Segmentation
from dlgeom.errors import FormatError, GeometryError, UsageError
from dlgeom.item import Item

__all__ = ["YoloVideoWriter"]

Floats = NDArray[np.float64]
_KEPT = frozenset(
    {
        "object_id",
        "frame_num",
        "end_frame_num",
        "start_time",
        "end_time",
        "frames",
        "fixed",
        "object_visible",
        "interpolation",
    }
)


class YoloVideoWriter(ItemWriter):
    """Writes the rows of each video, object by object, in the order of frames.

    Nothing is kept for a frame: a track of hours is written as it is walked through.
    """

    codes = CODES
    item_fields = frozenset[str]()

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._size = given_size(context.options)
        decimals = context.options["yolo_video_decimals"]
        if decimals is not None and not 1 <= decimals <= 17:
            raise UsageError(f"yolo_video_decimals is {decimals}; it is 1 to 17")
        self._decimals = decimals
        root = context.meta.images_root
        self._videos = None if root is None else VideoFolder(root)
        self._claims = Claims()
        self._numbers: dict[str, int] = {}
        self._looked_at = 0
        self._sized = False
        self._unsized: str | None = None

    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        """Write the file of a video."""
        size = self._size_of(item)
        if size is None:
            self._unsized = self._unsized or item.name or "video"
            for position in range(len(annotations)):
                losses.drop(position, "image.size")
            return
        self._sized = True
        with self.context.output.file(self._place(item)) as file:
            for position, annotation in enumerate(annotations):
                if self._write(position, annotation, size, losses, file):
                    self._count(annotation, losses)

    def finish(self) -> None:
        """Write the names of the classes.

        Raises
        ------
        FormatError
            ``image.size`` where no video had a size.
        """
        if self._unsized is not None and not self._sized:
            raise FormatError(
                f"no video has a known size, {self._unsized!r} for one, by which coordinates are "
                "divided. Name the folder of the videos with --images, or give --yolo-video-size "
                "WIDTHxHEIGHT",
                code="image.size",
            )
        self._learn()
        names = sorted(self._numbers, key=lambda name: self._numbers[name])
        self.context.output.write("labels.txt", "".join(f"{n}\n" for n in names).encode())

    def _size_of(self, item: Item) -> tuple[int, int] | None:
        known = item
        if not (item.width and item.height) and self._videos is not None and item.name:
            found = self._videos.find(item.name)
            known = item if found is None else item_of(*found)
        if known.width and known.height:
            return known.width, known.height
        return self._size

    def _place(self, item: Item) -> str:
        name = item.name or f"video-{max(item.number, 0) + 1}"
        clean = output_name(safe_name(name, limits=self.context.limits)[0])
        stem = stem_of(clean)
        wanted = f"{stem}.txt"
        if wanted.lower() == "labels.txt":
            wanted = f"{stem}_.txt"
        given, taken = self._claims.claim(wanted)
        if taken:
            self.context.problems.notice(
                "path.collision",
                f"{name!r} would share its file with another video; it is {given!r}",
            )
        return given

    def _write(
        self,
        position: int,
        annotation: Annotation,
        size: tuple[int, int],
        losses: ItemLosses,
        file: FileWriter,
    ) -> bool:
        """Write the rows of an annotation and say what it costs; return if there is any."""
        fault = self._fault(annotation)
        if fault:
            losses.drop(position, fault)
            return False
        thing = annotation.object_id
        if thing is not None and not (thing.isascii() and thing.isdigit() and len(thing) <= 18):
            losses.fields["object_id"] += 1
            thing = None
        written = False
        missing = ""
        for state in _visible(annotation):
            numbers, code = self._numbers_of(state.annotation_definition, size)
            if numbers is None:
                missing = missing or code
                continue
            if code:
                losses.approximate(position, code)
            written = True
            category = self._number(state.label)
            row = f"{state.frame_num} {thing} {category} {' '.join(map(self._text, numbers))}\n"
            file.write(row.encode("ascii"))
        if missing and written:
            losses.approximate(position, missing)
        elif not written:
            losses.drop(position, missing or "video.hidden")
        return written

    def _fault(self, annotation: Annotation) -> str:
        """Return why nothing of an annotation is written, "" if something is.

        Told by its states alone, before a row is written.
        """
        shapes = [state.annotation_definition for state in annotation.states]
        if any(not shape.label or not shape.label.strip() for shape in shapes):
            return "ref.category"
        if annotation.end_frame >= self.context.limits.frames:
            return "value.range"
        return ""

    def _numbers_of(
        self, shape: Definition, size: tuple[int, int]
    ) -> tuple[list[float] | None, str]:
        """Return the numbers of a row and what it costs; None and why there is none."""
        row, code = _row_shape(shape)
        if row is None:
            return None, code
        limits = self.context.limits
        if isinstance(row, Box):
            edges = np.array(row.bounds)
            if np.abs(edges).max() + 1 > limits.coordinate:
                return None, "value.range"
            low, high = edges[:2], edges[2:]
            numbers = np.concatenate([(low + high) / 2 / size, (high - low) / size])
        else:
            ring, joined = _one_ring(row)
            fault = ring_faults([ring], limits)[0]
            if fault is not None:
                code = fault.code
                known = ("polygon.zero_area", "limit.points")
                too_far = (
                    "limit.points" if code == "geometry.outside_image" else "polygon.zero_area"
                )
                return None, code if code in known else too_far
            code = code or ("geometry.bridged" if joined else "")
            numbers = (ring / size).ravel()
        if np.abs(numbers).max() > FAR:
            return None, "value.range"
        return numbers.tolist(), code

    def _text(self, number: float) -> str:
        """Return the shortest decimal that reads back the same, or as many digits as asked."""
        text = repr(number) if self._decimals is None else f"{number:.{self._decimals}f}"
        return "0.0" if float(text) == 0 and self._decimals is None else text

    def _learn(self) -> None:
        """Give numbers to the classes of the source, in its order."""
        labels = self.context.meta.labels
        while self._looked_at < len(labels):
            name = " ".join(labels[self._looked_at].name.split())
            if name:
                self._numbers.setdefault(name, len(self._numbers))
            self._looked_at += 1

    def _number(self, label: str | None) -> int:
        self._learn()
        return self._numbers.setdefault(" ".join(str(label).split()), len(self._numbers))

    def _count(self, annotation: Annotation, losses: ItemLosses) -> None:
        """Count the fields that rows have no place for."""
        for name in fields_of(annotation):
            if name not in _KEPT:
                losses.fields[name] += 1


def _visible(annotation: Annotation) -> Iterator[FrameAnnotation]:
    return (state for state in annotation.frames.values() if state.object_visible)


def _row_shape(shape: Definition) -> tuple[Box | Polygon | None, str]:
    """Return the box or polygon that stands for a shape, and what that costs."""
    if isinstance(shape, Polygon) or (isinstance(shape, Box) and not shape.is_rotated):
        return shape, ""
    try:
        if isinstance(shape, Box | Ellipse | Segmentation):
            return to_polygon(shape), "geometry.to_polygon"
        return to_box(shape), "geometry.to_box"
    except GeometryError:
        return None, "shape.no_box"


def _one_ring(polygon: Polygon) -> tuple[Floats, bool]:
    """Return all rings of a polygon as one, and whether there were several.

    Each further ring is reached by a bridge that is walked forth and back, which a fill by the
    even-odd rule does not see.
    """
    rings = polygon.rings
    if len(rings) == 1:
        return np.asarray(rings[0], dtype=np.float64), False
    start = rings[0][:1]
    pieces = [rings[0], start]
    for ring in rings[1:]:
        pieces += [ring, ring[:1], start]
    return np.concatenate(pieces[:-1]), True
