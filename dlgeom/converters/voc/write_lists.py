"""Image sets, label map and class indexes of a VOC target."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import Meta
from dlgeom.converters.names import output_name
from dlgeom.converters.png import VOC_PALETTE
from dlgeom.converters.voc.classes import VOID
from dlgeom.converters.voc.sets import ImageSets
from dlgeom.labels import LabelTable

__all__ = ["Splits", "class_ids", "class_indexes", "label_map", "palette_of", "safe_for_map"]

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


class Splits:
    """Which images were written, by split, and the image sets made of that.

    Parameters
    ----------
    meta : Meta
        A VOC source brings its own image sets, which are kept.
    default : str
        Split of items that name none.
    """

    def __init__(self, meta: Meta, default: str) -> None:
        self._own: ImageSets | None = meta.extra.get("voc_sets") if meta.format == "voc" else None
        self._default = default
        self._stems: dict[str, list[str]] = {}
        self._segmented: dict[str, list[str]] = {}
        self._written: dict[str, str] = {}

    def add(self, subset: str | None, source: str, stem: str, *, segmented: bool) -> None:
        """Note an image: its stem in the source and in the target."""
        name = subset or self._default
        self._stems.setdefault(name, []).append(stem)
        if segmented:
            self._segmented.setdefault(name, []).append(stem)
        if self._own is not None:
            self._written[source] = stem

    def write(self, write: Callable[[str, bytes], None]) -> None:
        """Write all image sets."""
        files: dict[str, str] = {}
        if self._own is not None:
            known = set(self._written)
            for key in self._own.texts:
                text = self._own.rewritten(key, self._written.get, known)
                if text or not self._own.texts[key].strip():
                    files[key] = text
        for kind, lists in (("Main", self._stems), ("Segmentation", self._segmented)):
            for name, stems in lists.items():
                clean = output_name(name.replace("/", "_")) or "train"
                if self._own is None or (f"{kind}/{clean}" not in files and name != ""):
                    files.setdefault(f"{kind}/{clean}", "".join(f"{stem}\n" for stem in stems))
        for key, text in files.items():
            write(f"ImageSets/{key}.txt", text.encode())
