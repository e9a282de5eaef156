"""What the annotation types of a generator mean: which records count, what is kept of them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.batches.shapes import areal
from dlgeom.chunk import BOX, KEYPOINTS, OUTLINE, ROTATED, RUNS, Chunk
from dlgeom.definitions import Point, Pose
from dlgeom.errors import UsageError
from dlgeom.nearest import near

__all__ = ["KINDS", "Kind", "kind_of", "rows_of_kind"]

Bools = NDArray[np.bool_]


class Kind(msgspec.Struct, frozen=True):
    """One annotation type.

    Parameters
    ----------
    name : str
        As the platform calls it; also the key of its entry.
    needs : frozenset of str
        Columns of a chunk that it is made from.
    bits : int
        Bits of `Chunk.shapes` of records that can become it, in any format.
    """

    name: str
    needs: frozenset[str] = frozenset()
    bits: int = 0

    @property
    def has_area(self) -> bool:
        """Whether its shapes are areas that become polygons or masks."""
        return self.name in ("segment", "binary")


_AREAS = frozenset({"outline", "runs"})
KINDS = {
    kind.name: kind
    for kind in (
        Kind("box", bits=BOX | ROTATED | OUTLINE | RUNS | KEYPOINTS),
        Kind("class"),
        Kind("segment", _AREAS, OUTLINE | RUNS | ROTATED),
        Kind("binary", _AREAS, OUTLINE | RUNS | ROTATED),
        Kind("pose", frozenset({"keypoints"}), KEYPOINTS),
        Kind("polyline"),
        Kind("point"),
    )
}
_OTHER_NAMES = {
    "polygon": "segment",
    "segmentation": "binary",
    "mask": "binary",
    "classification": "class",
    "keypoints": "pose",
}


def kind_of(annotation_type: object) -> Kind | None:
    """Return the kind of that name; None for None, which stands for images alone.

    Raises
    ------
    UsageError
        If there is no such kind.
    """
    if annotation_type is None:
        return None
    name = str(getattr(annotation_type, "value", annotation_type)).lower()
    name = _OTHER_NAMES.get(name, name)
    if name not in KINDS:
        raise UsageError(
            f"annotation_type is {annotation_type!r}; a generator gives {', '.join(KINDS)}."
            f"{near(name, KINDS)}"
        )
    return KINDS[name]


def rows_of_kind(chunk: Chunk, kind: Kind, by_type: bool) -> Bools:
    """Return which rows count, shape (N,).

    Parameters
    ----------
    chunk : Chunk
        Records; `shapes` tells what they have, decoded or not.
    kind : Kind
        What is asked for.
    by_type : bool
        Whether only annotations of that very type count, as on the platform, or all that can
        become it without inventing a shape.
    """
    bits = chunk.shapes
    if kind.name == "class" and not by_type:
        return np.ones(len(chunk), dtype=np.bool_)
    result: Bools = (_primary(bits) == kind.name) if by_type else (bits & kind.bits) != 0
    for row, annotation in chunk.others.items():
        result[row] = _other_counts(annotation, kind, by_type)
    return result


def _primary(bits: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the type of each row's first shape, as its annotation would say."""
    order = (
        (KEYPOINTS, "pose"),
        (OUTLINE, "segment"),
        (RUNS, "binary"),
        (ROTATED, "box"),
        (BOX, "box"),
    )
    return np.select([(bits & bit) != 0 for bit, _ in order], [name for _, name in order], "class")


def _other_counts(annotation: Annotation, kind: Kind, by_type: bool) -> bool:
    """Whether a record without columns counts."""
    if by_type or kind.name in ("polyline", "point", "class"):
        return any(shape.type == kind.name for shape in annotation.shapes[:1])
    if kind.name == "pose":
        return any(isinstance(shape, Pose) and len(shape.keypoints) for shape in annotation.shapes)
    if kind.has_area:
        return any(areal(shape) for shape in annotation.shapes)
    return annotation.stored_bounds is not None or any(
        shape.left == shape.left and not isinstance(shape, Point) for shape in annotation.shapes
    )
