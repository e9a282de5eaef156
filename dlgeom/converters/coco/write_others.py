"""Objects that COCO holds as they are: captions, classes of images, points.

What it does not hold comes as columns; see `dlgeom.converters.lower`.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["OtherRecord", "other_record"]


class OtherRecord(msgspec.Struct, kw_only=True):
    """What an object becomes.

    Parameters
    ----------
    fields : dict
        Fields of the record beside ids.
    code : str
        Why it is not the same, "" where it is.
    dropped : bool
        Whether nothing is written.
    """

    fields: dict[str, Any]
    code: str = ""
    dropped: bool = False


def other_record(definition: Any) -> OtherRecord:
    """Return what a COCO record says for a definition that has no column in a chunk."""
    kind = definition.type
    if kind == "item_description":
        return OtherRecord(fields={"caption": definition.text})
    if kind == "class":
        return OtherRecord(fields={})
    if kind == "point":
        x, y = float(definition.x), float(definition.y)
        fields = {"keypoints": [x, y, 2], "num_keypoints": 1, "area": 0.0, "iscrowd": 0}
        return OtherRecord(fields=fields, code="geometry.point")
    return OtherRecord(fields={}, code="geometry.none", dropped=True)
