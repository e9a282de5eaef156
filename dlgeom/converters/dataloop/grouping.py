"""Which rings of a polygon are parts and which are holes: what even-odd rings do not tell.

The platform's rings are filled even-odd (platform page, section 4.2). A `Polygon` is the OR over
its parts, each its exterior and holes even-odd. Its rings alone give the parts back only where
they nest that way, so that a hint says how they were grouped. And where parts share pixels the
platform leaves these out, which no hint changes: that is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlgeom.definitions import Polygon
from dlgeom.errors import DlgeomError
from dlgeom.geometry import raster, rings, rle

__all__ = ["grouping_hint", "regrouped", "shown_share"]


def grouping_hint(shape: Polygon) -> dict[str, Any]:
    """Return what reading the rings of a polygon even-odd does not give; empty if nothing.

    Returns
    -------
    dict
        ``parts``: the number of rings of each part. ``order``: position of each ring among the
        rings as they are sorted into parts when they are read, left out where that is the order
        that they have.
    """
    given = shape.rings
    if len(given) < 2:
        return {}
    again = Polygon(given, None)
    if again._same_geometry(shape):
        return {}
    hint: dict[str, Any] = {"parts": [len(part) for part in shape.parts]}
    left = dict(enumerate(again.rings))
    order = []
    for ring in given:
        place = next(k for k, other in left.items() if np.array_equal(ring, other))
        order.append(place)
        del left[place]
    if order != list(range(len(order))):
        hint["order"] = order
    return hint


def regrouped(shape: Polygon, hints: Mapping[str, Any]) -> Polygon:
    """Return a polygon with its rings grouped as `grouping_hint` says.

    The polygon itself where it has another number of rings by now.
    """
    own = grouping_hint(shape)
    if own and own == {key: hints[key] for key in ("parts", "order") if key in hints}:
        return shape  # the first state of a track comes here twice
    counts = [int(count) for count in hints["parts"]]
    found = shape.rings
    order = [int(place) for place in hints.get("order", range(len(found)))]
    if sum(counts) != len(found) or sorted(order) != list(range(len(found))) or min(counts) < 1:
        return shape
    sorted_rings = iter([found[place] for place in order])
    parts = [[next(sorted_rings) for _ in range(count)] for count in counts]
    return Polygon.from_parts(parts, shape.label, shape.attributes, shape.description)


def shown_share(shape: Polygon, size: tuple[int, int] | None) -> float | None:
    """Return how much the platform's even-odd filling agrees with a polygon.

    Parameters
    ----------
    shape : Polygon
        Any.
    size : tuple of int, optional
        (height, width) of the image in pixels; as much as the polygon needs if not known.

    Returns
    -------
    float or None
        The IoU of the two masks; None where they are the same, NaN where an outline cannot be
        filled.
    """
    outline = shape.outline
    if len(outline.parts) < 3:
        return None
    edges = rings.bounds(outline.xy, outline.rings[outline.parts])
    for index, (left, top, right, bottom) in enumerate(edges[:-1].tolist()):
        rest = edges[index + 1 :]
        apart = (rest[:, 0] >= right) | (rest[:, 2] <= left)
        apart |= (rest[:, 1] >= bottom) | (rest[:, 3] <= top)
        if not apart.all():
            break
    else:
        return None
    if size is None:
        size = (max(int(np.ceil(shape.bottom)), 1), max(int(np.ceil(shape.right)), 1))
    try:
        own = raster.parts_to_runs(shape.parts, size)
        shown = raster.even_odd_to_runs(shape.rings, size)
    except DlgeomError:
        return float("nan")
    if np.array_equal(own, shown):
        return None
    # What even-odd filling sets, some part sets as well: it is a share of the whole.
    return rle.area(shown) / rle.area(own)
