"""Makes samples: reads the image, applies the transforms, gives arrays or tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dlgeom.batches import Columns
from dlgeom.training.entries import arrays_of, entry_of
from dlgeom.training.hooks import Step
from dlgeom.training.index import Index

__all__ = ["Built", "Maker"]


class Built(msgspec.Struct, eq=False):
    """A sample before it becomes a dict or tensors.

    Parameters
    ----------
    index : int
        Position of the item in the data set.
    path : Path, optional
        File of the image.
    image : object
        The image after the transforms, None without images.
    columns : Columns
        The annotations after the transforms.
    shape : tuple of int, optional
        (height, width) of the image.
    before : tuple, optional
        Image and annotations before the transforms, where they are kept.
    """

    index: int
    path: Path | None
    image: Any
    columns: Columns
    shape: tuple[int, int] | None
    before: tuple[Any, Columns] | None = None


class Maker(msgspec.Struct, frozen=True, eq=False):
    """How samples are made.

    Parameters
    ----------
    index : Index
        Items and annotations.
    steps : sequence of Step
        Transforms of images and annotations.
    late : sequence of callable
        Transforms of tensors.
    with_images, one_hot, originals, tensors : bool
        As `DatasetGenerator` is told with ``with_images``, ``to_categorical``,
        ``return_originals`` and ``output``.
    """

    index: Index
    steps: Sequence[Step]
    late: Sequence[Any]
    with_images: bool
    one_hot: bool
    originals: bool
    tensors: bool

    def make(self, number: int, random: np.random.Generator) -> Any:
        """Return the sample of an item: a dict, or image and target as tensors."""
        built = self.build(number, random)
        if not self.tensors:
            return self._dict(built)
        from dlgeom.training.torch_targets import to_target

        return to_target(
            built.image,
            built.columns,
            self.index.kind,
            self.index.classes,
            number,
            points=self.index.points,
            transforms=self.late,
        )

    def build(self, number: int, random: np.random.Generator) -> Built:
        """Read an item and transform it with the random numbers given."""
        item = self.index.store.items[number]
        columns = self.index.store.columns(number)
        files = self.index.files
        image: Any = None
        if self.with_images:
            path: Path | None = files.needed(item)
            assert path is not None
            image = files.read(item, path)
            if item.width is None or item.height is None:
                size = {"width": image.shape[1], "height": image.shape[0]}
                columns.chunk.items = [msgspec.structs.replace(item, **size)]
        else:
            path = files.direct(item)
        built = Built(number, path, image, columns, _shape(image) or item.shape)
        if self.originals:
            built.before = (None if image is None else image.copy(), columns)
        if self.steps:
            collection = columns.collection()
            for step in self.steps:
                image, collection = step.transform(image, collection, random)
            built.image, built.columns = image, collection.columns()
            built.shape = _shape(image) or built.shape
        return built

    def _dict(self, built: Built) -> dict[str, Any]:
        item, kind = self.index.store.items[built.index], self.index.kind
        arrays, entry = self._arrays(built.columns, built.shape)
        result: dict[str, Any] = {
            "image_filepath": None if built.path is None else str(built.path),
            "item_id": item.name if item.id is None else item.id,
            **arrays,
            "crowd": np.array(built.columns.crowd),
            "annotation_filepath": self.index.store.sources[built.index],
        }
        if kind is not None:
            result[kind.name] = entry
        if self.with_images:
            result["image"] = built.image
        result["annotations"] = entry
        if built.before is not None:
            image, columns = built.before
            result["orig_image"] = image
            result["orig_annotations"] = self._arrays(columns, _shape(image) or item.shape)[1]
        return result

    def _arrays(
        self, columns: Columns, shape: tuple[int, int] | None
    ) -> tuple[dict[str, Any], Any]:
        """Return boxes, class ids and labels, and the entry of the asked type."""
        kind, classes = self.index.kind, self.index.classes
        arrays = arrays_of(columns, kind, classes, one_hot=self.one_hot)
        how: Any = {"one_hot": self.one_hot, "points": self.index.points}
        return arrays, entry_of(columns, kind, classes, arrays, shape, **how)


def _shape(image: Any) -> tuple[int, int] | None:
    """Return (height, width) of an image as a transform may have left it."""
    shape = getattr(image, "shape", None)
    if shape is None or len(shape) < 2:
        return None
    sides = shape[:2] if isinstance(image, np.ndarray) else shape[-2:]
    return int(sides[0]), int(sides[1])
