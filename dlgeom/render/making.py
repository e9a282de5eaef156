"""How id maps are made: their options, the array, the painting, the void band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.errors import UsageError
from dlgeom.render.marks import Marks, checked_thickness, marks_of
from dlgeom.render.painting import OVERLAPS, RULES, Overlap, Rule, paint
from dlgeom.render.regions import Window
from dlgeom.render.scene import (
    Order,
    Scene,
    Shape,
    Source,
    in_order,
    region_shapes,
    scene_of,
    shape_of,
)

__all__ = [
    "MapOptions",
    "checked_id",
    "checked_rule",
    "checked_window",
    "marks_for",
    "painted",
    "scene_for",
    "smallest_dtype",
]

LARGEST = (1 << 31) - 1
WIDTHS: tuple[tuple[int, Any], ...] = (
    (255, np.uint8),
    (65_535, np.uint16),
    (LARGEST, np.int32),
)


class MapOptions(TypedDict, total=False):
    """Options of all id maps.

    Attributes
    ----------
    width, height : int
        Size of the image in pixels; that of the item, or of the first mask, if not given.
    frame_num : int
        Paint what is alive in that frame.
    thickness : int
        -1, the default, fills what has an area; else outlines of so many pixels; None outlines
        of a thickness that suits the picture. Masks are always painted whole.
    order : str or callable
        Who is painted first: ``documented`` (masks, then all others), ``given``, ``area``,
        ``z``, or a function of an annotation; see `in_order`.
    overlap : {"later", "earlier", "error", "void"}
        Who gets a pixel that several claim.
    rule : {"exact", "fast"}
        ``exact``: pycocotools' pixels, bit for bit. ``fast``: OpenCV's, of vertices rounded to
        whole pixels and with the outline included; it differs along edges, and between versions
        of OpenCV.
    background : int
        Id of pixels that nobody claims; 0, or what the map has for ``$default``.
    boundary : int
        Pixels this near to the edge of an instance become void, on both of its sides; 0 is none.
    void : int, default 255
        Id of such pixels, and of those that several claim where `overlap` is ``void``.
    window : tuple of int
        Left, top, right, bottom: paint this part of the image only.
    hidden : bool, default True
        Whether what cannot be seen in its frame is painted.
    dtype : dtype
        Instead of the smallest that holds all ids.
    image : ndarray of int, shape (H, W)
        Ids to paint on, in a copy, instead of the background.
    """

    width: int | None
    height: int | None
    frame_num: int | None
    thickness: int | None
    order: Order
    overlap: Overlap
    rule: Rule
    background: int
    boundary: int
    void: int
    window: Window | None
    hidden: bool
    dtype: Any
    image: NDArray[Any] | None


def smallest_dtype(values: Sequence[int]) -> Any:
    """Return the smallest of uint8, uint16 and int32 that holds all values.

    Raises
    ------
    UsageError
        If a value is greater than 2,147,483,647.
    """
    greatest = max(values, default=0)
    for most, dtype in WIDTHS:
        if greatest <= most:
            return dtype
    raise UsageError(f"id {greatest} is too large; ids of pixels are 0 to {LARGEST}. Number them")


def checked_id(value: Any, what: str) -> int:
    """Return an id, a whole number from 0 or its digits, or raise `UsageError`."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    good = isinstance(value, str) or number == value
    if number < 0 or isinstance(value, bool) or not good:
        raise UsageError(f"{what} is {value!r}; ids of pixels are whole numbers from 0. Correct it")
    return number


def scene_for(source: Source, options: MapOptions) -> Scene:
    """Return what is painted: of the frame, and with what is hidden, as the options say."""
    return scene_of(source, frame_num=options.get("frame_num"), hidden=options.get("hidden", True))


def checked_rule(options: MapOptions) -> Rule:
    """Return how areas become pixels, or raise `UsageError`."""
    rule = options.get("rule", "exact")
    if rule not in RULES:
        raise UsageError(f"rule is {rule!r}; it is {' or '.join(RULES)}")
    return rule


def checked_window(window: Window | None, shape: Shape) -> Window:
    """Return the part of the image that is painted, or raise `UsageError`."""
    if window is None:
        return 0, 0, shape[1], shape[0]
    left, top, right, bottom = (int(edge) for edge in window)
    if not (0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]):
        raise UsageError(
            f"window is {window!r}; it is left, top, right, bottom inside of {shape[1]} x "
            f"{shape[0]} pixels, at least one pixel large"
        )
    return left, top, right, bottom


