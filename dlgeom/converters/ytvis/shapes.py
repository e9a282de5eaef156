"""Shapes as entries of a record: segmentation, bbox and area of one frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlgeom.conversions import to_box, to_polygon, to_segmentation
from dlgeom.converters.coco.read_shapes import ring_faults
from dlgeom.converters.coco.write_ids import encode_json
from dlgeom.definitions import Box, Ellipse, Polygon, Segmentation
from dlgeom.definitions.base import Definition
from dlgeom.errors import GeometryError
from dlgeom.geometry import rle
from dlgeom.limits import Limits

__all__ = ["Entry", "entry_of"]


class Entry:
    """One frame of a record, as JSON text; `code` says what it costs, "" for nothing."""

    __slots__ = ("area", "bbox", "code", "segmentation")

    def __init__(self, segmentation: bytes, bbox: bytes, area: bytes, code: str) -> None:
        self.segmentation = segmentation
        self.bbox = bbox
        self.area = area
        self.code = code


def entry_of(
    shape: Definition, size: tuple[int, int], limits: Limits, *, results: bool = False
) -> Entry | str:
    """Return a shape as an entry, or the code of why it has none.

    Parameters
    ----------
    shape : Definition
        What is seen in the frame.
    size : tuple of int
        Width and height of the video.
    results : bool
        Whether it is for a list of results, which has no boxes.
    """
    code = ""
    if not isinstance(shape, Segmentation | Polygon | Box) or (
        isinstance(shape, Box) and shape.is_rotated
    ):
        try:
            if isinstance(shape, Box | Ellipse):
                shape, code = to_polygon(shape), "geometry.to_polygon"
            else:
                shape, code = to_box(shape), "geometry.to_box"
        except GeometryError:
            return "shape.no_box"
    bounds = np.array(shape.bounds, dtype=np.float64)
    if not isinstance(shape, Segmentation) and np.abs(bounds).max() + 1 > limits.coordinate:
        return "value.range"
    if isinstance(shape, Box) and results:
        shape, code = to_polygon(shape), code or "geometry.box_only"
    if isinstance(shape, Polygon):
        if any(len(part) > 1 for part in shape.parts):
            if size[0] * size[1] > limits.rle_pixels:
                return "value.range"
            shape, code = to_segmentation(shape, (size[1], size[0])), "geometry.to_mask"
        else:
            return _polygon(shape, limits, code)
    if isinstance(shape, Segmentation):
        return _mask(shape, size, code)
    left, top, right, bottom = shape.bounds
    width, height = right - left, bottom - top
    return Entry(b"[]", _numbers([left, top, width, height]), _number(width * height), code)


def _polygon(shape: Polygon, limits: Limits, code: str) -> Entry | str:
    rings = [np.asarray(ring, dtype=np.float64) for ring in shape.rings]
    for fault in ring_faults(rings, limits):
        if fault is not None:
            far = fault.code in ("limit.points", "geometry.outside_image")
            return "limit.points" if far else "polygon.zero_area"
    left, top, right, bottom = shape.bounds
    text = b"[" + b",".join(_numbers(ring.ravel().tolist()) for ring in rings) + b"]"
    bbox = _numbers([left, top, right - left, bottom - top])
    return Entry(text, bbox, _number(float(shape.area)), code)


def _mask(shape: Segmentation, size: tuple[int, int], code: str) -> Entry | str:
    height, width = shape.shape
    if (width, height) != size:
        return "mask.size"
    record: dict[str, Any] = {"size": [height, width], "counts": rle.to_string(shape.counts)}
    left, top, right, bottom = shape.bounds
    bbox = _numbers([left, top, right - left, bottom - top])
    return Entry(encode_json(record), bbox, _number(float(shape.area)), code)


def _number(value: float) -> bytes:
    return str(int(value)).encode() if value.is_integer() else repr(value).encode()


def _numbers(values: list[float]) -> bytes:
    return b"[" + b",".join(repr(float(value)).encode() for value in values) + b"]"
