"""Reading CVAT's XML: a file, or a folder of files; images one by one, videos with their tracks."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

from dlgeom.annotation import Annotation
from dlgeom.converters.base import Meta, ReadContext
from dlgeom.converters.cvat.meta import FileMeta, LabelSpec, read_meta
from dlgeom.converters.cvat.options import SHAPES
from dlgeom.converters.cvat.read_films import Films
from dlgeom.converters.cvat.read_shapes import Place, attributes_of, read_shape
from dlgeom.converters.cvat.read_tracks import TrackReader, describe
from dlgeom.converters.cvat.recognise import looks_like_cvat
from dlgeom.converters.cvat.stream import elements
from dlgeom.converters.find import Found, find_files
from dlgeom.converters.inputs import check_inside
from dlgeom.converters.items import ItemReader, ItemRecord
from dlgeom.converters.names import safe_name
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.xmlio import Element
from dlgeom.errors import FormatError, GeometryError
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["CvatReader"]

_IMAGE = frozenset({"id", "name", "width", "height", "subset"})
_SUBSET = re.compile(rb"<image\b[^>]{0,4096}?\ssubset\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")


class CvatReader(ItemReader):
    """A source of CVAT's XML; see `dlgeom.converters.base.Reader`.

    Images are read one by one. The tracks of a file are items of their own, one for each task:
    each track is let go as XML when it is read, its annotation waits for the end of the file.
    """

    unit = "record {}"

    def __init__(self, path: Path, context: ReadContext) -> None:
        super().__init__(Meta(format="cvat", labels=LabelTable()), context)
        self._root = path
        self._every = context.options["cvat_shapes"] == "all"
        self._files = self._found(path)
        self._metas: dict[str, FileMeta] = {}
        images = context.images or (path if path.is_dir() else path.parent) / "images"
        if images.is_dir():
            self.meta.images_root = images
        self._learn()

    def _found(self, path: Path) -> list[Found]:
        """Return the files; those of a folder that are something else are told."""
        files = find_files(path, ".xml")
        if not path.is_dir():
            return files
        mine = [file for file in files if looks_like_cvat(file.path)]
        for file in files:
            if file not in mine:
                self.context.problems.notice(
                    "xml.ignored", "is not CVAT's XML; it is passed over", path=file.shown
                )
        if not mine:
            raise FormatError(
                "has no XML file of CVAT, whose root is <annotations>. Name the folder that has",
                code="schema.root",
                path=str(path),
            )
        return mine

    def _learn(self) -> None:
        """Read what the files say before their first image or track: labels, tasks, splits."""
        subsets: dict[str, None] = {}
        kept: dict[str, Any] = {"labels": {}, "files": []}
        for file in self._files:
            try:
                self._check(file)
                found = self._meta_of(file)
                subsets.update(dict.fromkeys(_subsets(file.path)))
            except FormatError:
                if len(self._files) == 1:
                    raise
                continue  # told when it is read
            self._metas[file.shown] = found
            for name, spec in found.labels.items():
                if self.meta.labels.find(name) is None:
                    self.meta.labels.add(spec.label)
                kept["labels"].setdefault(name, spec)
            kept["files"].append(found.xml)
            subsets.update(dict.fromkeys(task.subset for task in found.tasks if task.subset))
        self.meta.extra["cvat"] = kept
        self.meta.subsets = list(subsets)

    def _check(self, file: Found) -> None:
        if self._root.is_dir():
            check_inside(file.path, self._root, file.shown)

    def _meta_of(self, file: Found) -> FileMeta:
        limits = self.context.limits
        for element in elements(file.path, limits=limits, shown=file.shown):
            if element.tag == "meta":
                return read_meta(element, limits, self.context.problems, file.shown)
            if element.tag != "version":
                break
        return FileMeta()

    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        """Yield the images and videos; a file of many that cannot be trusted is left out."""
        for file in self._files:
            try:
                self._check(file)
                yield from self._read(file, problems)
            except FormatError as error:
                if len(self._files) == 1:
                    raise
                problems.file(error)

    def _read(self, file: Found, problems: Problems) -> Iterator[ItemRecord]:
        limits = self.context.limits
        meta = self._metas.get(file.shown) or FileMeta()
        films = Films(file, meta)
        tracks = TrackReader(
            meta.labels, every=self._every, limits=limits, problems=problems, shown=file.shown
        )
        number = images = 0
        told: set[str] = set()
        for element in elements(file.path, limits=limits, shown=file.shown):
            tag = str(element.tag)
            if tag == "image":
                images += 1
                record = self._image(element, meta.labels, images, number, file.shown, problems)
                number += len(element)
                if record is not None and self._wanted(record.item):
                    yield record
            elif tag == "track":
                task = films.task_of(element.get("task_id"))
                found = tracks.read(element, task, f"track {element.get('id', number)}")
                if found is not None and not films.add(task, found, number):
                    problems.notice(
                        "ref.duplicate_id",
                        f"has two tracks with the id {found.object_id}; both are kept",
                        path=file.shown,
                    )
                number += 1
            elif tag in SHAPES:
                problems.skipped(
                    "schema.type",
                    f"<{tag}> stands in no image and no track; it belongs into one",
                    path=file.shown,
                    location=f"record {number}",
                )
                number += 1
            elif tag not in ("version", "meta") and tag not in told:
                told.add(tag)
                problems.notice(
                    "xml.ignored", f"<{tag}> is not known; it is passed over", path=file.shown
                )
        for record in films.records(alone=not images):
            if self._wanted(record.item):
                yield record

    def _wanted(self, item: Item) -> bool:
        wanted = self.context.subsets
        return not wanted or not self.meta.subsets or item.subset in wanted

    def _image(
        self,
        element: Element,
        labels: dict[str, LabelSpec],
        place: int,
        number: int,
        shown: str,
        problems: Problems,
    ) -> ItemRecord | None:
        """Return an image with its annotations; None, which is told, if its name is refused."""
        location = f"image {element.get('id', place)}"
        name = element.get("name")
        try:
            if name:
                name, note = safe_name(name, limits=self.context.limits, shown=shown)
                if note:
                    problems.notice(
                        note, f"name is read as {name!r}", path=shown, location=location
                    )
        except FormatError as error:
            problems.skipped(error.code, error.message, path=shown, location=location)
            return None
        width, height = (
            self._side(element, key, problems, shown, location) for key in ("width", "height")
        )
        fields: dict[str, Any] = {
            key: value
            for key, value in element.attrib.items()
            if key not in _IMAGE and not key.startswith("{")
        }
        identifier = element.get("id")
        item = Item(
            name=name or None,
            width=width,
            height=height,
            id=_identifier(identifier),
            subset=element.get("subset") or None,
            fields=fields or None,
        )
        size = (width, height) if width and height else None
        annotations: list[Annotation] = []
        numbers: list[int] = []
        for k, child in enumerate(element):
            where = f"{location}, <{child.tag}> {k + 1}"
            found = self._shape(child, labels, size, shown, where, problems)
            if found is not None:
                found.item = item
                annotations.append(found)
                numbers.append(number + k)
        return ItemRecord(item, annotations, shown, numbers)

    def _side(
        self, element: Element, key: str, problems: Problems, shown: str, location: str
    ) -> int | None:
        text = (element.get(key) or "").strip()
        if not text:
            return None
        if text.isascii() and text.isdigit() and 0 < int(text[:12]) < 10**9:
            return int(text)
        problems.repaired(
            "type.number",
            f"{key} is {text[:40]!r}; it is a whole number above 0. The size is unknown",
            path=shown,
            location=location,
        )
        return None

    def _shape(
        self,
        element: Element,
        labels: dict[str, LabelSpec],
        size: tuple[int, int] | None,
        shown: str,
        location: str,
        problems: Problems,
    ) -> Annotation | None:
        if element.tag not in SHAPES:
            problems.skipped(
                "schema.type",
                f"<{str(element.tag)[:40]}> is no shape that is known; these are "
                f"{', '.join(SHAPES)}",
                path=shown,
                location=location,
            )
            return None
        label = element.get("label") or None
        spec = labels.get(label or "")
        place = Place(label, spec, size, self.context.limits, problems, shown, location)
        try:
            made = Annotation(read_shape(element, place, attributes_of(element, spec)))
        except (FormatError, GeometryError) as error:
            code = error.code if isinstance(error, FormatError) else "geometry.arity"
            message = error.message if isinstance(error, FormatError) else str(error)
            problems.skipped(code, message, path=shown, location=location)
            return None
        describe(made, element)
        return made


def _identifier(text: str | None) -> int | str | None:
    stripped = (text or "").strip()
    if stripped.isascii() and stripped.isdigit() and len(stripped) < 16:
        return int(stripped)
    return text or None


def _subsets(path: Path) -> list[str]:
    """Return the splits that the images of a file name, by a look at its bytes alone."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data.find(b"subset") < 0:
                return []
            found = {m[1] or m[2]: None for m in _SUBSET.finditer(data) if m[1] or m[2]}
    except (OSError, ValueError):
        return []
    return [unescape(text.decode("utf-8", "replace")) for text in found]
