"""One way to ask for any kind of picture: for commands that draw whole data sets and videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from numpy.typing import NDArray

from dlgeom.annotation import AnnotationCollection
from dlgeom.render.idmaps import label_ids, object_ids
from dlgeom.render.overlay import overlay
from dlgeom.render.panoptic import panoptic
from dlgeom.render.showing import color_mask

__all__ = ["Style", "picture_of"]

Pixels = NDArray[Any]


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How pictures look; see `dlgeom.rendering.render_dataset`."""

    alpha: float = 0.4
    thickness: int | None = None
    with_text: bool = True
    legend: bool = False
    color_by: str = "label"
    safe_colors: bool | None = None
    trail: int = 0
    order: str = "documented"
    rule: str = "exact"
    boundary: int = 0


def picture_of(
    source: AnnotationCollection,
    kind: str,
    style: Style,
    *,
    image: Pixels | None = None,
    ids: Mapping[str, int] | None = None,
    frame_num: int | None = None,
    hidden: bool = True,
) -> Pixels | tuple[Pixels, list[dict[str, Any]]]:
    """Return annotations as a picture of a kind; panoptic ones with their segments.

    Raises
    ------
    UsageError
        If an object has no id, or a label none.
    GeometryError
        If a mask has another size than the image.
    """
    options: Any = {
        "frame_num": frame_num,
        "hidden": hidden,
        "order": style.order,
        "rule": style.rule,
        "boundary": style.boundary,
    }
    if kind == "overlay":
        return overlay(
            image,
            source,
            alpha=style.alpha,
            thickness=style.thickness,
            with_text=style.with_text,
            legend=style.legend,
            color_by=style.color_by,  # type: ignore[arg-type]
            safe_colors=style.safe_colors,
            trail=style.trail,
            frame_num=frame_num,
            order=style.order,
            hidden=hidden,
        )
    if kind == "mask":
        thickness = -1 if style.thickness is None else style.thickness
        return color_mask(
            source,
            thickness=thickness,
            alpha=style.alpha,
            frame_num=frame_num,
            order=style.order,
            hidden=hidden,
        )
    if style.thickness is not None:
        options["thickness"] = style.thickness
    if kind == "instance":
        return label_ids(source, ids, **options)
    if kind == "object-id":
        return object_ids(source, missing=0, **options)
    found = panoptic(source, ids, **options)
    return found.rgb, found.segments_info
