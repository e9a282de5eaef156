"""Annotations as a table of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlgeom.annotation.single import Annotation
from dlgeom.errors import UsageError

__all__ = ["table"]

COLUMNS = ("type", "label", "id", "object_id", "left", "top", "right", "bottom", "angle", "score")
FRAMES = ("start_frame", "end_frame", "start_time", "end_time")
WIDEST = 40


def table(annotations: Sequence[Annotation], columns: Sequence[str] | None = None) -> str:
    """Return a line for each annotation, under a line of names.

    Parameters
    ----------
    annotations : sequence of Annotation
        The lines.
    columns : sequence of str, optional
        Names of attributes of an annotation; by default those that say something about any of
        them.

    Raises
    ------
    UsageError
        If no annotation has such an attribute.
    """
    if columns is None:
        timed = any(a.frame_num is not None or a.start_time is not None for a in annotations)
        names = ["type", "label"] + [
            name
            for name in (*COLUMNS[2:], *(FRAMES if timed else ()))
            if any(_cell(annotation, name) for annotation in annotations)
        ]
    else:
        names = list(columns)
        for name in names:
            if annotations and not any(hasattr(annotation, name) for annotation in annotations):
                raise UsageError(
                    f"column {name!r}: annotations have no such attribute. Take one of "
                    f"{', '.join((*COLUMNS, *FRAMES))}"
                )
    rows = [["", *names]]
    rows += [
        [str(k), *(_cell(annotation, name) for name in names)]
        for k, annotation in enumerate(annotations)
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _cell(annotation: Annotation, name: str) -> str:
    value: Any = getattr(annotation, name, None)
    if value is None or value != value:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "\u2026"
