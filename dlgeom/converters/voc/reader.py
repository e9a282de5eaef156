"""Reading Pascal VOC: one XML for each image, mask pairs, image sets.

Files of the common kind go through `read_fast`, all others through lxml; both end in the same
columns. Nothing is read twice and no tree outlives its file.
"""

from __future__ import annotations

import copy
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dlgeom.chunk import Chunk
from dlgeom.converters.base import ALL, Meta, ReadContext
from dlgeom.converters.images import (
    IMAGE_SUFFIXES,
    ImageFolder,
    check_size,
    image_info,
    is_image_name,
)
from dlgeom.converters.inputs import read_bytes, unreadable
from dlgeom.converters.names import safe_name, stem_of
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc import read_fast, read_tree
from dlgeom.converters.voc.classes import ClassTable, read_classes
from dlgeom.converters.voc.layout import Entry, Layout, find_layout, recognise
from dlgeom.converters.voc.options import READ_OPTIONS
from dlgeom.converters.voc.read_columns import Columns
from dlgeom.converters.voc.read_fast import Head
from dlgeom.converters.voc.read_head import read_head
from dlgeom.converters.voc.read_tags import Flags, Tagger
from dlgeom.converters.voc.sets import ImageSets
from dlgeom.converters.voc.xmlio import VocItem, parse, serialise
from dlgeom.errors import FormatError, OutputError
from dlgeom.labels import Label, LabelTable

if TYPE_CHECKING:
    from dlgeom.converters.parallel.units import Cut

__all__ = ["READ_OPTIONS", "VocReader", "open_reader", "recognise"]


_CHUNK_FILES, _CHUNK_BYTES = 512, 1 << 20
WINDOW_FILES = 2_048
"""Images after which a chunk ends in any case."""
_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_MARKS = (
    ("rotated", "<robndbox"),
    ("outline", "<polygon"),
    ("outline", "<segmentation"),
)


def open_reader(path: Path, context: ReadContext) -> VocReader:
    """Open a VOC data set: a folder with ``Annotations`` or masks, of XML files, or one XML.

    Raises
    ------
    FormatError
        If the folder holds no such thing, or a class list or image set cannot be read.
    UsageError
        For splits that the data set does not have.
    """
    layout = find_layout(path, context)
    masks = layout.classes is not None or layout.objects is not None
    return VocReader(layout, read_classes(layout.root, context, masks=masks), context)


