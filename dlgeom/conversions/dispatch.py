"""One name for all conversions: what to become is an argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from dlgeom.conversions import further, shapes
from dlgeom.definitions import (
    Box,
    Cube,
    Definition,
    Ellipse,
    Point,
    Polygon,
    Polyline,
    Pose,
    Segmentation,
)
from dlgeom.errors import GeometryError
from dlgeom.nearest import near

__all__ = ["TARGETS", "convert"]

TARGETS: dict[str, Callable[..., Any]] = {
    "box": shapes.to_box,
    "rotated_box": shapes.to_rotated_box,
    "ellipse": further.to_ellipse,
    "polygon": shapes.to_polygon,
    "polyline": further.to_polyline,
    "segmentation": shapes.to_segmentation,
    "cube": further.to_cube,
    "point": further.to_point,
    "pose": further.to_pose,
    "hull": further.to_hull,
}
"""What a definition can become, and the function that does it."""

_CLASSES: dict[type[Definition], str] = {
    Box: "box",
    Ellipse: "ellipse",
    Polygon: "polygon",
    Polyline: "polyline",
    Segmentation: "segmentation",
    Cube: "cube",
    Point: "point",
    Pose: "pose",
}


def convert(definition: Definition, target: str | type[Definition], **options: Any) -> Any:
    """Return a definition as another kind of shape.

    Parameters
    ----------
    definition : Definition
        What to convert.
    target : str or type
        A name in `TARGETS`, or a class such as `Polygon` (`Box` is the upright box).
    **options
        Those of the function of that name: `width`, `radius`; `shape` (height, width) for a
        segmentation; `epsilon` for a polygon; `inscribed` for an ellipse.

    Raises
    ------
    GeometryError
        If the target or an option is unknown, or the definition does not become one.

    Examples
    --------
    >>> from dlgeom import Box, Ellipse
    >>> convert(Ellipse(10, 20, 5, 3, 90, "wheel"), "box")
    Box(left=7.0, top=15.0, right=13.0, bottom=25.0, label='wheel')
    >>> convert(Box(0, 0, 3, 2, "tile"), "segmentation", shape=(4, 4))
    Segmentation(4x4, 6 px, label='tile')
    """
    name = _CLASSES.get(target) if isinstance(target, type) else target
    if not isinstance(name, str) or name not in TARGETS:
        hint = near(target, TARGETS) if isinstance(target, str) else ""
        raise GeometryError(
            f"convert: the target is {target!r}; known: {', '.join(TARGETS)}, and their classes."
            f"{hint}"
        )
    function = TARGETS[name]
    known = [key for key in inspect.signature(function).parameters if key != "definition"]
    for key in options:
        if key not in known:
            raise GeometryError(
                f"convert: {key!r} is no option of {name}; it has {', '.join(known)}"
            )
    if name == "segmentation" and "shape" not in options:
        raise GeometryError("convert: a segmentation needs shape=(height, width) of the image")
    return function(definition, **options)
