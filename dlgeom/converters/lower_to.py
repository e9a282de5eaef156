"""What a writer asks the lowering for; apart from it, so that a writer loads no definitions."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Nearest"]


class Nearest(msgspec.Struct, frozen=True, kw_only=True):
    """What a target holds instead of a shape that has no column.

    Parameters
    ----------
    shape : {"outline", "rotated", "box", "label"}
        A polygon, a rotated box or an upright box around the shape; with ``label`` its label
        alone counts, and a box says that it had a shape.
    lines : bool
        Whether the upright box around an open line may stand for it; left out otherwise.
    boxed : bool
        Whether a polygon comes with the box around the shape itself, which is a little larger.
    points : bool
        Whether key points are kept, so that it counts which ones the class has.
    """

    shape: Literal["outline", "rotated", "box", "label"]
    lines: bool = False
    boxed: bool = False
    points: bool = False
