"""Pairing the masks of an image with the objects of its XML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import ReadContext
from dlgeom.converters.voc.classes import ClassTable
from dlgeom.converters.voc.pngs import MaskRow, Masks, read_masks
from dlgeom.converters.voc.read_columns import Columns
from dlgeom.converters.voc.xmlio import VocItem
from dlgeom.geometry import rle

__all__ = ["add_masks"]


def add_masks(
    classes: Path | None,
    objects: Path | None,
    stem: str,
    item: VocItem,
    columns: Columns,
    table: ClassTable,
    context: ReadContext,
) -> None:
    """Give the rows of the item in work their masks; other masks become rows of their own.

    Object k of the mask is the k-th object of the XML where their classes agree. A mask that an
    outline of the XML explains is left out: the outline says the same and more.
    """
    problems = context.problems
    names = (f"SegmentationClass/{stem}.png", f"SegmentationObject/{stem}.png")
    masks = read_masks(
        classes, objects, table=table, problems=problems, limits=context.limits, names=names
    )
    if masks is None:
        return
    height, width = masks.shape
    if item.width is None or item.height is None:
        item.width, item.height = width, height
    elif (item.width, item.height) != (width, height):
        problems.skipped(
            "image.size_disagrees",
            f"has {width} x {height} pixels, the image {item.width} x {item.height}; "
            "a mask has the size of its image. Its objects are left out",
            path=names[0] if classes is not None else names[1],
        )
        return
    if item.fields and item.fields.get("segmented") == 1:
        # The masks say so; other formats need no field for it.
        item.fields = {key: value for key, value in item.fields.items() if key != "segmented"}
    if masks.void is not None or masks.void_objects is not None:
        void: dict[str, Any] = {"size": [height, width]}
        empty = np.array([height * width], dtype=np.uint32)
        void["counts"] = rle.to_string(empty if masks.void is None else masks.void)
        if masks.void_objects is not None:
            void["objects"] = rle.to_string(masks.void_objects)
        item.fields = {**(item.fields or {}), "void": void}
    by_number = columns.numbers_of_last()
    for mask in masks.rows:
        row = by_number.get(mask.index - 1) if mask.index else None
        if row is not None and mask.name in (None, columns.name(row)):
            if not _explained(mask, masks, columns, row):
                columns.give_mask(row, mask.counts, masks.shape)
            continue
        if mask.name is None:
            problems.skipped(
                "ref.category",
                f"object {mask.index} has no class: neither the mask of classes nor the XML "
                "names one",
                path=names[1],
            )
            continue
        if row is not None:
            problems.notice(
                "geometry.disagree",
                f"object {mask.index} is {mask.name!r} in the masks and "
                f"{columns.name(row)!r} in the XML; they are kept as two",
                path=names[1],
            )
        columns.add_mask(mask.name, mask.counts, masks.shape, mask.index)


def _explained(mask: MaskRow, masks: Masks, columns: Columns, row: int) -> bool:
    """Whether the outline of a row, less what other objects and void cover, is the mask."""
    rings = columns.rings(row)
    if not rings or masks.objects is None:
        return False
    from dlgeom.geometry import bridges, raster
    from dlgeom.geometry.rings import drop_closing

    parts: list[list[NDArray[np.float64]]] = []
    for ring in rings:
        xy = np.array(ring, dtype=np.float64) - columns.base
        opened, cuts = drop_closing(xy, np.array([0, len(xy)]))
        if raster.faults(opened, cuts).any():
            return False
        parts.extend(bridges.split(xy) or [[opened]])
    full = raster.parts_to_runs(parts, masks.shape)
    if rle.area(rle.difference(mask.counts, full)):
        return False
    hidden, left, top = rle.decode_crop(rle.difference(full, mask.counts), masks.shape)
    covered = masks.objects[top : top + hidden.shape[0], left : left + hidden.shape[1]]
    return bool(((covered != 0) | ~hidden).all())
