"""What a notebook shows of definitions, annotations and collections."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from dlgeom.errors import DlgeomError, MissingDependencyError
from dlgeom.limits import DEFAULT_LIMITS
from dlgeom.render.overlay import overlay
from dlgeom.render.scene import Source, kept, scene_of
from dlgeom.render.showing import show
from dlgeom.render.svg import view_of

__all__ = ["plot", "png"]

PAPER = 244
LONGEST = 1000
"""Pixels of the longer side of a picture in a notebook."""


def png(source: Source) -> bytes | None:
    """Return annotations as a PNG on plain paper, None where there is nothing to show."""
    import cv2
    from PIL import Image

    source = kept(source)
    scene = scene_of(source)
    view = view_of(scene)
    if view is None:
        return None
    width, height = math.ceil(view[2]), math.ceil(view[3])
    if width < 1 or height < 1 or width * height > DEFAULT_LIMITS.pixels:
        return None
    try:
        drawn = overlay(np.full((height, width), PAPER, dtype=np.uint8), source)
    except DlgeomError:
        return None
    longest = max(width, height)
    if longest > LONGEST:
        size = (max(1, width * LONGEST // longest), max(1, height * LONGEST // longest))
        drawn = np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(drawn).save(stream, format="PNG")
    return stream.getvalue()


def plot(source: Source, ax: Any = None, image: Any = None, **options: Any) -> Any:
    """Draw annotations into axes of matplotlib and return the axes.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to draw.
    ax : matplotlib.axes.Axes, optional
        New ones if not given.
    image : array_like or PIL.Image.Image, optional
        What lies below; annotations are drawn on it by `overlay`, without it by `show`.
    **options
        Of `overlay` or `show`.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingDependencyError(
            "plot() needs matplotlib; it is in the extra plot. Install dlgeom[plot]"
        ) from error
    source = kept(source)
    if image is not None:
        drawn = overlay(image, source, **options)
    else:
        if not {"width", "height"} <= options.keys():
            view = view_of(scene_of(source))
            if view is not None:
                options.setdefault("width", max(1, math.ceil(view[2])))
                options.setdefault("height", max(1, math.ceil(view[3])))
        drawn = show(source, **options)
    if ax is None:
        ax = plt.figure().add_subplot()
    height, width = drawn.shape[:2]
    # Continuous coordinates: the first pixel covers 0 to 1, as everywhere in this library.
    ax.imshow(drawn, extent=(0, width, height, 0), interpolation="nearest")
    return ax
