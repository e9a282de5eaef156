"""Class names and colours of a VOC data set: what an index or a colour of a mask means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.base import ReadContext
from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.errors import FormatError

__all__ = ["OFFICIAL", "VOID", "ClassTable", "is_background", "no_class", "read_classes"]

VOID = 255
OFFICIAL = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""The 20 classes of VOC2007..2012; index 1 is the first."""

_BACKGROUND = frozenset({"background", "_background_", "__background__"})
_IGNORED = frozenset({"__ignore__", "ignored", "void"})
_VOID_COLOR = (224, 224, 192)
Color = tuple[int, int, int]


def is_background(name: str) -> bool:
    """Whether a name stands for pixels of no class."""
    return name.lower() in _BACKGROUND


class ClassTable(msgspec.Struct):
    """What a data set says about its classes.

    Parameters
    ----------
    names : dict of int to str
        Index in the masks -> name, background and void left out.
    colors : dict of str to tuple
        Colours as ``labelmap.txt`` has them, of all its entries.
    text : str
        ``labelmap.txt`` as it is.
    void : Color or None
        Colour of void, where the file has it.
    explicit : bool
        Whether the file gives each index, or it follows from the position.
    """

    names: dict[int, str] = msgspec.field(default_factory=dict)
    colors: dict[str, Color] = msgspec.field(default_factory=dict)
    text: str = ""
    void: Color | None = None
    explicit: bool = False

    def lookup(self, palette: NDArray[np.uint8] | None) -> dict[int, str]:
        """Return index -> name for a mask with that palette, shape (n, 3).

        A palette whose colours are those of the label map is trusted more than positions.
        """
        if palette is None or self.explicit or not self.colors:
            return self.names
        by_color = {color: name for name, color in self.colors.items()}
        found = {
            index: by_color[color]
            for index, color in enumerate(map(tuple, palette.tolist()))
            if color in by_color and 0 < index < VOID
        }
        classes = set(self.names.values())
        named = {index: name for index, name in found.items() if name in classes}
        return named if classes <= set(named.values()) else self.names


def no_class(name: str) -> bool:
    """Whether a name stands for background or void."""
    return is_background(name) or name.lower() in _IGNORED


def _text(path: Path, context: ReadContext) -> str | None:
    if not path.is_file():
        return None
    data = read_bytes(path, limits=context.limits, shown=path.name, empty=True)
    return decode_text(data, path.name)[0]


def _label_map(text: str, table: ClassTable) -> None:
    """Read lines ``name:r,g,b:parts:actions``."""
    position = 0
    entries: list[tuple[str, Color | None]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip("\r\n")
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.rsplit(":", 3)
        color: Color | None = None
        if len(fields) == 4 and fields[1]:
            values = fields[1].split(",")
            digits = [v.strip() for v in values]
            if len(digits) != 3 or not all(
                v.isascii() and v.isdecimal() and int(v) < 256 for v in digits
            ):
                raise FormatError(
                    f"colour {fields[1]!r} is no 'r,g,b' of 0..255; lines are "
                    "'name:r,g,b:parts:actions'. Correct it",
                    code="value.invalid",
                    path="labelmap.txt",
                    location=f"line {number}",
                )
            color = (int(digits[0]), int(digits[1]), int(digits[2]))
        name = fields[0] if len(fields) == 4 else line
        entries.append((name, color))
    if entries and not is_background(entries[0][0]):
        position = 1  # no entry for the background: index 0 is nobody's
    for place, (name, color) in enumerate(entries):
        if color is not None:
            table.colors[name] = color
        if name.lower() in _IGNORED and color in (None, _VOID_COLOR):
            table.void = color
        elif place or not is_background(name):
            table.names[position] = name
        position += 1


def _id_table(text: str, table: ClassTable) -> None:
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"is no JSON ({error}). Correct it", code="json.syntax", path="class_id_to_name.json"
        ) from error
    if not isinstance(values, dict) or not all(
        key.isascii() and key.isdecimal() and len(key) < 4 and isinstance(name, str)
        for key, name in values.items()
    ):
        raise FormatError(
            'is no object of index and name; expected {"1": "cat", ...}. Correct it',
            code="schema.names",
            path="class_id_to_name.json",
        )
    table.names = {int(key): name for key, name in values.items() if 0 < int(key) < VOID}
    table.explicit = True


def read_classes(root: Path, context: ReadContext, *, masks: bool) -> ClassTable:
    """Read the class list of a data set.

    Parameters
    ----------
    root : Path
        The data set.
    context : ReadContext
        ``names`` is a file with one name a line.
    masks : bool
        Whether there are masks; their indexes mean the 20 official classes if nothing else is
        said.

    Raises
    ------
    FormatError
        For a class list that cannot be read.
    """
    table = ClassTable()
    if (text := _text(root / "labelmap.txt", context)) is not None:
        table.text = text
        _label_map(text, table)
    if (text := _text(root / "class_id_to_name.json", context)) is not None:
        _id_table(text, table)
    if not table.names:
        for path in (context.names, root / "class_names.txt"):
            if path is not None and (text := _text(path, context)) is not None:
                names = [line.strip() for line in text.splitlines() if line.strip()]
                if names and names[0].lower() in _IGNORED:
                    names = names[1:]  # labelme: index -1, painted as void
                first = 0 if names and is_background(names[0]) else 1
                table.names = {
                    k: name for k, name in enumerate(names, start=first) if not no_class(name)
                }
                break
    if not table.names and masks:
        table.names = dict(enumerate(OFFICIAL, start=1))
    return table
