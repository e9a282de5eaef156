"""A picture of a sample: what the model is going to see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.batches import Columns
from dlgeom.definitions import Point, Polyline
from dlgeom.errors import UsageError
from dlgeom.geometry import rle
from dlgeom.training.classes import Classes
from dlgeom.training.entries import keypoints_of
from dlgeom.training.kinds import Kind

__all__ = ["class_color", "draw"]

Picture = NDArray[np.uint8]


def class_color(number: int) -> tuple[int, int, int]:
    """Return the colour of a class: red, green, blue, far from that of its neighbours."""
    import colorsys

    # Steps of the golden ratio around the circle of hues never come near an earlier one soon.
    hue = (0.02 + number * 0.6180339887498949) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw(image: Any, columns: Columns, kind: Kind | None, classes: Classes) -> Picture:
    """Draw the annotations of a sample on its image.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        uint8, or floats in [0, 1].
    columns : Columns
        The annotations.
    kind : Kind, optional
        What is drawn of them.
    classes : Classes
        For the colours.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        A new picture.
    """
    import cv2

    picture = _pixels(image)
    if kind is None:
        return picture
    height, width = picture.shape[:2]
    thick = max(1, round(max(height, width) / 320))
    ids = columns.class_ids(classes.label_to_id).tolist()
    colors = [class_color(number) for number in ids]
    if kind.has_area:
        _fill(picture, columns, colors)
    if kind.name == "pose":
        for points, color in zip(keypoints_of(columns), colors, strict=True):
            for x, y, seen in points.tolist():
                if seen > 0:
                    place = (int(x), int(y))
                    cv2.circle(picture, place, 2 * thick, color, -1 if seen > 1 else thick)
    if kind.name in ("polyline", "point"):
        for annotation, color in zip(columns.collection(), colors, strict=True):
            shape = annotation.annotation_definition
            if isinstance(shape, Point):
                cv2.circle(picture, (int(shape.x), int(shape.y)), 2 * thick, color, -1)
            elif isinstance(shape, Polyline):
                lines = [np.floor(line).astype(np.int32) for line in shape.lines]
                cv2.polylines(picture, lines, False, color, thick, cv2.LINE_AA)
    boxes = columns.boxes_xyxy(prefer="shape" if kind.has_area else "stored")
    taken = 0
    for box, name, color in zip(boxes.tolist(), columns.labels, colors, strict=True):
        if kind.name == "class" or box[0] != box[0]:
            taken = _text(picture, str(name), 2, taken + 2, color, thick)
            continue
        left, top, right, bottom = (round(edge) for edge in box)
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), color, thick)
        _text(picture, str(name), left, top, color, thick)
    return picture


def _pixels(image: Any) -> Picture:
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise UsageError(f"an image of shape {array.shape} cannot be drawn; it is (H, W, 3)")
    if array.dtype.kind == "f":
        array = np.clip(array * 255, 0, 255).round()
    return np.array(np.broadcast_to(array, (*array.shape[:2], 3)), dtype=np.uint8, order="C")


def _fill(picture: Picture, columns: Columns, colors: list[tuple[int, int, int]]) -> None:
    """Blend the pixels of each mask with the colour of its class."""
    shape = picture.shape[:2]
    runs = columns.runs((shape[0], shape[1]))
    for row in np.flatnonzero(runs.present).tolist():
        crop, left, top = rle.decode_crop(runs.row(row), (shape[0], shape[1]))
        part = picture[top : top + crop.shape[0], left : left + crop.shape[1]]
        blend = (part[crop].astype(np.uint16) + np.array(colors[row], dtype=np.uint16)) // 2
        part[crop] = blend.astype(np.uint8)


def _text(
    picture: Picture, text: str, left: int, top: int, color: tuple[int, int, int], thick: int
) -> int:
    """Write a label on a ground of its colour, inside of the picture; return where it ends."""
    import cv2

    scale = max(0.3, min(picture.shape[:2]) / 1200)
    font = cv2.FONT_HERSHEY_SIMPLEX
    shown = text.encode("ascii", "replace").decode("ascii")
    (width, height), base = cv2.getTextSize(shown, font, scale, 1)
    high = height + base + 2
    x = max(0, min(left, picture.shape[1] - width - 2))
    y = top - high if top - high >= 0 else max(0, top)
    cv2.rectangle(picture, (x, y), (x + width + 2, y + high - 1), color, -1)
    dark = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140
    ink = (0, 0, 0) if dark else (255, 255, 255)
    cv2.putText(picture, shown, (x + 1, y + height + 1), font, scale, ink, 1, cv2.LINE_AA)
    return y + high
