"""Shapes as SVG: what a notebook shows without pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from dlgeom.colors import hex_of
from dlgeom.conversions import mask_to_polygon
from dlgeom.definitions import Cube, Point, Polyline, Pose, Segmentation
from dlgeom.definitions.base import Definition
from dlgeom.errors import DlgeomError
from dlgeom.render.marks import CUBE_EDGES, outline_of, scale_of
from dlgeom.render.palette import colors_of
from dlgeom.render.scene import Scene, Source, bounds_of, in_order, kept, scene_of, shown_shapes
from dlgeom.render.text import caption_of

__all__ = ["svg", "view_of"]

Floats = NDArray[np.float64]

MOST_VERTICES = 50_000
WIDEST = 800


def view_of(scene: Scene) -> tuple[float, float, float, float] | None:
    """Return left, top, right, bottom of what is shown: the image, else all annotations.

    None if there is nothing to show.
    """
    item = scene.item
    if item is not None and item.shape is not None:
        return 0.0, 0.0, float(item.shape[1]), float(item.shape[0])
    for annotation in scene.annotations:
        shape = annotation.annotation_definition
        if isinstance(shape, Segmentation):
            return 0.0, 0.0, float(shape.shape[1]), float(shape.shape[0])
    bounds = np.array([bounds_of(one) for one in scene.annotations]).reshape(-1, 4)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return None
    left, top = bounds[:, :2].min(axis=0).tolist()
    right, bottom = bounds[:, 2:].max(axis=0).tolist()
    margin = max(0.05 * max(right - left, bottom - top), 5.0)
    return left - margin, top - margin, right + margin, bottom + margin


def svg(source: Source) -> str | None:
    """Return annotations as an SVG picture, None where there is nothing to show, or too much.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to show; masks are shown as their outlines along pixel edges.
    """
    scene = scene_of(kept(source))
    view = view_of(scene)
    if view is None:
        return None
    left, top, right, bottom = view
    width, height = right - left, bottom - top
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        return None
    stroke = 2 * scale_of((max(1, math.ceil(height)), max(1, math.ceil(width))))
    if max(width, height) < WIDEST / 2:
        stroke = max(width, height) / 200
    parts: list[str] = []
    room = MOST_VERTICES
    colors = colors_of(scene)
    try:
        for place in in_order(scene.annotations):
            annotation = scene.annotations[place]
            title = escape(_printable(caption_of(annotation)))
            shown = []
            for definition in shown_shapes(annotation):
                elements, vertices = _elements(definition, stroke)
                shown += elements
                room -= vertices
                if room < 0:
                    return None
            if shown:
                ink = hex_of(colors[place])
                parts.append(
                    f'<g stroke="{ink}" fill="{ink}"><title>{title}</title>{"".join(shown)}</g>'
                )
    except DlgeomError:
        return None
    if not parts and scene.item is None:
        return None
    zoom = min(WIDEST / max(width, height), 4.0)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{_n(left)} {_n(top)} {_n(width)} '
        f'{_n(height)}" width="{_n(width * zoom)}" height="{_n(height * zoom)}" '
        f'fill-opacity="0.3" stroke-width="{_n(stroke)}" stroke-linejoin="round">'
    )
    paper = (
        f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" height="{_n(height)}" '
        'fill="#f4f4f4" fill-opacity="1" stroke="none"/>'
    )
    return head + paper + "".join(parts) + "</svg>"


def _elements(definition: Definition, stroke: float) -> tuple[list[str], int]:
    """Return SVG elements of a definition, and how many vertices they have."""
    if isinstance(definition, Segmentation):
        if definition.area == 0:
            return [], 0
        return _paths(mask_to_polygon(definition, None).parts)
    if isinstance(definition, Polyline):
        found = [_line(points) for points in definition.lines]
        return found, sum(map(len, definition.lines))
    if isinstance(definition, Cube):
        return [_line(definition.geo[list(edge)]) for edge in CUBE_EDGES], 24
    if isinstance(definition, Point):
        return [_dot(definition.x, definition.y, 2 * stroke, True)], 1
    if isinstance(definition, Pose):
        points = definition.keypoints
        seen = points[:, 2] > 0
        edges = [points[[a, b], :2] for a, b in definition.skeleton if seen[a] and seen[b]]
        dots = [_dot(x, y, 1.5 * stroke, v > 1) for x, y, v in points[seen].tolist()]
        return [*map(_line, edges), *dots], 2 * len(edges) + len(dots)
    outline = outline_of(definition)
    return ([], 0) if outline is None else _paths(outline)


def _paths(parts: Sequence[Sequence[Floats]]) -> tuple[list[str], int]:
    found = []
    for part in parts:
        path = "".join(f"M{_points(ring)}Z" for ring in part)
        found.append(f'<path fill-rule="evenodd" d="{path}"/>')
    return found, sum(len(ring) for part in parts for ring in part)


def _line(points: Floats) -> str:
    return f'<polyline fill="none" points="{_points(points)}"/>'


def _dot(x: float, y: float, radius: float, filled: bool) -> str:
    opacity = "1" if filled else "0"
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill-opacity="{opacity}"/>'


def _points(points: Floats) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points.tolist())


def _n(value: float) -> str:
    """Return a number with up to three decimals, never in scientific form."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
