"""Images and categories for a list of results, which has neither.

With a ground-truth file they come from there. Without it the sizes of the images can only come
from run lengths.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlgeom.converters.base import ReadContext
from dlgeom.converters.coco.layout import image_folders
from dlgeom.converters.coco.read_columns import DEAD, id_column
from dlgeom.converters.coco.read_images import ImageFinder, ImageTable
from dlgeom.converters.coco.read_index import FileIndex
from dlgeom.converters.coco.read_resolve import identifier
from dlgeom.converters.coco.read_spill import pieces_of
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.labels import Label

__all__ = ["results_images", "results_labels"]


_NONE = np.zeros(0, dtype=np.int32)


def _ground_truth(context: ReadContext) -> FileIndex | None:
    """Read the ground truth's images and categories; its own annotations do not matter."""
    path = context.ground_truth
    if path is None:
        return None
    quiet = ReadContext(
        problems=Problems(strict=False), limits=context.limits, images=context.images
    )
    finder = ImageFinder(image_folders(path, None), context.images)
    index = FileIndex(path, path.name, quiet, finder)
    if index.results or not index.has_images:
        raise FormatError(
            "has no list of images; --ground-truth is a COCO file with images and categories",
            code="schema.field",
            path=path.name,
        )
    return index


def results_images(parts: list[FileIndex], context: ReadContext) -> ImageTable:
    """Return the images of results, and give each part its categories.

    Where neither a ground truth nor run lengths tell the size of an image, it has none: a list of
    results can be written without.
    """
    truth = _ground_truth(context)
    if truth is not None:
        for index in parts:
            if index.results:
                index.labels = truth.labels or []
        truth.source.close()
        return truth.images
    sizes: dict[Any, tuple[int, int]] = {}
    for index in parts:
        for piece in pieces_of(index.records, _NONE, _NONE):
            block = piece.block
            alive = np.flatnonzero((block.flags & DEAD) == 0).tolist()
            for row in alive:
                sizes.setdefault(identifier(block.image, row), (0, 0))
            for place, row in enumerate(block.mask_rows.tolist()):
                height, width = block.mask_sizes[place].tolist()
                key = identifier(block.image, row)
                if sizes.get(key) == (0, 0):
                    sizes[key] = (width, height)
    table = ImageTable()
    table.ids = id_column(list(sizes))
    table.names = [str(key) for key in sizes]
    pairs = np.array(list(sizes.values()), dtype=np.int64).reshape(-1, 2)
    table.width, table.height = pairs.T
    table.start = np.zeros(len(sizes), dtype=np.int64)
    table.length = np.zeros(len(sizes), dtype=np.int64)
    return table


def results_labels(parts: list[FileIndex], context: ReadContext) -> None:
    """Give categories to results without a ground truth: their ids are their names."""
    if context.ground_truth is not None:
        return
    for index in parts:
        if index.labels is not None:
            continue
        found: dict[Any, None] = {}
        for piece in pieces_of(index.records, _NONE, _NONE):
            block = piece.block
            alive = np.flatnonzero((block.flags & DEAD) == 0).tolist()
            found.update(dict.fromkeys(identifier(block.category, row) for row in alive))
        known = sorted((key for key in found if key is not None), key=lambda k: (str(type(k)), k))
        index.labels = [Label(name=str(key), id=key) for key in known]
