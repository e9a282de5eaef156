"""Id maps: arrays that hold, for each pixel, the id of what lies there.

Ids are exact: a pixel holds an id that was given, or the background, and nothing else; the dtype
is the smallest of uint8, uint16 and int32 that holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.limits import DEFAULT_LIMITS
from dlgeom.render.marks import Marks, checked_thickness, marks_of
from dlgeom.render.painting import OVERLAPS, RULES, Overlap, Rule, paint, regions
from dlgeom.render.regions import Window
from dlgeom.render.scene import (
    Order,
    Scene,
    Shape,
    Source,
    in_order,
    kept,
    region_shapes,
    scene_of,
    shape_of,
)

__all__ = [
    "BACKGROUND",
    "MISSING",
    "MapOptions",
    "instance_ids",
    "instance_stack",
    "label_ids",
    "label_map",
    "object_ids",
    "one_hot",
    "smallest_dtype",
]

BACKGROUND = "$default"
"""Name of the background in maps of labels, as documented."""
MISSING = "$missing"
"""Name under which a map of labels has the id of labels that it does not hold."""

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


def label_map(source: Source) -> dict[str, int]:
    """Return an id for each label: those of the collection's table, sorted by name, from 1.

    Labels that only annotations name follow, sorted as well. `AnnotationCollection.
    from_instance_mask` counts in the same way.
    """
    scene = scene_of(source)
    known = set() if scene.labels is None else set(scene.labels.names)
    used = {one.label for one in scene.annotations}
    used |= {state.label for one in scene.annotations for state in one.later}
    names = [*sorted(known), *sorted(name for name in used - known if name is not None)]
    return {name: k for k, name in enumerate(names, 1)}


def label_ids(
    source: Source,
    ids: Mapping[str, int] | None = None,
    *,
    missing: int | str = "error",
    **options: Unpack[MapOptions],
) -> NDArray[Any]:
    """Return the id of the label of each pixel: a semantic mask, shape (H, W).

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint.
    ids : mapping of str to int, optional
        Label -> id from 0; several labels may share one, ``$default`` is the background,
        ``$missing`` the same as `missing`. `label_map` if not given.
    missing : int or "error"
        Id of labels that are not in the map, and of annotations without a label.
    **options
        See `MapOptions`.

    Raises
    ------
    UsageError
        If a label is not in the map and `missing` is no id; if an id is none, or too large.
    GeometryError
        If a shape cannot be rasterised, or two claim a pixel and `overlap` is ``error``.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> label_ids([Box(0, 0, 2, 1, "cat"), Box(1, 1, 3, 2, "dog")], width=3, height=2).tolist()
    [[1, 1, 0], [0, 2, 2]]
    """
    source = kept(source)
    scene = _scene(source, options)
    known = dict(label_map(source) if ids is None else ids)
    for name, value in known.items():
        known[name] = _checked(value, f"the id of {name!r}")
    other = known.pop(MISSING, None) if missing == "error" else _checked(missing, "missing")
    if (background := known.pop(BACKGROUND, None)) is not None:
        options.setdefault("background", background)

    def value_of(annotation: Annotation, _: int) -> int:
        label = annotation.label
        if label is not None and label in known:
            return known[label]
        if other is None:
            what = "an annotation has no label" if label is None else f"label {label!r} is missing"
            raise UsageError(
                f"{what}; the map of ids has {_some(known)}. Add it, or give missing= "
                f"(or {MISSING!r} in the map) the id of such annotations"
            )
        return other

    held = [*known.values(), *([] if other is None else [other])]
    return _render(scene, value_of, held, options)


def instance_ids(
    source: Source,
    ids: Sequence[int] | Callable[[Annotation], int] | None = None,
    **options: Unpack[MapOptions],
) -> NDArray[Any]:
    """Return the id of the annotation of each pixel, shape (H, W).

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint.
    ids : sequence of int or callable, optional
        Id of each annotation, or a function that returns it; its position, counted from 1, if
        not given.
    **options
        See `MapOptions`.

    Raises
    ------
    UsageError
        If an id is none, or there are not as many as annotations.
    GeometryError
        As `label_ids`.
    """
    scene = _scene(source, options)
    count = len(scene.annotations)
    if ids is None:
        given = list(range(1, count + 1))
    else:
        found = [ids(one) for one in scene.annotations] if callable(ids) else list(ids)
        given = [_checked(value, "an id") for value in found]
    if len(given) != count:
        raise UsageError(f"there are {len(given)} ids for {count} annotations; each has one")
    return _render(scene, lambda _, place: given[place], given, options)


def object_ids(
    source: Source, *, missing: int | str = "error", **options: Unpack[MapOptions]
) -> NDArray[Any]:
    """Return the object id of each pixel, shape (H, W): the same thing, the same id.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint.
    missing : int or "error"
        Id of annotations without an object id.
    **options
        See `MapOptions`.

    Raises
    ------
    UsageError
        If an annotation that is painted has no object id and `missing` is no id.
    GeometryError
        As `label_ids`.
    """
    scene = _scene(source, options)
    other = None if missing == "error" else _checked(missing, "missing")

    def value_of(annotation: Annotation, place: int) -> int:
        if annotation.object_id is not None:
            return _checked(annotation.object_id, f"the object id of annotation {place}")
        if other is None:
            raise UsageError(
                f"annotation {place} ({annotation.label!r}) has no object id; a map of object "
                "ids needs one. Give it object_id, or give missing="
            )
        return other

    return _render(scene, value_of, [] if other is None else [other], options)


def one_hot(
    source: Source,
    ids: Mapping[str, int] | None = None,
    *,
    classes: int | None = None,
    missing: int | str = "error",
    **options: Unpack[MapOptions],
) -> NDArray[np.bool_]:
    """Return one channel for each label id, shape (C, H, W): channel k is where `label_ids` is k.

    Parameters
    ----------
    source, ids, missing, **options
        As for `label_ids`.
    classes : int, optional
        Number of channels, the background included; up to the greatest id of the map if not
        given. Void pixels, and others with greater ids, are set in no channel.
    """
    source = kept(source)
    known = label_map(source) if ids is None else ids
    painted = label_ids(source, known, missing=missing, **options)
    if classes is None:
        extra = [] if missing == "error" else [missing]
        classes = 1 + max((int(value) for value in (*known.values(), *extra)), default=0)
    DEFAULT_LIMITS.check(
        "pixels", painted.size * classes, code="limit.pixels", what="pixels of all channels"
    )
    return np.asarray(painted[None] == np.arange(classes)[:, None, None])


def instance_stack(source: Source, **options: Unpack[MapOptions]) -> NDArray[np.bool_]:
    """Return one mask for each annotation, shape (N, H, W), overlaps kept.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint; what draws nothing has an empty mask.
    **options
        See `MapOptions`; those of order and ids do nothing.
    """
    scene = _scene(source, options)
    shape = shape_of(scene, options.get("width"), options.get("height"))
    window = _window(options.get("window"), shape)
    size = (window[3] - window[1], window[2] - window[0])
    count = len(scene.annotations)
    DEFAULT_LIMITS.check(
        "pixels", count * size[0] * size[1], code="limit.pixels", what="pixels of all masks"
    )
    stack = np.zeros((count, *size), dtype=np.bool_)
    places, marks, _ = _marks(scene, range(count), options, shape)
    for place, found in zip(places, regions(marks, shape, window, _rule(options)), strict=True):
        for region in found:
            region.stamp(stack[place], True)
    return stack


# ---------------------------------------------------------------- how it is done


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


def _checked(value: Any, what: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    good = isinstance(value, str) or number == value
    if number < 0 or isinstance(value, bool) or not good:
        raise UsageError(f"{what} is {value!r}; ids of pixels are whole numbers from 0. Correct it")
    return number


def _some(names: Mapping[str, int]) -> str:
    listed = ", ".join(map(repr, list(names)[:8]))
    return (listed or "no labels") + (", ..." if len(names) > 8 else "")


def _scene(source: Source, options: MapOptions) -> Scene:
    return scene_of(source, frame_num=options.get("frame_num"), hidden=options.get("hidden", True))


def _rule(options: MapOptions) -> Rule:
    rule = options.get("rule", "exact")
    if rule not in RULES:
        raise UsageError(f"rule is {rule!r}; it is {' or '.join(RULES)}")
    return rule


def _window(window: Window | None, shape: Shape) -> Window:
    if window is None:
        return 0, 0, shape[1], shape[0]
    left, top, right, bottom = (int(edge) for edge in window)
    if not (0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]):
        raise UsageError(
            f"window is {window!r}; it is left, top, right, bottom inside of {shape[1]} x "
            f"{shape[0]} pixels, at least one pixel large"
        )
    return left, top, right, bottom


def _marks(
    scene: Scene, places: Sequence[int], options: MapOptions, shape: Shape
) -> tuple[list[int], list[Marks], list[Definition]]:
    """Return what is painted: positions of annotations, marks, definitions."""
    thickness = checked_thickness(options.get("thickness", -1))
    found: list[int] = []
    marks: list[Marks] = []
    shapes: list[Definition] = []
    for place in places:
        for definition in region_shapes(scene.annotations[place]):
            one = marks_of(definition, thickness, shape)
            if one.parts is not None or not one.empty:
                found.append(place)
                marks.append(one)
                shapes.append(definition)
    return found, marks, shapes


def _render(
    scene: Scene,
    value_of: Callable[[Annotation, int], int],
    held: Sequence[int],
    options: MapOptions,
) -> NDArray[Any]:
    """Paint the value of each annotation; `held` are ids that the dtype has to hold as well."""
    image = options.get("image")
    width, height = options.get("width"), options.get("height")
    if image is not None:
        height, width = image.shape[:2]
    overlap = options.get("overlap", "later")
    if overlap not in OVERLAPS:
        raise UsageError(f"overlap is {overlap!r}; it is {', '.join(OVERLAPS)}")
    shape = _size(scene, width, height, options.get("window"))
    window = _window(options.get("window"), shape)
    places = in_order(scene.annotations, options.get("order", "documented"))
    owners, marks, shapes = _marks(scene, places, options, shape)
    values = [value_of(scene.annotations[place], place) for place in owners]
    background = _checked(options.get("background", 0), "background")
    void = _checked(options.get("void", 255), "void")
    boundary = options.get("boundary", 0)
    needed = [*values, *held, background]
    if boundary or overlap == "void":
        needed.append(void)
    canvas = _canvas(image, needed, background, window, options.get("dtype"))

    def fill(target: NDArray[Any], numbers: Sequence[int]) -> None:
        paint(
            target,
            marks,
            numbers,
            shape,
            window,
            rule=_rule(options),
            overlap=overlap,
            void=void if target is canvas else 0,
            names=shapes,
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
