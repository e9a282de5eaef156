"""One picture: what a worker gets, does and sends back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import AnnotationCollection
from dlgeom.errors import DlgeomError, FormatError, UsageError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS, Limits
from dlgeom.render.pictures import Style, picture_of
from dlgeom.training.images import read_image

__all__ = ["Picture", "Style", "Task", "encoded", "picture_of", "render"]

Pixels = NDArray[Any]

THUMBNAIL = 200
"""Longest side of what goes into a contact sheet, in pixels."""


class Task(msgspec.Struct, kw_only=True):
    """What a worker needs for one picture."""

    item: Item
    annotations: AnnotationCollection
    kind: str
    style: Style
    ids: dict[str, int] | None = None
    image: Path | None = None
    suffix: str = ".png"
    thumbnail: bool = False
    limits: Limits = DEFAULT_LIMITS


class Picture(msgspec.Struct, kw_only=True):
    """What a worker sends back: the file's bytes, or what was wrong.

    Parameters
    ----------
    data : bytes
        The encoded picture; b"" where there is none.
    thumbnail : ndarray of uint8, shape (h, w, 3), optional
        A small one, for contact sheets.
    segments : list of dict
        ``segments_info`` of a panoptic picture.
    size : tuple of int, optional
        Width and height.
    left_out : int
        Records that this kind of picture has no place for.
    faults : list of (code, message)
        What was wrong.
    """

    data: bytes = b""
    thumbnail: Any = None
    segments: list[dict[str, Any]] = msgspec.field(default_factory=list)
    size: tuple[int, int] | None = None
    left_out: int = 0
    faults: list[tuple[str, str]] = msgspec.field(default_factory=list)


def render(task: Task) -> Picture:
    """Draw and encode one picture; bad input is told in `Picture.faults`."""
    result = Picture()
    try:
        pixels = _draw(task, result)
    except DlgeomError as error:
        code = getattr(error, "code", "geometry.disagree")
        message = error.message if isinstance(error, FormatError) else str(error)
        result.faults.append((code, message))
        return result
    result.size = (pixels.shape[1], pixels.shape[0])
    result.data = encoded(pixels, task.suffix)
    if task.thumbnail:
        result.thumbnail = _small(_shown(pixels, task))
    return result


def _draw(task: Task, result: Picture) -> Pixels:
    if task.kind == "object-id":
        result.left_out = sum(one.object_id is None for one in task.annotations)
        if result.left_out:
            text = f"{result.left_out} annotations have no object id; they are left out"
            result.faults.append(("value.invalid", text))
    image = None
    if task.kind == "overlay":
        image = _image(task, result)
    item = task.item
    if image is None and not (item.width and item.height):
        size = _size(task)
        if size is None:
            raise FormatError(
                "its size is not known; a picture needs one. Give --images", code="image.size"
            )
        task.annotations.item = msgspec.structs.replace(item, width=size[0], height=size[1])
    elif image is None:
        task.annotations.item = item
    found = picture_of(task.annotations, task.kind, task.style, image=image, ids=task.ids)
    if isinstance(found, tuple):
        pixels, result.segments = found
        return pixels
    return found


def _size(task: Task) -> tuple[int, int] | None:
    """Return width and height by the image's header."""
    from dlgeom.converters.images import image_info

    if task.image is None:
        return None
    info = image_info(task.image, limits=task.limits)
    return info.width, info.height


def _image(task: Task, result: Picture) -> Pixels | None:
    """Return the image to draw on; a gray one, and a fault, where it cannot be read."""
    item = task.item
    if task.image is not None:
        try:
            image = read_image(task.image, limits=task.limits)
        except FormatError as error:
            result.faults.append((error.code, error.message))
        else:
            size = (image.shape[1], image.shape[0])
            said = (item.width or size[0], item.height or size[1])
            if said == size:
                return image
            raise FormatError(
                f"the image is {size[0]} x {size[1]} pixels upright, its annotations are for "
                f"{said[0]} x {said[1]}; they would not lie on it",
                code="image.size_disagrees",
            )
    else:
        result.faults.append(
            ("image.unreadable", "the image is not there; drawn on gray. Give --images")
        )
    if item.width and item.height:
        task.limits.check(
            "pixels", item.width * item.height, code="limit.pixels", what="the picture"
        )
        return np.full((item.height, item.width, 3), 128, dtype=np.uint8)
    return None


def encoded(pixels: Pixels, suffix: str) -> bytes:
    """Return a picture as the bytes of a file; ids as gray of 8 or 16 bits.

    Raises
    ------
    UsageError
        If an id does not fit into 16 bits.
    """
    import cv2

    if pixels.dtype == np.int32:
        raise UsageError(
            f"ids up to {pixels.max()} do not fit into a picture of 16 bits; number them, or use "
            "panoptic pictures"
        )
    if pixels.ndim == 3:
        order = [2, 1, 0, 3][: pixels.shape[2]]
        pixels = np.ascontiguousarray(pixels[:, :, order])
        if suffix in (".jpg", ".jpeg") and pixels.shape[2] == 4:
            pixels = np.ascontiguousarray(pixels[:, :, :3])
    # A fast level: pictures of ids are small whatever the effort.
    level = [cv2.IMWRITE_PNG_COMPRESSION, 3] if suffix == ".png" else []
    done, data = cv2.imencode(suffix, pixels, level)
    if not done:
        raise UsageError(f"OpenCV cannot write {suffix} pictures; choose .png")
    return bytes(data)


def _shown(pixels: Pixels, task: Task) -> Pixels:
    """Return a picture that people can tell apart: ids as colours."""
    if pixels.ndim == 3:
        return pixels
    colors = np.random.default_rng(7).integers(60, 256, (65536, 3), dtype=np.uint8)
    colors[0] = 0
    return colors[pixels]


def _small(pixels: Pixels) -> Pixels:
    import cv2

    if pixels.shape[2] == 4:
        share = pixels[:, :, 3:].astype(np.float32) / 255
        pixels = np.rint(pixels[:, :, :3] * share + 128 * (1 - share)).astype(np.uint8)
    scale = THUMBNAIL / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
