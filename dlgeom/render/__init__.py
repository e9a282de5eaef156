"""Drawing: id maps that models train on, and pictures that people look at.

`label_ids`, `instance_ids`, `object_ids`, `panoptic`, `one_hot` and `instance_stack` hold exact ids
and nothing else; `color_mask` has the colours of labels on a transparent canvas; `overlay` draws on
an image. ``show`` of definitions, annotations and collections is the documented way to the first
three and to colour masks.
"""

from __future__ import annotations

from dlgeom.render.idmaps import (
    instance_ids,
    instance_stack,
    label_ids,
    label_map,
    object_ids,
    one_hot,
)
from dlgeom.render.making import MapOptions
from dlgeom.render.overlay import overlay
from dlgeom.render.palette import palette
from dlgeom.render.panoptic import Panoptic, panoptic
from dlgeom.render.scene import by_attribute
from dlgeom.render.showing import color_mask, show

__all__ = [
    "MapOptions",
    "Panoptic",
    "by_attribute",
    "color_mask",
    "instance_ids",
    "instance_stack",
    "label_ids",
    "label_map",
    "object_ids",
    "one_hot",
    "overlay",
    "palette",
    "panoptic",
    "show",
]
