"""Reads the platform's JSON: one file, or a folder of them with the items beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.converters.base import Meta, ReadContext
from dlgeom.converters.dataloop.itemjson import annotations_of, read_item
from dlgeom.converters.dataloop.poses import join_poses
from dlgeom.converters.dataloop.record import Record, read_annotation
from dlgeom.converters.dataloop.text import check_value, parse
from dlgeom.converters.find import find_files
from dlgeom.converters.images import ImageFolder, image_info, is_image_name
from dlgeom.converters.inputs import check_inside, read_bytes
from dlgeom.converters.items import ItemReader, ItemRecord
from dlgeom.converters.names import stem_of
from dlgeom.converters.problems import Problems
from dlgeom.definitions import Ellipse
from dlgeom.errors import FormatError, OutputError
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["PlatformReader"]


class PlatformReader(ItemReader):
    """Reads items, each from a file of its own.

    Parameters
    ----------
    path : Path
        A file, a folder with ``json/`` (and ``items/``), or a folder of files.
    context : ReadContext
        Problems, limits and options.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._root = path
        below = path / "json" if (path / "json").is_dir() else path
        self._base = below
        self._files = find_files(below, ".json")
        self._single = len(self._files) == 1
        items = context.images or (path / "items" if path.is_dir() else None)
        self._images = items if items is not None and items.is_dir() else None
        self._folder = None if self._images is None else ImageFolder(self._images)
        super().__init__(
            Meta(format="dataloop", labels=LabelTable(), images_root=self._images), context
        )
        self.meta.subsets = self._subsets()

    def _subsets(self) -> list[str]:
        """Return the splits that files of ours name; the platform has none."""
        found: dict[str, None] = {}
        for place in self._files:
            try:
                if self._root.is_dir():
                    check_inside(place.path, self._root, place.shown)
                data = read_bytes(
                    place.path,
                    limit_name="file_bytes",
                    limits=self.context.limits,
                    shown=place.shown,
                )
                if b'"subset"' not in data:
                    continue
                item, _, _ = self._item(place.path, place.shown)
            except (FormatError, OutputError, OSError):
                continue
            if item.subset is not None:
                found[item.subset] = None
        return list(found)

    def count(self) -> int:
        """Return how many files there are."""
        return len(self._files)

    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        """Yield the items, in the order of their files."""
        seen: dict[str, str] = {}
        for place in self._files:
            try:
                found = self._record(place.path, place.shown, problems)
            except FormatError as error:
                if self._single:
                    raise
                problems.file(error)
                continue
            name = found.item.name or ""
            if name in seen:
                problems.warning(
                    "ref.duplicate_name",
                    f"item {name!r} is in {seen[name]!r} too; both are kept. Rename one",
                    path=place.shown,
                )
            seen[name] = place.shown
            wanted = self.context.subsets
            if wanted and self.meta.subsets and found.item.subset not in wanted:
                continue
            yield found

    def _item(self, path: Path, shown: str) -> tuple[Item, list[Any], bool]:
        """Return the item of a file, its annotations as they are, and whether they are clean."""
        limits = self.context.limits
        if self._root.is_dir():
            check_inside(path, self._root, shown)
        data = read_bytes(path, limit_name="file_bytes", limits=limits, shown=shown)
        root, clean = parse(data, shown, limits)
        try:
            entries = annotations_of(root)
            if not clean and isinstance(root, Mapping):
                check_value(
                    {k: v for k, v in root.items() if k != "annotations"}, limits, shown
                ) if type(root) is dict else check_value(root, limits, shown)
            item = read_item(root, _default_name(shown), limits=limits, shown=shown)
        except FormatError as error:
            raise _at(error, shown) from error
        return item, entries, clean

    def _record(self, path: Path, shown: str, problems: Problems) -> ItemRecord:
        item, entries, clean = self._item(path, shown)
        item = self._sized(item)
        made: list[Annotation] = []
        numbers: list[int] = []
        ids: dict[Any, int] = {}
        for index, raw in enumerate(entries):
            where: dict[str, Any] = {"path": shown, "location": f"annotations[{index}]"}
            if isinstance(raw, dict):
                where["annotation_id"] = raw.get("id", raw.get("_id"))
            annotation = self._annotation(raw, item, index, clean, problems, where)
            if annotation is None:
                continue
            if isinstance(annotation.id, str | int) and annotation.id in ids:
                problems.warning(
                    "ref.duplicate_id",
                    f"id {annotation.id!r} is that of annotations[{ids[annotation.id]}] too; both "
                    "are kept. Give one another id",
                    **where,
                )
            if isinstance(annotation.id, str | int):
                ids.setdefault(annotation.id, index)
            made.append(annotation)
        joined = join_poses(made)
        numbers = [a.record.index if isinstance(a.record, Record) else 0 for a in joined]
        return ItemRecord(item, joined, shown, numbers)

    def _annotation(
        self,
        raw: object,
        item: Item,
        index: int,
        clean: bool,
        problems: Problems,
        where: Mapping[str, Any],
    ) -> Annotation | None:
        """Return one annotation, None if it is bad and left out."""

        def tell(code: str, message: str) -> None:
            problems.warning(code, message, **where)

        limits = self.context.limits
        try:
            if not clean:
                check_value(raw, limits)
            found = read_annotation(raw, item, tell=tell, limits=limits, index=index)
            shape = found.annotation_definition
            if isinstance(shape, Ellipse) and not (shape.rx > 0 and shape.ry > 0):
                raise FormatError(
                    f"ellipse has radii {shape.rx:g} and {shape.ry:g}; both are above 0. "
                    "Draw it again",
                    code="polygon.zero_area",
                )
            return found
        except FormatError as error:
            if error.path is not None:
                # Told already, and strict: it has its place.
                raise
            problems.skipped(error.code, error.message, **where)
            return None

    def _sized(self, item: Item) -> Item:
        """Return the item with the size that its image has, where the file does not say it."""
        due = self.context.sizes and item.media == "image" and self._folder is not None
        if not due or (item.width and item.height) or item.name is None:
            return item
        assert self._folder is not None
        found = self._folder.find(item.name)
        if found is None:
            return item
        info = image_info(found, limits=self.context.limits)
        name = item.name if is_image_name(item.name) else item.name + found.suffix
        return msgspec.structs.replace(
            item,
            name=name,
            width=info.width,
            height=info.height,
            exif_orientation=info.orientation if info.orientation > 1 else None,
        )


def _default_name(shown: str) -> str:
    """Return the item's name as its file's name tells: ``a.jpg.json`` or ``a.json``."""
    return stem_of(shown)


def _at(error: FormatError, shown: str) -> FormatError:
    if error.path is not None:
        return error
    return type(error)(error.message, code=error.code, path=shown, location=error.location)
