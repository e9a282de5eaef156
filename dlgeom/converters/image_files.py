"""Images that go into a target beside its annotations: copied, or linked."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Losses, WriteContext, Writer
from dlgeom.converters.images import ImageFolder
from dlgeom.converters.lazy import fetched
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item

__all__ = ["ImageCopier", "WithImages"]


class ImageCopier:
    """Copies or links the images of items into the target.

    Parameters
    ----------
    output : Output
        The target.
    root : Path, optional
        Folder of the images.
    how : {"copy", "link"}
        A hard link costs no space; where the system refuses it the file is copied.
    problems : Problems
        Is told of images that are not there.

    Raises
    ------
    UsageError
        If nobody knows where the images are.
    """

    def __init__(self, output: Output, root: Path | None, how: str, problems: Problems) -> None:
        if root is None:
            raise UsageError(
                f"image_files is {how!r}, but it is not known where the images are. "
                "Name their folder with --images"
            )
        self._folder = ImageFolder(root)
        self._root = root
        self._put = output.link if how == "link" else output.copy
        self._problems = problems

    def put(self, item: Item, place: str) -> bool:
        """Write ``<place>.<ending>``; return whether the image was there."""
        source = self.find(item, place)
        if source is None:
            return False
        self.put_file(source, place + source.suffix)
        return True

    def put_file(self, source: Path, name: str) -> None:
        """Write an image under a name in the target."""
        self._put(name, source)

    def find(self, item: Item, place: str = "") -> Path | None:
        """Return the image of an item; one that is not there, or may not be read, is told."""
        name = item.name or place
        try:
            named = item if item.name else msgspec.structs.replace(item, name=place)
            source = self._folder.find_item(named)
            if source is not None:
                fetched(source)
        except FormatError as error:
            self._problems.repaired(error.code, error.message, path=name)
            return None
        if source is None:
            self._problems.warning(
                "image.unreadable",
                f"image {name!r} is not below {self._root.name!r}; its annotations are written "
                "without it. Check --images",
            )
        return source


class WithImages:
    """A writer whose target also gets the images, as ``images/<name>``.

    Of two images of one name the second goes to ``images/<split>/<name>``, where readers look
    first.

    Parameters
    ----------
    writer : Writer
        What writes the annotations; its other attributes are those of this writer too.
    context : WriteContext
        The context it was made with.
    """

    def __init__(self, writer: Writer, context: WriteContext) -> None:
        self._writer = writer
        self._context = context
        self._copier = ImageCopier(
            context.output, context.meta.images_root, context.image_files, context.problems
        )
        self._claims = Claims()
        self._seen: set[int] = set()
        self.grouped = writer.grouped
        self.needs = writer.needs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write(self, chunk: Chunk) -> Losses:
        """Write a chunk, and the images that come for the first time."""
        losses = self._writer.write(chunk)
        for item in chunk.items:
            if item.number < 0 or item.number not in self._seen:
                self._seen.add(item.number)
                self._put(item)
        return losses

    def _put(self, item: Item) -> None:
        if item.name is None:
            return
        source = self._copier.find(item)
        if source is None:
            return
        name = output_name(safe_name(item.name, limits=self._context.limits)[0])
        if stem_of(name) == name:
            name += source.suffix
        place, taken = self._claims.claim(f"images/{name}")
        if taken:
            if self._is_there(f"images/{name}", source):
                return
            split = output_name(self._context.subset or item.subset or "train")
            place, taken = self._claims.claim(f"images/{split}/{name}")
        if taken:
            self._context.problems.warning(
                "path.collision",
                f"{item.name!r} is the name of another image too; this one is put at {place!r}. "
                "Rename one of them",
            )
        self._copier.put_file(source, place)

    def _is_there(self, name: str, source: Path) -> bool:
        """Whether the target holds that very image already."""
        try:
            return filecmp.cmp(self._context.output.root / name, source, shallow=False)
        except OSError:
            return False

    def finish(self) -> None:
        """Write what can be known only at the end."""
        self._writer.finish()
