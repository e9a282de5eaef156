"""``images.csv``: what dlgeom's own YOLO folders say of each image.

Columns ``label_file,file_name,width,height,orientation``, one line an image (RFC 4180). With it a
data set is readable without its images, and equal stems keep their own names.
"""

from __future__ import annotations

import csv
import io
import os
import re
import sys

from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.read_tree import FILE, Tree
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = ["read_table"]

NAME = "images.csv"
COLUMNS = ["label_file", "file_name", "width", "height", "orientation"]
_DARKNET = re.compile(r"obj_(.+)_data")
_SIZE = re.compile(r"[0-9]{0,10}")


def read_table(tree: Tree, limits: Limits, *, darknet: bool = False) -> list[Entry]:
    """Read the table; [] if there is none, or the file is something else of that name.

    Parameters
    ----------
    tree : Tree
        The data set.
    limits : Limits
        ``file_bytes`` holds.
    darknet : bool
        Whether labels lie in ``obj_<split>_data`` and not in ``labels/<split>``.

    Raises
    ------
    FormatError
        ``row.arity``, ``type.number`` or ``path.escape`` with the line.
    """
    if not tree.is_file(NAME):
        return []
    data = read_bytes(tree.path(NAME), limit_name="file_bytes", limits=limits, shown=NAME)
    text = decode_text(data, NAME)[0]
    # Not `splitlines`: it also cuts at characters that names may have, such as U+2028. And not
    # `StringIO`, which has four bytes for each character of the file.
    data = text.encode()
    del text
    file = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    lines = csv.reader(file, strict=True)
    pictures = darknet or tree.is_folder("images")
    try:
        if next(lines, None) != COLUMNS:
            return []
        entries: list[Entry] = []
        for row in lines:
            if not entries and row and row[0].startswith("labels/" if darknet else "obj_"):
                return []  # that of the other layout
            if row:
                entries.append(_entry(tree, row, lines.line_num, darknet, pictures))
        return entries
    except csv.Error as error:
        raise FormatError(
            f"is no valid CSV ({error}). Make it again",
            code="schema.type",
            path=NAME,
            location=f"line {lines.line_num}",
        ) from error


def _entry(tree: Tree, row: list[str], line: int, darknet: bool, pictures: bool) -> Entry:
    def wrong(code: str, what: str) -> FormatError:
        return FormatError(what, code=code, path=NAME, location=f"line {line}")

    if len(row) != len(COLUMNS):
        raise wrong("row.arity", f"has {len(row)} fields; a line has {len(COLUMNS)}. Correct it")
    label, name, width, height, turn = row
    if not (_SIZE.fullmatch(width) and _SIZE.fullmatch(height) and _SIZE.fullmatch(turn)):
        raise wrong("type.number", "width, height or orientation is no number. Correct it")
    steps = label.split("/")
    split = _DARKNET.fullmatch(steps[0]) if darknet else None
    due = "obj_<split>_data/" if darknet else "labels/"
    if not (split if darknet else steps[0] == "labels") or len(steps) < 2:
        raise wrong("path.escape", f"{label[:80]!r} is no path below {due}. Correct it")
    if ".." in steps or "" in steps or "\0" in label:
        raise wrong("path.escape", f"{label[:80]!r} is no path below {due}. Correct it")
    image = None
    if pictures:
        place = label if darknet else f"images{label[6:]}"
        image = _there(tree, os.path.splitext(place)[0] + os.path.splitext(name)[1])
    subset = split[1] if split else steps[1] if len(steps) > 2 else None
    # One text for all images of a split.
    subset = subset and sys.intern(subset)
    return Entry(
        name,
        _there(tree, label),
        image,
        subset,
        int(width or 0),
        int(height or 0),
        int(turn) if turn and 1 <= int(turn) <= 8 else None,
    )


def _there(tree: Tree, path: str) -> str | None:
    """Return a path if it is a file of the data set."""
    folder, _, base = path.rpartition("/")
    kind = tree.listing(folder).get(base)
    there = kind == FILE or (kind is not None and tree.kind(path) == FILE)
    return path if there else None
