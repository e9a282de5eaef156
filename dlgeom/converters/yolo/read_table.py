"""``images.csv``: what dlgeom's own YOLO folders say of each image.

Columns ``label_file,file_name,width,height,orientation``, one line an image (RFC 4180). With it a
data set is readable without its images, and equal stems keep their own names.
"""

from __future__ import annotations

import csv
import re

from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.read_splits import Entry
from dlgeom.converters.yolo.read_tree import FILE, Tree
from dlgeom.errors import FormatError
from dlgeom.limits import Limits

__all__ = ["read_table"]

NAME = "images.csv"
COLUMNS = ["label_file", "file_name", "width", "height", "orientation"]
_SIZE = re.compile(r"[0-9]{0,10}")


def read_table(tree: Tree, problems: Problems, limits: Limits) -> list[Entry]:
    """Read the table; [] if the file is something else of that name.

    Raises
    ------
    FormatError
        ``row.arity``, ``type.number`` or ``path.escape`` with the line.
    """
    data = read_bytes(tree.path(NAME), limit_name="file_bytes", limits=limits, shown=NAME)
    lines = csv.reader(decode_text(data, NAME)[0].splitlines(keepends=True), strict=True)
    try:
        if next(lines, None) != COLUMNS:
            return []
        return [_entry(tree, row, lines.line_num) for row in lines if row]
    except csv.Error as error:
        raise FormatError(
            f"is no valid CSV ({error}). Make it again",
            code="schema.type",
            path=NAME,
            location=f"line {lines.line_num}",
        ) from error


def _entry(tree: Tree, row: list[str], line: int) -> Entry:
    def wrong(code: str, what: str) -> FormatError:
        return FormatError(what, code=code, path=NAME, location=f"line {line}")

    if len(row) != len(COLUMNS):
        raise wrong("row.arity", f"has {len(row)} fields; a line has {len(COLUMNS)}. Correct it")
    label, name, width, height, turn = row
    if not (_SIZE.fullmatch(width) and _SIZE.fullmatch(height) and _SIZE.fullmatch(turn)):
        raise wrong("type.number", "width, height or orientation is no number. Correct it")
    steps = label.split("/")
    if not label.startswith("labels/") or ".." in steps or "" in steps or "\0" in label:
        raise wrong("path.escape", f"{label[:80]!r} is no path below labels/. Correct it")
    folder, _, base = label.rpartition("/")
    kind = tree.listing(folder).get(base)
    there = kind == FILE or (kind is not None and tree.kind(label) == FILE)
    return Entry(
        name,
        label if there else None,
        None,
        steps[1] if len(steps) > 2 else None,
        int(width or 0),
        int(height or 0),
        int(turn) if turn and 1 <= int(turn) <= 8 else None,
    )
