"""What a whole run is drawn with: options that are checked once, ids of labels."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from dlgeom.annotation import AnnotationCollection
from dlgeom.definitions import Box
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.render.marks import checked_thickness
from dlgeom.render.overlay import trail_of_frames
from dlgeom.render.pictures import Style, picture_of
from dlgeom.render.showing import checked_alpha

__all__ = ["categories_of", "check_style"]


def check_style(kind: str, style: Style) -> None:
    """Raise `UsageError` for what no picture can be drawn with, before any item is lost to it."""
    item = Item(width=8, height=8)
    trial = AnnotationCollection(item)
    trial.add(Box(1, 1, 6, 6, "trial"), object_id=1)
    if not isinstance(style.order, str):
        style = msgspec.structs.replace(style, order="given")  # a function of real annotations
    if style.trail:
        trail_of_frames(style.trail)
        style = msgspec.structs.replace(style, trail=0)  # it needs a frame
    if isinstance(style.boundary, bool) or not 0 <= style.boundary <= 1000:
        raise UsageError(f"boundary is {style.boundary!r}; it is 0 to 1000 pixels. Correct it")
    checked_thickness(style.thickness)
    checked_alpha(style.alpha)
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    picture_of(trial, kind, style, image=image, ids={"trial": 1})


def categories_of(reader: Any, kind: str) -> list[dict[str, Any]]:
    """Return the labels of the whole data set with their ids.

    Ids of the source are kept for panoptic pictures, where all labels have one; else labels are
    numbered from 1, in the order of their names.
    """
    for _ in reader.chunks(grouped=False, needs=frozenset()):
        pass  # labels that only records name are known behind them
    labels = {label.name: label for label in reversed(list(reader.meta.labels))}
    own = [label.id for label in labels.values()]
    keep = (
        kind == "panoptic"
        and all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in own)
        and len(set(own)) == len(own)
    )
    names = sorted(labels, key=lambda name: labels[name].id if keep else name)
    found = []
    for number, name in enumerate(names, 1):
        label = labels[name]
        thing = label.extra.get("isthing", 1)
        entry: dict[str, Any] = {"id": label.id if keep else number, "name": name, "isthing": thing}
        if label.parent is not None:
            entry["supercategory"] = label.parent
        if label.color is not None:
            entry["color"] = list(label.color)
        found.append(entry)
    return found
