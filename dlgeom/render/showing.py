"""What ``show`` returns: masks of colours or ids, or the picture with its annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.colors import parse_color
from dlgeom.enums import ViewAnnotationOptions
from dlgeom.errors import UsageError
from dlgeom.render import idmaps
from dlgeom.render.canvas import as_array, blend, to_rgba
from dlgeom.render.making import MapOptions
from dlgeom.render.marks import FILL, Marks, checked_thickness, marks_of
from dlgeom.render.painting import paint, regions
from dlgeom.render.palette import colors_of
from dlgeom.render.scene import (
    Order,
    Scene,
    Source,
    bounds_of,
    in_order,
    kept,
    region_shapes,
    scene_of,
    shape_of,
    shown_shapes,
)
from dlgeom.render.text import Places, caption_of, font_size, label_image, put

__all__ = ["checked_alpha", "color_mask", "format_name", "show"]

Pixels = NDArray[np.uint8]
View = ViewAnnotationOptions
PICTURES = (View.MASK, View.INSTANCE, View.OBJECT_ID, View.ANNOTATION_ON_IMAGE)


def format_name(value: Any) -> View:
    """Return the kind of a picture or file.

    Raises
    ------
    UsageError
        If it is none.
    """
    name = getattr(value, "value", value)
    try:
        return View(name)
    except ValueError:
        listed = ", ".join(one.value for one in View)
        raise UsageError(f"annotation_format is {name!r}; it is one of {listed}") from None


def checked_alpha(alpha: Any) -> float:
    """Return an opacity from 0 to 1, or raise `UsageError`."""
    try:
        number = float(alpha)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        raise UsageError(f"alpha is {alpha!r}; it is 0 (not to be seen) to 1 (opaque)")
    return number


def show(
    source: Source,
    image: Any = None,
    thickness: int | None = None,
    with_text: bool = False,
    height: int | None = None,
    width: int | None = None,
    annotation_format: str = ViewAnnotationOptions.MASK,
    color: Any = None,
    label_instance_dict: Mapping[str, int] | None = None,
    alpha: float = 1,
    frame_num: int | None = None,
) -> NDArray[Any]:
    """Draw annotations; see `AnnotationCollection.show`."""
    view = format_name(annotation_format)
    if view not in PICTURES:
        raise UsageError(
            f"annotation_format is {view.value!r}, a file; show() draws "
            f"{', '.join(one.value for one in PICTURES)}. Use download()"
        )
    source = kept(source)
    options: MapOptions = {
        "width": width,
        "height": height,
        "frame_num": frame_num,
        "thickness": thickness,
    }
    if view in (View.INSTANCE, View.OBJECT_ID):
        if image is not None:
            array = as_array(image)
            if array.ndim == 2:
                options["image"] = array
            else:
                options["height"], options["width"] = array.shape[:2]
        if isinstance(color, int | np.integer) and not isinstance(color, bool):
            number = int(color)
            return idmaps.instance_ids(source, lambda _: number, **options)
        if view is View.OBJECT_ID:
            options["background"] = dict(label_instance_dict or {}).get(idmaps.BACKGROUND, 0)
            return idmaps.object_ids(source, **options)
        return idmaps.label_ids(source, label_instance_dict, **options)
    if view is View.ANNOTATION_ON_IMAGE and image is None:
        raise UsageError(
            "image is not given; annotation_format 'img_mask' draws on it. Give it, or draw 'mask'"
        )
    return color_mask(
        source,
        image,
        thickness=thickness,
        with_text=with_text,
        height=height,
        width=width,
        color=color,
        alpha=alpha,
        frame_num=frame_num,
    )


def color_mask(
    source: Source,
    image: Any = None,
    *,
    thickness: int | None = None,
    with_text: bool = False,
    height: int | None = None,
    width: int | None = None,
    color: Any = None,
    colors: Any = None,
    alpha: float = 1,
    frame_num: int | None = None,
    order: Order = "documented",
    hidden: bool = True,
) -> Pixels:
    """Draw annotations in colours, on nothing or on an image.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to draw.
    image : array_like or PIL.Image.Image, optional
        What to draw on, in a copy: gray, RGB or RGBA. Without it the canvas is transparent, or of
        the colour that the labels have for ``$default``.
    thickness : int, optional
        -1 fills; see `MapOptions`.
    with_text : bool, default False
        Whether label, score and attribute values stand at each annotation.
    height, width : int, optional
        Size in pixels, where there is no image; that of the item, or of the first mask, if not
        given.
    color : colour, optional
        For all: (r, g, b), opaque, (r, g, b, alpha), or any spelling of `parse_color`.
    colors : mapping or Ontology, optional
        Label -> colour, before those of the collection's labels.
    alpha : float, default 1
        Opacity of each annotation: colours are put over what is below, annotations one after
        the other.
    frame_num, order, hidden
        As in `MapOptions`.

    Returns
    -------
    ndarray of uint8, shape (H, W, 4)
        Red, green, blue, alpha; not premultiplied.

    Raises
    ------
    UsageError
        If the size is not known, or an argument is out of its range.
    GeometryError
        If a mask has another size than the picture, or a shape cannot be rasterised.
    """
    scene = scene_of(source, frame_num=frame_num, hidden=hidden)
    opacity = checked_alpha(alpha)
    if image is None:
        shape = shape_of(scene, width, height)
        canvas = np.zeros((*shape, 4), dtype=np.uint8)
        base = _background(scene, colors)
        if base is not None:
            canvas[:] = (*base, 255)
    else:
        canvas = to_rgba(image)
        shape = (canvas.shape[0], canvas.shape[1])
    if isinstance(color, list | tuple | np.ndarray) and len(color) == 4:
        opacity *= _part(color[3]) / 255
    given = colors_of(scene, color=color, colors=colors)
    marks, owners = drawn_marks(scene, in_order(scene.annotations, order), thickness, shape)
    window = (0, 0, shape[1], shape[0])
    inks = [(*given[place], round(255 * opacity)) for place in owners]
    if opacity == 1:
        paint(canvas, marks, inks, shape, window)
    elif opacity > 0:
        for found, ink in zip(regions(marks, shape, window), inks, strict=True):
            for region in found:
                blend(canvas, region, ink)
    if with_text and opacity > 0:
        places = Places(shape)
        for place, annotation in enumerate(scene.annotations):
            text = caption_of(annotation)
            bounds = bounds_of(annotation)
            if text and is_inside(bounds, shape) and marks_of_any(annotation, shape):
                label = label_image(text, font_size(shape), given[place], shape[1])
                left, top = places.find(bounds, (label.shape[1], label.shape[0]))
                put(canvas, label, left, top)
    return canvas


def _part(value: Any) -> int:
    """Return the fourth number of a colour, or raise `UsageError`."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number <= 255:
        raise UsageError(f"the alpha of color= is {value!r}; it is a whole number, 0 to 255")
    return number


