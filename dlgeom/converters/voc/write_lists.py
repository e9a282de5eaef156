"""Label map and class indexes of a VOC target."""

from __future__ import annotations

import re

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import Meta
from dlgeom.converters.png import VOC_PALETTE
from dlgeom.converters.voc.classes import VOID
from dlgeom.labels import LabelTable

__all__ = ["class_ids", "class_indexes", "label_map", "palette_of", "safe_for_map"]

Color = tuple[int, int, int]


def class_indexes(meta: Meta, labels: LabelTable) -> list[int | None]:
    """Return the index of each label in the masks, None past 254; a VOC source keeps its own."""
    own = [label.id for label in labels] if meta.format == "voc" else []
    taken = {k for k in own if isinstance(k, int) and 0 < k < VOID}
    result: list[int | None] = []
    used: set[int] = set()
    free = 1
    for place in range(len(labels)):
        known = own[place] if own else None
        if isinstance(known, int) and known in taken and known not in used:
            used.add(known)
            result.append(known)
            continue
        while free in used or free in taken:
            free += 1
        result.append(free if free < VOID else None)
        used.add(free)
    return result


def _colors(meta: Meta) -> dict[str, Color]:
    return dict(meta.extra.get("voc_colors", {})) if meta.format == "voc" else {}


def palette_of(meta: Meta, labels: LabelTable) -> NDArray[np.uint8]:
    """Return the palette of the class masks: VOC's, with the colours of a VOC source."""
    palette = VOC_PALETTE.copy()
    colors = _colors(meta)
    for label, index in zip(labels, class_indexes(meta, labels), strict=True):
        if index is not None and label.name in colors:
            palette[index] = colors[label.name]
    return palette


def safe_for_map(name: str) -> bool:
    """Whether a line of ``labelmap.txt`` can hold a name."""
    return (
        bool(name)
        and name == name.strip()
        and name[0] != "#"
        and not re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", name)
    )


def label_map(meta: Meta, labels: LabelTable) -> bytes:
    """Return ``labelmap.txt``: one line ``name:r,g,b:parts:actions`` a class, background first."""
    own = meta.extra.get("voc_labelmap") if meta.format == "voc" else None
    if own is not None and {label.name for label in labels} <= set(_colors(meta)):
        return str(own).encode()
    palette = palette_of(meta, labels)
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    rows = sorted(
        (VOID + 1 if index is None else index, place)
        for place, index in enumerate(class_indexes(meta, labels))
    )
    for index, place in rows:
        name = labels[place].name
        if safe_for_map(name):
            red, green, blue = palette[min(index, VOID)].tolist() if index <= VOID else (0, 0, 0)
            color = f"{red},{green},{blue}" if index <= VOID else ""
            lines.append(f"{name}:{color}::")
    return ("\n".join(lines) + "\n").encode()


def class_ids(meta: Meta, labels: LabelTable) -> bytes | None:
    """Return ``class_id_to_name.json`` where positions in the label map do not say it all."""
    indexes = class_indexes(meta, labels)
    places = sorted(index for index in indexes if index is not None)
    simple = places == list(range(1, len(places) + 1)) and all(
        safe_for_map(label.name) and label.name.lower() not in ("background", "ignored")
        for label in labels
    )
    if simple:
        return None
    table = {
        str(index): label.name
        for label, index in zip(labels, indexes, strict=True)
        if index is not None
    }
    return msgspec.json.encode({"0": "background", **table})
