"""The task classify: a folder of images for each class, and no label files."""

from __future__ import annotations

import numpy as np

from dlgeom.chunk import OTHER, Chunk
from dlgeom.converters.base import Losses, WriteContext
from dlgeom.converters.fields import count_fields
from dlgeom.converters.image_files import ImageCopier
from dlgeom.converters.lower_to import Nearest
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.yolo.write_files import Namer, folder_of_label
from dlgeom.converters.yolo.write_losses import Ledger
from dlgeom.errors import UsageError
from dlgeom.item import Item

__all__ = ["ClassifyWriter"]


class ClassifyWriter:
    """Writes ``<split>/<class>/<image>``; a class is the name of its folder.

    Raises
    ------
    UsageError
        If the images are not to be written: there would be nothing to write.
    """

    grouped = True
    needs = frozenset({"extra"})
    holds = frozenset({"class"})
    nearest = Nearest(shape="label")

    def __init__(self, context: WriteContext) -> None:
        if context.image_files == "none":
            raise UsageError(
                "the task classify writes folders of images, but image_files is 'none'. "
                "Use --image-files copy or link"
            )
        self._context = context
        self._copier = ImageCopier(
            context.output, context.meta.images_root, context.image_files, context.problems
        )
        self._namer = Namer(context.problems, context.limits, context.subset or "train")
        self._claims = Claims()
        self._folder_claims = Claims()
        self._folders: dict[int, str] = {}

    def write(self, chunk: Chunk) -> Losses:
        """Write the images of a chunk; each goes to the folder of its first label."""
        ledger = Ledger(len(chunk))
        ledger.drop(chunk.label < 0, "ref.category")
        ends = chunk.item_offsets.tolist()
        for index, item in enumerate(chunk.items):
            rows = np.arange(ends[index], ends[index + 1])
            rows = rows[chunk.label[rows] >= 0]
            if not len(rows):
                self._context.problems.notice(
                    "ref.category", f"image {item.name!r} has no label and is not written"
                )
                continue
            # The label of the whole image counts before those of things in it.
            whole = rows[(chunk.shapes[rows] & OTHER) != 0]
            chosen = int(whole[0] if len(whole) else rows[0])
            label = int(chunk.label[chosen])
            ledger.drop(rows[chunk.label[rows] != label], "label.second")
            alike = rows[chunk.label[rows] == label]
            shaped = (chunk.shapes[alike] & np.uint8(255 - OTHER)) != 0
            ledger.change(alike[shaped], "shape.box_of_image")
            self._put(item, self._folder(chunk, label), chunk.labels[label].name)
        losses = ledger.losses()
        losses.fields = count_fields(chunk, rows=ledger.alive)
        return losses

    def _put(self, item: Item, folder: str, label: str) -> None:
        """Write an image into the folder of its class, where its name may put it already."""
        source = self._copier.find(item)
        if source is None:
            return
        name = safe_name(item.name or source.name, limits=self._context.limits)[0]
        name = output_name(name.removeprefix(f"{label}/"))
        if stem_of(name) == name:
            name += source.suffix
        wanted = f"{self._namer.folder(item.subset)}/{folder}/{name}"
        given, collided = self._claims.claim(wanted)
        if collided:
            self._context.problems.warning(
                "path.collision",
                f"{item.name!r} would have the name {wanted!r} of another image; it is "
                f"{given!r} instead",
            )
        self._copier.put_file(source, given)

    def _folder(self, chunk: Chunk, label: int) -> str:
        found = self._folders.get(label)
        if found is None:
            name = chunk.labels[label].name
            found = self._folders[label] = folder_of_label(chunk.labels[label], self._folder_claims)
            if found != name:
                self._context.problems.notice(
                    "path.reserved", f"class {name!r} gets the folder {found!r}"
                )
        return found

    def finish(self) -> None:
        """Tell of classes without an image: the folders say it all, and these have none."""
        labels = self._context.meta.labels
        for index, label in enumerate(labels):
            if index not in self._folders:
                self._context.problems.notice(
                    "ref.category", f"class {label.name!r} has no image and gets no folder"
                )