class VocReader:
    """A VOC data set as chunks; see `dlgeom.converters.base.Reader`."""

    def __init__(self, layout: Layout, table: ClassTable, context: ReadContext) -> None:
        self._layout, self._table, self._context = layout, table, context
        self._alone, self._first = len(layout.entries) == 1, 0
        self._told_path = self._told_before = False
        labels = LabelTable(
            Label(name=name, id=index, color=table.colors.get(name))
            for index, name in sorted(table.names.items())
        )
        self._tagger = Tagger(layout.sets, {entry.stem for entry in layout.entries}, labels)
        self.meta = Meta(format="voc", labels=labels, subsets=list(layout.subsets))
        self.meta.images_root, self.meta.lists = layout.images, layout.beyond
        extra = {
            "voc_sets": layout.sets if layout.sets.lists else None,
            "voc_labelmap": table.text or None,
            "voc_colors": table.colors or None,
        }
        self.meta.extra.update({key: value for key, value in extra.items() if value})
        folder = os.path.relpath(layout.annotations, layout.root)
        self._folder = "" if folder == "." else f"{folder}/"
        self._images = None if layout.images is None else ImageFolder(layout.images)
        self._fast = read_fast.usable(context.limits)

    def count(self) -> int:
        """Return how many images there are."""
        return len(self._layout.entries)

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs and other occur, by a look at the text."""
        layout = self._layout
        kinds = {"runs"} if layout.classes is not None or layout.objects is not None else set()
        quiet = Problems(strict=False)
        for entry in layout.entries:
            if entry.xml is None:
                continue
            try:
                text = self._read(entry.xml, quiet).decode("utf-8", "replace").replace("\0", "")
            except (FormatError, OutputError):
                continue  # told when it is read
            if "<bndbox" in text:
                kinds.add("box")
            elif "<point" in text:
                kinds.add("other")
            if "<robndbox" in text or "<polygon" in text or "<segmentation" in text:
                kinds.update(kind for kind, mark in _MARKS if mark in text)
        return kinds

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set, always grouped by image."""
        context = self._context
        columns = Columns(
            self.meta.labels,
            context.problems,
            context.limits,
            base=int(context.options.get("voc_base", 0)),
            keep="extra" in needs,
        )
        self._told_path = self._told_before
        for number, entry in enumerate(self._layout.entries, self._first):
            self._read_entry(entry, number, columns)
            full = len(columns.items) >= _CHUNK_FILES or columns.bytes >= _CHUNK_BYTES
            # At whole windows too: other processes start there.
            if full or (columns.items and (number + 1) % WINDOW_FILES == 0):
                yield columns.chunk()
        if columns.items:
            yield columns.chunk()

    # -- in parts --------------------------------------------------------------------------

    @property
    def once(self) -> bool:
        """What is told once in a run and has been told."""
        return self._told_path

    @once.setter
    def once(self, told: bool) -> None:
        self._told_path = self._told_before = told

    def cut(self, *, grouped: bool, needs: frozenset[str]) -> Cut | None:
        """Return the data set as parts for other processes, None where it stays whole."""
        layout = self._layout
        if layout.single:
            return None
        from dlgeom.converters.parallel.entries import cut_entries
        from dlgeom.converters.parallel.units import Cost

        base = copy.copy(self)
        places = {
            name: None if path is None else Path(os.path.abspath(path))
            for name in ("root", "annotations", "classes", "objects", "images")
            for path in [getattr(layout, name)]
        }
        base._layout = msgspec.structs.replace(layout, entries=[], sets=ImageSets(), **places)
        base.__dict__.update(_context=None, _images=None, meta=None)
        base._tagger, tagger = self._tagger.of_part({}), self._tagger
        masks = layout.classes is not None or layout.objects is not None
        return cut_entries(
            layout.entries,
            WINDOW_FILES,
            Cost(item=4e-3 if masks else 70e-6),
            shown=layout.root.name,
            reader=self,
            context=self._context,
            base=base,
            beside=(
                (lambda entries: tagger.flags_of(entry.stem for entry in entries))
                if tagger.used
                else None
            ),
        )

    def of_part(
        self, entries: list[Entry], first: int, meta: Meta, context: ReadContext, number: int
    ) -> VocReader:
        """Return a reader of some of the images, which are counted from `first`."""
        reader = copy.copy(self)
        reader._context, reader.meta, reader._first = context, meta, first
        reader._layout = msgspec.structs.replace(self._layout, entries=entries)
        images = self._layout.images
        reader._images = None if images is None else ImageFolder(images)
        return reader

    def take_beside(self, flags: Flags) -> None:
        """Take what the lists of classes say of the images of a part."""
        self._tagger = self._tagger.of_part(flags)

    # -- a file ----------------------------------------------------------------------------

    def _read_entry(self, entry: Entry, number: int, columns: Columns) -> None:
        """Read one image; a file that cannot be trusted is told and left out."""
        try:
            if entry.xml is None:
                self._without_xml(entry, number, columns)
            else:
                self._with_xml(entry, entry.xml, number, columns)
            self._tagger.add(entry.stem, entry.subset, columns, self._context.problems)
        except FormatError as error:
            if self._alone:
                raise
            self._context.problems.file(error)

    def _shown(self, name: str) -> str:
        return self._folder + name

    def _read(self, name: str, problems: Problems) -> bytes:
        """Return the bytes of an XML file; the common case in four system calls."""
        path = f"{self._layout.annotations}/{name}"
        try:
            descriptor = os.open(path, _OPEN)
        except OSError as error:
            raise unreadable(error, self._shown(name)) from error
        try:
            status = os.fstat(descriptor)
            size = status.st_size
            if stat.S_ISREG(status.st_mode) and 0 < size <= self._context.limits.label_bytes:
                data = os.read(descriptor, size + 1)
                if len(data) == size:
                    return data
        except OSError as error:
            raise unreadable(error, self._shown(name)) from error
        finally:
            os.close(descriptor)
        return read_bytes(path, limits=self._context.limits, shown=self._shown(name))

    def _with_xml(self, entry: Entry, name: str, number: int, columns: Columns) -> None:
        shown = self._shown(name)
        data = self._read(name, self._context.problems)
        keep = columns.keep
        plain = read_fast.read_plain(data, keep=keep) if self._fast else None
        if plain is not None:
            item = self._item(entry, plain.head, number, shown)
            columns.start(item, shown)
            columns.add_plain(plain.objects)
        else:
            item = self._from_tree(entry, data, number, columns, shown)
        columns.bytes += len(data)
        self._add_masks(entry, item, columns)

    def _from_tree(
        self, entry: Entry, data: bytes, number: int, columns: Columns, shown: str
    ) -> VocItem:
        """Read a file of any kind by lxml."""
        context = self._context
        limits, problems = context.limits, context.problems
        root, doctype = parse(data, limits=limits, shown=shown)
        if doctype:
            problems.notice(
                "xml.doctype", "has a document type; it is not read and means nothing", path=shown
            )
        head, notes = read_head(root, keep=columns.keep, limits=limits, shown=shown)
        for note in notes:
            getattr(problems, note.how)(note.code, note.message, path=shown)
        item = self._item(entry, head, number, shown)
        records = []
        for place, element in enumerate(root.iterchildren("object")):
            try:
                record = read_tree.read_object(element, limits=limits, shown=shown)
            except FormatError as error:
                if error.code.startswith("limit."):
                    raise
                problems.skipped(error.code, error.message, path=shown, location=f"object[{place}]")
                continue
            records.append((place, record, serialise(element) if columns.keep else ""))
        columns.start(item, shown)
        for place, record, raw in records:
            columns.add_record(place, record, raw)
        return item

    # -- the image -------------------------------------------------------------------------

    def _item(self, entry: Entry, head: Head, number: int, shown: str) -> VocItem:
        """Return the item that the head of a file describes."""
        if head.has_path and not self._told_path:
            self._told_path = True
            self._context.problems.notice(
                "path.normalised",
                "<path> names a place on the machine of the annotator; it is left out, "
                "here and in other files",
                path=shown,
            )
        name = self._item_name(entry, head.filename, shown)
        width, height = head.width or 0, head.height or 0
        if width > 0 and height > 0:
            if width * height > self._context.limits.pixels:
                check_size(width, height, limits=self._context.limits, shown=shown)
        else:
            width, height = self._size(name, head, shown)
        return VocItem(
            name=name,
            width=width or None,
            height=height or None,
            subset=entry.subset,
            number=number,
            stem=entry.stem,
            fields=head.fields,
            head=head.text,
            tail=head.tail,
        )

    def _item_name(self, entry: Entry, filename: str | None, shown: str) -> str:
        """Return the name of the image: the stem of the XML with the ending of ``filename``.

        Where an image of that stem is missing and the one of ``filename`` is there, the latter.
        """
        folder, slash, base = entry.stem.rpartition("/")
        if (
            filename
            and filename.startswith(base)
            and filename[len(base) :].lower() in IMAGE_SUFFIXES
        ):
            # The common case: "a.jpg" for a.xml.
            return folder + slash + filename
        problems = self._context.problems
        if filename is not None and not filename:
            problems.warning(
                "schema.field", "<filename> is empty; the name of the XML is used", path=shown
            )
        suffix, other = "", ""
        if filename:
            clean, note = safe_name(filename, limits=self._context.limits, shown=shown)
            if note == "path.normalised":
                problems.warning(
                    note, f"<filename> is {filename[:80]!r}; read as {clean}", path=shown
                )
            other = clean.rpartition("/")[2]
            suffix = other[len(stem_of(other)) :] if is_image_name(other) else ""
            if stem_of(other) == base and suffix:
                return entry.stem + suffix
        image = self._find(entry.stem + suffix) or (None if not suffix else self._find(entry.stem))
        if image is not None:
            return entry.stem + os.path.splitext(image)[1]
        if suffix:
            if self._find(folder + slash + other) is not None:
                return folder + slash + other
            problems.notice(
                "path.disagrees",
                f"<filename> is {other[:80]!r}, which is not the name of the XML; "
                f"the image is taken to be {base}{suffix}",
                path=shown,
            )
        # JPEGImages is where VOC has its images.
        return entry.stem + (suffix or ".jpg")

    def _find(self, name: str) -> str | None:
        """Return the image file of that very name below the images' folder."""
        if self._images is None:
            return None
        try:
            found = self._images.find(name)
        except FormatError as error:
            self._context.problems.warning(error.code, error.message, path=error.path)
            return None
        if found is None or stem_of(found.name) not in (
            stem_of(name.rpartition("/")[2]),
            name.rpartition("/")[2],
        ):
            return None
        return str(found)

    def _size(self, name: str, head: Head | None, shown: str) -> tuple[int, int]:
        """Return the size from the image file, (0, 0) where there is none."""
        found = self._find(name)
        said = "is not given"
        if head is not None and head.has_size:
            said = f"is {head.width} x {head.height}"
        if found is None:
            if head is not None:
                self._context.problems.notice(
                    "image.size",
                    f"size {said} and there is no image to look at; name a folder with --images",
                    path=shown,
                )
            return 0, 0
        info = image_info(found, limits=self._context.limits, shown=name)
        if head is not None and head.has_size:
            self._context.problems.notice(
                "image.size",
                f"size {said}; that of the image, {info.width} x {info.height}, is used",
                path=shown,
            )
        return info.width, info.height

    def _without_xml(self, entry: Entry, number: int, columns: Columns) -> None:
        """Read an image that only masks or image sets know."""
        found = self._find(entry.stem)
        suffix = ".jpg" if found is None else os.path.splitext(found)[1]
        name = entry.stem + suffix
        shown = f"{entry.stem}.png"
        width, height = self._size(name, None, shown)
        item = VocItem(
            name=name,
            width=width or None,
            height=height or None,
            subset=entry.subset,
            number=number,
            stem=entry.stem,
            fields={},
        )
        columns.start(item, shown)
        self._add_masks(entry, item, columns)

    # -- masks -----------------------------------------------------------------------------

    def _add_masks(self, entry: Entry, item: VocItem, columns: Columns) -> None:
        layout = self._layout
        if layout.classes is None and layout.objects is None:
            return
        from dlgeom.converters.voc.read_masks import add_masks

        paths = [
            None if folder is None else folder / f"{entry.stem}.png"
            for folder in (layout.classes, layout.objects)
        ]
        there = [path if path is not None and path.is_file() else None for path in paths]
        if there[0] is not None or there[1] is not None:
            add_masks(there[0], there[1], entry.stem, item, columns, self._table, self._context)