def marks_for(
    scene: Scene, places: Sequence[int], options: MapOptions, shape: Shape
) -> tuple[list[int], list[Marks]]:
    """Return what is painted: positions of annotations, and their marks."""
    thickness = checked_thickness(options.get("thickness", -1))
    found: list[int] = []
    marks: list[Marks] = []
    for place in places:
        for definition in region_shapes(scene.annotations[place]):
            one = marks_of(definition, thickness, shape)
            if one.parts is not None or not one.empty:
                found.append(place)
                marks.append(one)
    return found, marks


def painted(
    scene: Scene,
    value_of: Callable[[Annotation, int], int],
    held: Sequence[int],
    options: MapOptions,
    *,
    apart: bool = True,
) -> NDArray[Any]:
    """Paint the value of each annotation; `held` are ids that the dtype has to hold as well.

    `apart` says that void pixels must not have the id of an annotation. Labels may be void.
    """
    image = options.get("image")
    width, height = options.get("width"), options.get("height")
    if image is not None:
        height, width = image.shape[:2]
    overlap = options.get("overlap", "later")
    if overlap not in OVERLAPS:
        raise UsageError(f"overlap is {overlap!r}; it is {', '.join(OVERLAPS)}")
    shape = _size(scene, width, height, options.get("window"))
    window = checked_window(options.get("window"), shape)
    places = in_order(scene.annotations, options.get("order", "documented"))
    owners, marks = marks_for(scene, places, options, shape)
    values = [value_of(scene.annotations[place], place) for place in owners]
    background = checked_id(options.get("background", 0), "background")
    void = checked_id(options.get("void", 255), "void")
    boundary = options.get("boundary", 0)
    needed = [*values, *held, background]
    if boundary or overlap == "void":
        needed.append(void)
        if apart and void and void in values:
            raise UsageError(
                f"void is {void}, which is also the id of an annotation; pixels of both could not "
                "be told apart. Give void= another id"
            )
    canvas = _canvas(image, needed, background, window, options.get("dtype"))

    def fill(target: NDArray[Any], numbers: Sequence[int]) -> None:
        paint(
            target,
            marks,
            numbers,
            shape,
            window,
            rule=checked_rule(options),
            overlap=overlap,
            void=void if target is canvas else 0,
        )

    fill(canvas, values)
    if boundary:
        owner = np.zeros(canvas.shape, dtype=np.uint16 if len(owners) < 65_536 else np.float32)
        fill(owner, [place + 1 for place in owners])
        canvas[_band(owner, boundary)] = void
    return canvas


def _size(scene: Scene, width: int | None, height: int | None, window: Window | None) -> Shape:
    """Return the size of the image; with a window it may be larger than an array can be."""
    if window is None:
        return shape_of(scene, width, height)
    item = scene.item
    tall = height if height is not None else None if item is None else item.height
    wide = width if width is not None else None if item is None else item.width
    if tall is None or wide is None:
        return shape_of(scene, width, height)
    left, top, right, bottom = window
    shape_of(scene, max(right - left, 1), max(bottom - top, 1))
    return int(tall), int(wide)


def _canvas(
    image: NDArray[Any] | None,
    needed: Sequence[int],
    background: int,
    window: Window,
    wish: Any,
) -> NDArray[Any]:
    """Return the array to paint on."""
    if image is not None:
        if image.ndim != 2 or image.dtype.kind not in "iub" or (image.size and image.min() < 0):
            raise UsageError(
                f"image has shape {image.shape} and dtype {image.dtype}; ids are painted on ids: "
                "whole numbers from 0, shape (H, W). Leave it out, or give width= and height="
            )
        needed = [*needed, int(image.max(initial=0))]
    dtype = np.dtype(smallest_dtype(needed) if wish is None else wish)
    if dtype not in (np.uint8, np.uint16, np.int16, np.int32) or max(needed) > np.iinfo(dtype).max:
        raise UsageError(
            f"dtype is {dtype}, the greatest id {max(needed)}; it is uint8, uint16, int16 or "
            "int32, and holds all ids. Leave it out"
        )
    left, top, right, bottom = window
    if image is not None:
        return np.array(image[top:bottom, left:right], dtype=dtype, order="C")
    if not background:
        return np.zeros((bottom - top, right - left), dtype=dtype)
    return np.full((bottom - top, right - left), background, dtype=dtype)


def _band(owner: NDArray[Any], reach: Any) -> NDArray[np.bool_]:
    """Return the pixels that have another owner within `reach` pixels."""
    import cv2

    if isinstance(reach, bool) or int(reach) != reach or not 0 < reach <= 1000:
        raise UsageError(f"boundary is {reach!r}; it is a whole number of pixels, 0 to 1000")
    size = 2 * int(reach) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    # Beyond the image there is nobody else: the border repeats what is inside.
    most = cv2.dilate(owner, kernel, borderType=cv2.BORDER_REPLICATE)
    least = cv2.erode(owner, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(most != least)