def is_inside(bounds: Sequence[float], shape: tuple[int, int]) -> bool:
    """Return whether bounds reach into a picture; those of what has no place (NaN) do not."""
    left, top, right, bottom = bounds
    return right >= 0 and bottom >= 0 and left <= shape[1] and top <= shape[0]


def marks_of_any(annotation: Annotation, shape: tuple[int, int]) -> bool:
    """Return whether an annotation draws anything."""
    return any(not marks_of(one, -1, shape).empty for one in annotation.shapes)


def drawn_marks(
    scene: Scene, order: list[int], thickness: int | None, shape: tuple[int, int]
) -> tuple[list[Marks], list[int]]:
    """Return what is drawn of annotations, in order, and whose it is.

    Filled, an annotation is its area; otherwise all that `shown_shapes` tells of it.
    """
    size = checked_thickness(thickness)
    marks: list[Marks] = []
    owners: list[int] = []
    for place in order:
        annotation = scene.annotations[place]
        shapes = region_shapes(annotation) if size == FILL else shown_shapes(annotation)
        for definition in shapes:
            one = marks_of(definition, size, shape)
            if not one.empty:
                marks.append(one)
                owners.append(place)
    return marks, owners


def _background(scene: Scene, colors: Any) -> tuple[int, int, int] | None:
    """Return the colour that labels have for the background, None where they say nothing."""
    tree = getattr(colors, "color_map", colors) or {}
    if idmaps.BACKGROUND in tree:
        return parse_color(tree[idmaps.BACKGROUND])
    if scene.labels is not None:
        index = scene.labels.find(idmaps.BACKGROUND)
        if index is not None:
            return scene.labels[index].color
    return None
