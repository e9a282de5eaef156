"""Writing CVAT's XML: ``annotations.xml`` for images, a file for each video; or one file."""

from __future__ import annotations

from typing import Any

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.converters.base import WriteContext, Writer
from dlgeom.converters.coco.write_root import Spool
from dlgeom.converters.cvat.meta import read_task
from dlgeom.converters.cvat.options import IMAGES_FILE
from dlgeom.converters.cvat.write_codes import CODES
from dlgeom.converters.cvat.write_labels import LabelBook
from dlgeom.converters.cvat.write_meta import TAIL, film_head, images_head, kept_task
from dlgeom.converters.cvat.write_records import NAME, Elements
from dlgeom.converters.cvat.write_shapes import Drawer, attributes_text, in_parts, is_within
from dlgeom.converters.cvat.write_tracks import Grid, pieces_of, rows_of
from dlgeom.converters.image_files import WithImages
from dlgeom.converters.items import ItemLosses, ItemWriter
from dlgeom.converters.names import Claims, output_name, safe_name
from dlgeom.converters.problems import Problems
from dlgeom.definitions import Classification, Definition, Segmentation
from dlgeom.errors import UsageError
from dlgeom.item import Item

__all__ = ["CvatWriter", "create_writer"]


def create_writer(context: WriteContext) -> Writer:
    """Return the writer, with that of the images around it where they are asked for."""
    writer = CvatWriter(context)
    return writer if context.image_files == "none" else WithImages(writer, context)


