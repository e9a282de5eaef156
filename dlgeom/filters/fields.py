"""The facts that conditions can ask for: their names, kinds and costs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dlgeom.errors import UsageError
from dlgeom.filters.tree import Field
from dlgeom.nearest import near

__all__ = ["FIELDS", "PATHS", "TYPES", "Fact", "fact_of", "field_of", "needs_of", "needs_sizes"]

_SHAPE = frozenset({"outline", "runs", "keypoints", "other"})
_EXTRA = frozenset({"extra"})


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a field.

    Parameters
    ----------
    kind : str
        ``text``, ``number``, ``flag``, or ``any`` for values of any type.
    help : str
        For the docs.
    needs : frozenset of str
        Costly columns that have to be decoded for it.
    open : bool
        Whether keys follow: ``attributes.color``.
    sizes : bool
        Whether the size of the image has to be known.
    """

    kind: str
    help: str
    needs: frozenset[str] = frozenset()
    open: bool = False
    sizes: bool = False


def _number(text: str, needs: frozenset[str] = frozenset(), *, sizes: bool = False) -> Fact:
    return Fact(kind="number", help=text, needs=needs, sizes=sizes)


def _text(text: str, needs: frozenset[str] = frozenset()) -> Fact:
    return Fact(kind="text", help=text, needs=needs)


def _any(text: str) -> Fact:
    return Fact(kind="any", help=text, needs=_EXTRA)


_BOX = "of the box that the source stores, else of the shape, in pixels"

FIELDS: dict[str, Fact] = {
    "label": _text("name of the class"),
    "type": _text("box, segment, binary, pose, point, class, ...", frozenset({"other"})),
    "id": Fact(kind="any", help="id in the source"),
    "score": _number("confidence"),
    "crowd": Fact(kind="flag", help="whether it stands for a group"),
    "area": _number("stored area, else that of the shape, in square pixels", _SHAPE, sizes=True),
    "left": _number(f"left edge {_BOX}", _SHAPE, sizes=True),
    "top": _number(f"upper edge {_BOX}", _SHAPE, sizes=True),
    "right": _number(f"right edge {_BOX}", _SHAPE, sizes=True),
    "bottom": _number(f"lower edge {_BOX}", _SHAPE, sizes=True),
    "width": _number(f"width {_BOX}", _SHAPE, sizes=True),
    "height": _number(f"height {_BOX}", _SHAPE, sizes=True),
    "angle": _number("angle of a rotated box, in degrees", frozenset({"other"})),
    "points": _number("keypoints of a pose, vertices of a polygon or a line", _SHAPE),
    "keypoints": _number("labelled keypoints of a pose", frozenset({"keypoints"})),
    "parts": _number("parts of a polygon", frozenset({"outline"})),
    "holes": _number("holes of a polygon", frozenset({"outline"})),
    "attributes": Fact(kind="any", help="attributes by their keys", needs=_EXTRA, open=True),
    "metadata": Fact(kind="any", help="metadata by their keys", needs=_EXTRA, open=True),
    "extra": Fact(kind="any", help="unknown fields of the source", needs=_EXTRA, open=True),
    "description": _any("free text of the annotation"),
    "object_id": _any("identity of the thing across frames"),
    "parent_id": _any("id of the annotation it belongs to"),
    "status": _any("review status"),
    "creator": _any("who made it"),
    "created_at": _any("when it was made"),
    "updated_by": _any("who changed it"),
    "updated_at": _any("when it was changed"),
    "source": _any("what it was made with"),
    "automated": _any("whether a program made it"),
    "frame_num": _any("first frame"),
    "end_frame_num": _any("last frame"),
    "start_time": _any("start, in seconds"),
    "end_time": _any("end, in seconds"),
    "image.name": _text("path in the data set"),
    "image.dir": _text("folder of that path"),
    "image.file": _text("last part of that path"),
    "image.id": Fact(kind="any", help="id of the image"),
    "image.width": _number("width of the image, in pixels", sizes=True),
    "image.height": _number("height of the image, in pixels", sizes=True),
    "image.subset": _text("split"),
    "image.media": _text("image, video, audio or text"),
    "image.fps": _number("frames in a second"),
    "image.frames": _number("number of frames"),
    "image.kind": Fact(kind="any", help="file, and its medium"),
    "image.hidden": Fact(kind="flag", help="never"),
    "image.annotated": Fact(kind="flag", help="whether the image has annotations"),
    "image.metadata": Fact(kind="any", help="metadata of the image", needs=_EXTRA, open=True),
    "image.extra": Fact(kind="any", help="unknown fields of the image", needs=_EXTRA, open=True),
}
HIDDEN = frozenset({"image.kind", "image.hidden"})
"""Fields of `Filters` only."""

PATHS = frozenset({"image.name", "image.dir"})
"""Fields that are paths: slashes around them mean nothing."""

ALIASES = {
    "category": "label",
    "class": "label",
    "confidence": "score",
    "iscrowd": "crowd",
    "image.filename": "image.name",
    "image.file_name": "image.name",
    "image.path": "image.name",
    "image.split": "image.subset",
}
TYPES = {
    "polygon": "segment",
    "mask": "binary",
    "segmentation": "binary",
    "keypoints": "pose",
    "classification": "class",
    "caption": "item_description",
    "description": "item_description",
}
"""Other names of types."""


def field_of(steps: Sequence[str]) -> Field:
    """Return the field of a dotted name.

    Raises
    ------
    UsageError
        If there is none; names the nearest one.
    """
    if steps[0] == "item":
        steps = ["image", *steps[1:]]
    count = 2 if steps[0] == "image" else 1
    name = ".".join(steps[:count])
    name = ALIASES.get(name, name)
    rest = tuple(steps[count:])
    if name not in FIELDS or name in HIDDEN:
        known = [*(key for key in FIELDS if key not in HIDDEN), *ALIASES]
        raise UsageError(f"there is no field {'.'.join(steps)!r}.{near(name, known)}")
    if rest and not FIELDS[name].open:
        raise UsageError(f"field {name!r} has nothing below it, so not {'.'.join(rest)!r}")
    return Field(name, rest)


def fact_of(field: Field) -> Fact:
    """Return what is known of a field."""
    return FIELDS[field.name]


def is_image(field: Field) -> bool:
    """Whether a field belongs to the image."""
    return field.name.startswith("image.")


def needs_of(fields: set[Field]) -> frozenset[str]:
    """Return the costly columns that have to be decoded for some fields."""
    return frozenset().union(*(fact_of(field).needs for field in fields))


def needs_sizes(fields: set[Field]) -> bool:
    """Whether the sizes of images have to be known for some fields."""
    return any(fact_of(field).sizes for field in fields)
