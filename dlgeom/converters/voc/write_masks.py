"""Painting the mask pair of an image: numbers of objects and indexes of classes.

Objects are painted in the order of their rows, later ones over earlier ones, from crops; the two
maps of the whole image are what the format asks for.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Losses
from dlgeom.converters.voc.classes import VOID
from dlgeom.converters.voc.write_codes import approximate
from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.item import Item
from dlgeom.limits import Limits

__all__ = ["Painting", "paint", "void_counts"]


class Painting(msgspec.Struct):
    """The two maps of an image, uint8 of shape (H, W)."""

    objects: NDArray[np.uint8]
    classes: NDArray[np.uint8]


def void_counts(item: Item, shape: tuple[int, int]) -> list[NDArray[np.uint32]]:
    """Return the void pixels that a VOC source had: those of its classes and of its objects.

    Nothing where there are none of that size.
    """
    void = (item.fields or item.extra).get("void")
    if not isinstance(void, dict) or void.get("size") != list(shape):
        return []
    try:
        classes = rle.from_string(void.get("counts", ""))
        objects = rle.from_string(void["objects"]) if "objects" in void else classes
        for counts in (classes, objects):
            rle.check(counts, shape)
    except (GeometryError, TypeError, AttributeError):
        return []
    return [classes, objects]


def _crop(
    chunk: Chunk, row: int, shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], int, int] | None:
    """Return the pixels of a row; None for a mask of another size."""
    if chunk.runs.shape[row, 0]:
        if tuple(chunk.runs.shape[row].tolist()) != shape:
            return None
        return rle.decode_crop(chunk.runs.row(row), shape)
    from dlgeom.geometry import raster

    return raster.parts_to_crop(chunk.outline.row(row), shape)


def paint(
    chunk: Chunk,
    rows: list[int],
    numbers: dict[int, int],
    class_index: list[int | None],
    item: Item,
    losses: Losses,
    limits: Limits,
) -> Painting | None:
    """Paint the rows of an item that have pixels.

    Parameters
    ----------
    chunk : Chunk
        The rows.
    rows : list of int
        Rows of the item with a mask or an outline, in order.
    numbers : dict of int to int
        Row -> number of its object, 0 for a region of a class without an object.
    class_index : list of int or None
        Label -> index in the mask of classes; None where it has no room.
    item : Item
        Says the size.
    losses : Losses
        Is told of covered and unpainted rows.
    limits : Limits
        `pixels`.

    Returns
    -------
    Painting or None
        None where the size is not known or over the limit.
    """
    shape = item.shape
    if shape is None or shape[0] * shape[1] > limits.pixels or min(shape) <= 0:
        code = "image.size" if shape is None or min(shape) <= 0 else "limit.pixels"
        for row in rows:
            approximate(losses, row, code)
        return None
    maps = Painting(np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8))
    painted: dict[int, tuple[int, int]] = {}
    for row in rows:
        number = numbers[row]
        index = class_index[int(chunk.label[row])]
        if index is None or number >= VOID:
            approximate(losses, row, "mask.too_many", 0.0)
            continue
        found = _crop(chunk, row, shape)
        if found is None:
            approximate(losses, row, "image.size_disagrees")
            continue
        crop, left, top = found
        area = int(np.count_nonzero(crop))
        if not area:
            approximate(losses, row, "mask.empty", 0.0)
            continue
        window = (slice(top, top + crop.shape[0]), slice(left, left + crop.shape[1]))
        if number:
            maps.objects[window][crop] = number
            painted[row] = (number, area)
        else:
            crop = crop & (maps.classes[window] == 0)
        maps.classes[window][crop] = index
    # Void hides nothing of an outline, which the XML has as a whole.
    outlined = {row for row in painted if not chunk.runs.shape[row, 0]}
    _tell_covered(maps, {row: painted[row] for row in outlined}, losses)
    for void, target in zip(void_counts(item, shape), (maps.classes, maps.objects), strict=False):
        crop, left, top = rle.decode_crop(void, shape)
        window = (slice(top, top + crop.shape[0]), slice(left, left + crop.shape[1]))
        target[window][crop] = VOID
    _tell_covered(maps, {row: painted[row] for row in painted if row not in outlined}, losses)
    return maps


def _tell_covered(maps: Painting, painted: dict[int, tuple[int, int]], losses: Losses) -> None:
    if not painted:
        return
    visible = np.bincount(maps.objects.ravel(), minlength=256)
    for row, (number, area) in painted.items():
        left: Any = visible[number]
        if left < area:
            approximate(losses, row, "geometry.overlap", float(left) / area)