class CvatWriter(ItemWriter):
    """Writes images one by one, and videos track by track.

    What stands before them, the labels with all their attributes, is known at the end only: the
    elements wait, beyond a few megabytes in a nameless file.
    """

    codes = CODES
    label_fields = frozenset({"color", "keypoints", "skeleton"})

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        kept = context.meta.extra.get("cvat")
        self._same = context.meta.format == "cvat" and isinstance(kept, dict)
        self._kept: dict[str, Any] = kept if self._same and isinstance(kept, dict) else {}
        decimals = context.options["cvat_decimals"]
        if decimals is not None and not 0 <= decimals <= 15:
            raise UsageError(f"option cvat_decimals is {decimals}; it is a number from 0 to 15")
        self.item_fields = frozenset({"*"} if self._same else {"id", "task", "task_id"})
        self._drawer = Drawer(decimals)
        self._claims = Claims()
        self._claims.claim(IMAGES_FILE)
        self._folder = None if context.output.dry_run else context.output.root
        self._book = self._labels(film=False)
        self._images = Spool(self._folder)
        self._image_count = 0
        self._films = 0

    def _labels(self, *, film: bool) -> LabelBook:
        return LabelBook(
            self.context.meta.labels,
            self._kept.get("labels", {}),
            mutable=film,
            limits=self.context.limits,
        )

    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        """Write an image, or a video."""
        film = item.media == "video"
        if self.context.output.single and (self._films or (film and self._image_count)):
            raise UsageError(
                f"{self.context.output.name}: is one file, which holds images or one video; the "
                "source has more. Name a folder as target, with --to cvat"
            )
        if film:
            self._film(item, annotations, losses)
            self._films += 1
        else:
            self._image(item, annotations, losses)
            self._image_count += 1

    # -- images ----------------------------------------------------------------------------

    def _image(self, item: Item, annotations: AnnotationCollection, losses: ItemLosses) -> None:
        size = _size(item, annotations)
        pairs = [
            ("id", str(self._image_count if item.id is None else item.id)),
            ("name", item.name or ""),
        ]
        if item.subset:
            pairs.append(("subset", item.subset))
        if self._same:
            fields = (item.fields or {}).items()
            pairs += [(k, v) for k, v in fields if isinstance(v, str) and NAME.fullmatch(k)]
        if size is not None:
            pairs += [("width", str(size[0])), ("height", str(size[1]))]
        unique = list({name: (name, value) for name, value in reversed(pairs)}.values())[::-1]
        elements = Elements(self._book, self._drawer)
        texts = [f"<image{attributes_text(unique)}>\n"]
        for position, annotation in enumerate(annotations):
            shape = annotation.annotation_definition
            parts, code = in_parts(shape)
            fault = self._fault(parts, [shape], size, film=False)
            if fault:
                losses.drop(position, fault)
                continue
            self._tell(position, annotation, code, losses)
            lost: set[str] = set()
            texts += [elements.image_shape(annotation, part, lost) for part in parts]
            self._tell_rounding(position, losses)
            elements.count(annotation, losses, lost, film=False)
        self._images.add("".join([*texts, "</image>\n"]).encode())

    def _fault(
        self,
        parts: list[Definition],
        given: list[Definition],
        size: tuple[int, int] | None,
        *,
        film: bool,
    ) -> str:
        """Return why nothing of a record is written, "" if something is."""
        if film and all(isinstance(shape, Classification) for shape in given):
            return "shape.classification"
        if not parts:
            return "shape.no_place"
        if not all(self._book.may_write(shape.label or "") for shape in given):
            return "text.control"
        if not all(is_within(part, size, self.context.limits) for part in parts):
            return "value.range"
        return ""

    def _tell(self, position: int, annotation: Annotation, code: str, losses: ItemLosses) -> None:
        if code:
            losses.approximate(position, code)
        if annotation.companions:
            losses.approximate(position, "geometry.companion")
        self._drawer.rounded = False

    def _tell_rounding(self, position: int, losses: ItemLosses) -> None:
        if self._drawer.rounded:
            losses.approximate(position, "value.rounded")

    # -- videos ----------------------------------------------------------------------------

    def _film(self, item: Item, annotations: AnnotationCollection, losses: ItemLosses) -> None:
        output = self.context.output
        name = item.name or f"video-{max(item.number, 0) + 1}"
        place = output.name if output.single else self._place(name)
        task = kept_task((item.fields or {}).get("task"))
        grid = self._grid(item, annotations, task, name)
        book = self._labels(film=True)
        spool = Spool(self._folder)
        elements = Elements(book, self._drawer)
        numbers = _Numbers(annotations)
        for position, annotation in enumerate(annotations):
            self._annotation(position, annotation, item, grid, elements, numbers, spool, losses)
        with output.file(place) as file:
            file.write(film_head(item, name, grid, task, book.xml()).encode())
            for block in spool.blocks():
                file.write(block)
            file.write(TAIL.encode())
        spool.close()

    def _annotation(
        self,
        position: int,
        annotation: Annotation,
        item: Item,
        grid: Grid,
        elements: Elements,
        numbers: _Numbers,
        spool: Spool,
        losses: ItemLosses,
    ) -> None:
        given = [state.annotation_definition for state in annotation.states]
        made = {id(shape): in_parts(shape) for shape in given}
        if any(not isinstance(shape, Classification) for shape in given):
            made = {
                key: ([p for p in parts if not isinstance(p, Classification)], code)
                for key, (parts, code) in made.items()
            }
        parts = [part for found, _ in made.values() for part in found]
        size = (item.width, item.height) if item.width and item.height else None
        fault = self._fault(parts, given, size, film=True)
        if not fault and annotation.end_frame >= self.context.limits.frames:
            fault = "value.range"
        if fault:
            losses.drop(position, fault)
            return
        codes = [code for _, code in made.values() if code and code != "shape.no_place"]
        self._tell(position, annotation, codes[0] if codes else "", losses)
        if not all(found for found, _ in made.values()):
            losses.approximate(position, "video.parts")
        mode = annotation.interpolation if annotation.later else "hold"
        count = 0
        lost: set[str] = set()
        for k in range(max(len(found) for found, _ in made.values())):

            def part(shape: Definition, k: int = k) -> Definition | None:
                found = made[id(shape)][0]
                if k >= len(found):
                    return None
                return found[k].replace(description=None)

            rows = rows_of(annotation, part)
            for piece in pieces_of(rows, mode, annotation.end_frame, grid.last, grid.step):
                identifier = numbers.of(annotation, count, lost)
                count += 1
                text = elements.track(
                    annotation,
                    piece,
                    identifier,
                    lost,
                    lambda code: losses.approximate(position, code),
                )
                spool.add(text.encode())
        if count > 1 and not codes:
            losses.approximate(position, "video.parts")
        self._tell_rounding(position, losses)
        elements.count(annotation, losses, lost, film=True)

    def _place(self, name: str) -> str:
        clean = output_name(safe_name(name, limits=self.context.limits)[0])
        place, taken = self._claims.claim(f"{clean}.xml")
        if taken:
            self.context.problems.warning(
                "path.collision",
                f"{name!r} would share its file with something else; it is written as {place!r}",
            )
        return place

    def _grid(self, item: Item, annotations: AnnotationCollection, task: Any, name: str) -> Grid:
        """Return the frames of the task: those of the source where all that is there has one."""
        end = max((one.end_frame for one in annotations), default=-1)
        if task is not None:
            quiet = Problems(strict=False, listener=lambda _: None)
            found = read_task(task, self.context.limits, quiet, name)
            last = found.last
            if last is not None and last + 1 == item.frame_count:
                grid = Grid(found.start, found.step, last)
                if all(_fits(one, grid) for one in annotations):
                    return grid
        count = item.frame_count
        if not count or count <= end:
            self.context.problems.notice(
                "video.frames",
                f"is taken to have {end + 1} frames, up to the end of its last annotation"
                + (f", not {count}" if count else "; nobody says how many"),
                path=name,
            )
            count = max(end + 1, 1)
        return Grid(0, 1, count - 1)

    def finish(self) -> None:
        """Write the images, and a file where nothing came."""
        output = self.context.output
        if not self._image_count and self._films:
            return
        files = self._kept.get("files", [])
        kept = files[0] if len(files) == 1 and not self._films else ""
        with output.file(output.name if output.single else IMAGES_FILE) as file:
            file.write(images_head(self._image_count, kept, self._book.xml()).encode())
            for block in self._images.blocks():
                file.write(block)
            file.write(TAIL.encode())
        self._images.close()


