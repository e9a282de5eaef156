"""Items of a YOLO data set: safe names, and sizes from wherever they are known.

Label files say no sizes (formats page, section 2.1). In this order: ``images.csv``, the image
beside the labels, the image below ``--images``, the size that the user gives for all.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from dlgeom.converters.base import ReadContext
from dlgeom.converters.images import ImageFolder, ImageInfo, image_info, is_image_name
from dlgeom.converters.inputs import check_inside
from dlgeom.converters.names import safe_name
from dlgeom.converters.yolo.layout import Layout
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.read_tree import FILE
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item

__all__ = ["ItemMaker", "SizeUnknownError", "given_size"]


class SizeUnknownError(FormatError):
    """Rows of an image whose size nobody knows."""


class ItemMaker:
    """Makes the items of a data set.

    Parameters
    ----------
    layout : Layout
        The data set.
    context : ReadContext
        `images`, `limits`, `problems` and the option ``yolo_image_size`` are used.
    """

    def __init__(self, layout: Layout, context: ReadContext) -> None:
        self._layout = layout
        self._context = context
        self._size = given_size(context.options.get("yolo_image_size"))
        self._folder = None if context.images is None else ImageFolder(context.images)
        self._stems: dict[str, Path | None] | None = None
        root = layout.images_root if context.images is None else None
        self._before = None if root is None else f"{root}/" if root else ""

    def make(self, entry: Entry, *, has_rows: bool) -> Item:
        """Return the item of an entry.

        Parameters
        ----------
        entry : Entry
            One image.
        has_rows : bool
            Whether its size is needed.

        Raises
        ------
        SizeUnknownError
            ``image.size`` where it is needed and not known.
        FormatError
            ``path.*`` for bad names and links out of the data set, ``image.*`` for bad images.
        """
        name, note = safe_name(entry.name, limits=self._context.limits, shown=entry.label)
        if note:
            self._context.problems.warning(
                note, f"name {entry.name!r} is used as {name!r}", path=entry.label
            )
        item = Item(
            name=name,
            width=entry.width or None,
            height=entry.height or None,
            exif_orientation=entry.orientation,
            subset=entry.subset,
        )
        before = self._before
        if entry.image is not None and before is not None and entry.image != before + name:
            item.file = entry.image[len(before) :]
        if not (item.width and item.height):
            self._find_size(entry, item, has_rows)
        return item

    def _find_size(self, entry: Entry, item: Item, has_rows: bool) -> None:
        info = self._info(entry, item)
        if info is not None:
            item.width, item.height = info.width, info.height
            item.exif_orientation = info.orientation
        elif self._size is not None:
            item.width, item.height = self._size
        elif has_rows and not self._context.sizes:
            return
        elif has_rows:
            raise SizeUnknownError(
                f"size of image {entry.name!r} is not known; YOLO numbers are fractions of it. "
                "Pass --images DIR, or --yolo-image-size WIDTHxHEIGHT",
                code="image.size",
                path=entry.label,
            )
        elif entry.label is None and entry.image is None:
            raise FormatError(
                f"image {entry.name!r} is listed, but neither it nor its label file is there. "
                "Remove it from the list, or pass --images DIR",
                code="ref.image",
                path=entry.name,
            )

    def _info(self, entry: Entry, item: Item) -> ImageInfo | None:
        """Read the header of an entry's image, wherever it is; mend its name if it was guessed."""
        tree = self._layout.tree
        found: Path | None = None
        if entry.image is not None:
            found = tree.path(entry.image)
            folder, _, base = entry.image.rpartition("/")
            if tree.listing(folder).get(base) != FILE:
                check_inside(found, tree.root, entry.image)
        elif self._folder is not None:
            found = self._folder.find(entry.name) or (
                self._same_stem(entry.name) if entry.guessed else None
            )
        if found is None:
            return None
        if entry.guessed:
            item.name = os.path.splitext(item.name or "")[0] + found.suffix
        return image_info(found, limits=self._context.limits, shown=entry.image or found.name)

    def _same_stem(self, name: str) -> Path | None:
        """Return the image below ``--images`` with a label file's stem, if it is the only one."""
        if self._stems is None:
            stems: dict[str, Path | None] = {}
            for folder, folders, files in os.walk(self._context.images or "."):
                folders.sort()
                for base in sorted(files):
                    path = Path(folder, base)
                    if is_image_name(base) and not path.is_symlink():
                        stem = os.path.splitext(base)[0]
                        below = path.relative_to(self._context.images or ".").with_suffix("")
                        stems[f"/{below.as_posix()}"] = path
                        stems[stem] = None if stem in stems else path
            self._stems = stems
        stem = os.path.splitext(name)[0]
        return self._stems.get(f"/{stem}") or self._stems.get(stem.rpartition("/")[2])


def given_size(text: str | None) -> tuple[int, int] | None:
    """Parse WIDTHxHEIGHT.

    Raises
    ------
    UsageError
        If it is something else.

    Examples
    --------
    >>> given_size("1024x768")
    (1024, 768)
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,7})[xX]([0-9]{1,7})", text.strip())
    if not found or not (int(found[1]) and int(found[2])):
        raise UsageError(f"yolo_image_size is {text!r}; it is WIDTHxHEIGHT, for example 1024x768")
    return int(found[1]), int(found[2])
