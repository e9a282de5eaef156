"""Annotated images: pictures that people look at.

Areas are filled into one layer that is put over the image once; outlines, skeletons and text lie
above it, smooth and opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.colors import Color
from dlgeom.definitions import Box, Cube, Note, Point, Polyline, Pose, Segmentation, Subtitle
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.render import details
from dlgeom.render.canvas import over, rgb_and_alpha
from dlgeom.render.legend import legend_image, legend_place
from dlgeom.render.marks import FILL, Marks, checked_thickness, marks_of, outline_of, scale_of
from dlgeom.render.painting import RULES, Rule, paint, regions
from dlgeom.render.palette import ColorBy, colors_of
from dlgeom.render.scene import (
    Order,
    Scene,
    Source,
    bounds_of,
    in_order,
    kept,
    scene_of,
    shown_shapes,
)
from dlgeom.render.showing import checked_alpha
from dlgeom.render.text import Places, caption_of, font_size, label_image, put

__all__ = ["overlay"]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Shape = tuple[int, int]
Drawn = tuple[Definition, Color, bool]
"""A definition, its colour, whether it is a crowd."""


def overlay(
    image: Any,
    source: Source,
    *,
    alpha: float = 0.4,
    fill_boxes: bool = False,
    outlines: bool = True,
    thickness: int | None = None,
    with_text: bool | Callable[[Annotation], str] = True,
    text_size: int | None = None,
    legend: bool = False,
    color: Any = None,
    colors: Any = None,
    color_by: ColorBy = "label",
    safe_colors: bool | None = None,
    trail: int = 0,
    frame_num: int | None = None,
    order: Order = "documented",
    hidden: bool = True,
    rule: Rule = "fast",
) -> Pixels:
    """Draw annotations on an image.

    Parameters
    ----------
    image : array_like or PIL.Image.Image
        Gray, RGB or RGBA; uint8, uint16, bool, or floats from 0 to 1. It stays as it is.
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to draw.
    alpha : float, default 0.4
        Opacity of areas. They are painted into one layer, a later one over an earlier one, which
        is put over the image once.
    fill_boxes : bool, default False
        Whether boxes and notes are areas; by default what they enclose stays to be seen.
    outlines : bool, default True
        Whether areas have an outline; also the edges of cubes, and the direction of turned boxes.
    thickness : int, optional
        Of outlines and lines in pixels; one that suits the picture if not given.
    with_text : bool or callable, default True
        Whether label, score and attribute values stand at each annotation; or a function of an
        annotation that returns what does.
    text_size : int, optional
        Height of text in pixels; one that suits the picture if not given.
    legend : bool, default False
        Whether a legend of the labels is drawn, in the corner where it covers least.
    color, colors, color_by, safe_colors
        One colour for all; colours of labels; what colours tell apart; colours that the
        colour-blind tell apart. See `colors_of`.
    trail : int, default 0
        Of a video: draw the way of each centre over so many frames before `frame_num`.
    frame_num, order, hidden
        As in `MapOptions`.
    rule : {"fast", "exact"}
        How areas become pixels; exact is pixel for pixel that of id maps.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3), or (H, W, 4) for an image with transparency
        A new array.

    Raises
    ------
    UsageError
        If the image or an argument cannot be used.
    GeometryError
        If a mask has another size than the image, or a shape cannot be rasterised.
    """
    source = kept(source)
    scene = scene_of(source, frame_num=frame_num, hidden=hidden)
    if rule not in RULES:
        raise UsageError(f"rule is {rule!r}; it is {' or '.join(RULES)}")
    given = colors_of(scene, by=color_by, color=color, colors=colors, safe=safe_colors)
    rgb, transparency = rgb_and_alpha(image)
    shape = (rgb.shape[0], rgb.shape[1])
    size = checked_thickness(thickness)
    if size is None or size == FILL:
        size = max(1, round(2 * scale_of(shape)))
    if legend and color_by != "label":
        raise UsageError(
            f"legend= tells which colour is which label; with color_by={color_by!r} colours tell "
            "something else. Leave out one of them"
        )
    drawn = [
        item
        for place in in_order(scene.annotations, order)
        for item in _drawn(scene.annotations[place], given[place])
    ]
    lines = (Point, Polyline, Pose) if fill_boxes else (Point, Polyline, Pose, Box, Note)
    areas = [one for one in drawn if not isinstance(one[0], lines)]
    trails = _trails(source, scene, given, frame_num, trail, hidden)

    def draw(canvas: Pixels) -> Pixels:
        _areas(canvas, areas, shape, checked_alpha(alpha), size, rule)
        for ways, ink in trails:
            details.draw_trail(canvas, ways, ink, size)
        _lines(canvas, drawn, outlines, size)
        places = Places(shape)
        letters = font_size(shape) if text_size is None else max(1, int(text_size))
        if legend:
            _legend(canvas, scene, given, letters, places)
        if with_text:
            _texts(canvas, scene, given, with_text, letters, places, size)
        return canvas

    if transparency is None:
        return draw(rgb)
    # What is drawn, with its own alpha, follows from how it looks on black and on white.
    black = draw(np.zeros_like(rgb)).astype(np.int16)
    white = draw(np.full_like(rgb, 255)).astype(np.int16)
    cover = 255 - np.clip((white - black).min(axis=2), 0, 255)
    upper = np.empty((*shape, 4), dtype=np.uint8)
    share = np.maximum(cover, 1)[..., None]
    upper[..., :3] = np.clip(np.rint(black * 255.0 / share), 0, 255)
    upper[..., 3] = cover
    return over(upper, np.dstack((rgb, transparency)))


def _drawn(annotation: Annotation, color: Color) -> list[Drawn]:
    """Return what is drawn of an annotation, what lies at the bottom first."""
    return [(shape, color, annotation.crowd) for shape in shown_shapes(annotation)]


def _areas(
    canvas: Pixels, drawn: Sequence[Drawn], shape: Shape, alpha: float, size: int, rule: Rule
) -> None:
    """Fill areas into a layer and put it over the canvas."""
    import cv2

    marks: list[Marks] = []
    inks: list[Color] = []
    crowds: list[bool] = []
    for definition, color, crowd in drawn:
        one = _faces(definition) if isinstance(definition, Cube) else marks_of(
            definition, FILL, shape
        )  # fmt: skip
        if one.parts is not None or one.mask is not None:
            marks.append(one)
            inks.append(color)
            crowds.append(crowd)
    if not marks or alpha == 0:
        return
    window = (0, 0, shape[1], shape[0])
    layer = canvas if alpha == 1 else canvas.copy()
    if not any(crowds):
        paint(layer, marks, inks, shape, window, rule=rule)
    else:
        step = 4 * size + 4
        for found, ink, crowd in zip(
            regions(marks, shape, window, rule), inks, crowds, strict=True
        ):
            for region in found:
                some = details.hatched(region, step, step // 2) if crowd else region
                some.stamp(layer, ink)
    if layer is not canvas:
        cv2.addWeighted(layer, alpha, canvas, 1 - alpha, 0, dst=canvas)


def _faces(cube: Cube) -> Marks:
    """Return the front of a cube, which is filled."""
    return Marks(parts=[[cube.geo[:4]]])


def _lines(canvas: Pixels, drawn: Sequence[Drawn], outlines: bool, size: int) -> None:
    """Draw outlines, lines, points and skeletons, a later one over an earlier one."""
    waiting: list[Floats] = []  # outlines of one colour, drawn in one call
    ink: Color = (0, 0, 0)
    for definition, color, _ in drawn:
        outline = outline_of(definition) if outlines and not isinstance(definition, Cube) else None
        if waiting and (outline is None or color != ink):
            details.lines(canvas, waiting, True, ink, size)
            waiting = []
        ink = color
        if outline is not None:
            waiting += [ring for part in outline for ring in part]
            if not (isinstance(definition, Box) and definition.angle):
                continue
            details.lines(canvas, [details.tick_of(definition)], False, color, size)
        elif isinstance(definition, Polyline):
            details.lines(canvas, definition.lines, False, color, size)
        elif isinstance(definition, Point):
            details.dot(canvas, definition.x, definition.y, 2.0 * size + 1.5, (255, 255, 255), -1)
            details.dot(canvas, definition.x, definition.y, 2.0 * size, color, -1)
        elif isinstance(definition, Pose):
            details.draw_pose(canvas, definition, color, size)
        elif outlines and isinstance(definition, Cube):
            details.draw_cube(canvas, definition, color, size)
        elif outlines and isinstance(definition, Segmentation):
            _contour(canvas, definition, color, size)
    details.lines(canvas, waiting, True, ink, size)


def _contour(canvas: Pixels, mask: Segmentation, color: Color, size: int) -> None:
    """Draw the outline of a mask on its own pixels."""
    import cv2

    if mask.area == 0:
        return
    crop, left, top = mask.to_crop()
    rings, _ = cv2.findContours(
        np.ascontiguousarray(crop).view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE,
        offset=(left, top),
    )  # fmt: skip
    cv2.drawContours(canvas, rings, -1, color, max(1, size // 2), cv2.LINE_AA)


def trail_of_frames(trail: Any) -> int:
    """Return the length of trails, or raise `UsageError`."""
    if isinstance(trail, bool) or not isinstance(trail, int | np.integer) or trail < 0:
        raise UsageError(f"trail is {trail!r}; it is a number of frames, 0 for none. Correct it")
    return int(trail)


def _trails(
    source: Source,
    scene: Scene,
    given: Sequence[Color],
    frame_num: int | None,
    trail: int,
    hidden: bool,
) -> list[tuple[list[Floats], Color]]:
    """Return the ways of the things that are drawn, with their colours."""
    if not trail_of_frames(trail):
        return []
    if frame_num is None:
        raise UsageError("trail= needs frame_num=, the frame up to which it goes")
    # What is alive in a frame keeps its order there; subtitles have times, not places.
    alive = [
        one
        for one in scene_of(source).annotations
        if frame_num in one.frames
        and not isinstance(one.annotation_definition, Subtitle)
        and (hidden or one.frames[frame_num].object_visible)
    ]
    inks = [
        color
        for one, color in zip(scene.annotations, given, strict=True)
        if not isinstance(one.annotation_definition, Subtitle)
    ]
    return [
        (details.trail_of(one, frame_num, trail), color)
        for one, color in zip(alive, inks, strict=True)
    ]


def _legend(
    canvas: Pixels, scene: Scene, given: Sequence[Color], letters: int, places: Places
) -> None:
    entries: dict[str, Color] = {}
    for annotation, color in zip(scene.annotations, given, strict=True):
        if annotation.label is not None:
            entries.setdefault(annotation.label, color)
    height, width = canvas.shape[:2]
    room = (max(width // 2, min(width, 8 * letters)), height)
    image = legend_image(dict(sorted(entries.items())), letters, room)
    if image is None:
        return
    bounds = np.array([bounds_of(one) for one in scene.annotations]).reshape(-1, 4)
    bounds = bounds[~np.isnan(bounds).any(axis=1)]
    size = (image.shape[1], image.shape[0])
    left, top = legend_place((height, width), size, bounds, max(2, letters // 2))
    put(canvas, image, left, top)
    places.keep((left, top, left + size[0], top + size[1]))


def _texts(
    canvas: Pixels,
    scene: Scene,
    given: Sequence[Color],
    with_text: bool | Callable[[Annotation], str],
    letters: int,
    places: Places,
    thickness: int,
) -> None:
    """Write what annotations say; what has no place in the picture is written in its corner."""
    speak = with_text if callable(with_text) else caption_of
    for annotation, color in zip(scene.annotations, given, strict=True):
        text = speak(annotation)
        if not text:
            continue
        left, top, right, bottom = bounds_of(annotation)
        if right < 0 or bottom < 0 or left > canvas.shape[1] or top > canvas.shape[0]:
            continue
        label = label_image(text, letters, color, canvas.shape[1])
        # Points are drawn larger than they are; their names do not hide them.
        dotted = isinstance(annotation.annotation_definition, Point | Pose)
        far = 2.0 * thickness + 1.5 if dotted else 0.0
        bounds = (left - far, top - far, right + far, bottom + far)
        at = places.find(bounds, (label.shape[1], label.shape[0]))
        put(canvas, label, *at)