def _size(item: Item, annotations: AnnotationCollection) -> tuple[int, int] | None:
    """Return width and height of an image; those of a mask where nobody says them."""
    if item.width and item.height:
        return item.width, item.height
    for annotation in annotations:
        if isinstance(annotation.annotation_definition, Segmentation):
            height, width = annotation.annotation_definition.shape
            return width, height
    return None


def _fits(annotation: Annotation, grid: Grid) -> bool:
    """Whether all frames that an annotation needs are frames of the task."""
    states = annotation.states
    frames = [frame for state in states for frame in (state.frame_num, state.last)]
    end = annotation.end_frame
    ends = end == grid.last or (
        end == states[-1].frame_num if not states[-1].object_visible else grid.holds(end + 1)
    )
    # What is held gets key frames next to others.
    held = annotation.interpolation == "hold" and len(states) > 1 and grid.step > 1
    return ends and not held and all(map(grid.holds, frames))


class _Numbers:
    """Ids of tracks: those of the things, else free numbers."""

    def __init__(self, annotations: AnnotationCollection) -> None:
        self._used = {one.object_id for one in annotations if one.object_id is not None}
        self._next = 1

    def of(self, annotation: Annotation, count: int, lost: set[str]) -> str:
        """Return the id of the track of an annotation that has `count` others already."""
        given = annotation.object_id
        if given is None and isinstance(annotation.extra.get("id"), str):
            given = annotation.extra["id"]
        elif given is not None and not (given.isascii() and given.isdigit()):
            lost.add("object_id")
            given = None
        if given is not None and not count:
            return given
        while str(self._next) in self._used:
            self._next += 1
        self._used.add(str(self._next))
        return str(self._next)
