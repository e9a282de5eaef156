"""Sidecars: one small file beside a target with what the target could not hold.

`write` makes it when a conversion is done, `restore` uses it when the target is read again. See
the page on sidecars for the format and for what happens to edits.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from dlgeom.converters.output import Output
from dlgeom.errors import OutputError

__all__ = [
    "CLASS_FILES",
    "FOLDER_NAME",
    "SUFFIX",
    "check_place",
    "find_sidecar",
    "ignored",
    "remove_stale",
    "sidecar_name",
]

FOLDER_NAME = "dlgeom.sidecar.zst"
"""Name of the file in a target that is a folder."""

SUFFIX = ".sidecar.zst"
"""What is put behind the name of a target that is one file."""

CLASS_FILES = frozenset({"data.yaml", "obj.data"})
"""Files that stand for the folder that they are in."""

_ignored: ContextVar[bool] = ContextVar("_ignored", default=False)


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Look for no sidecar in the block."""
    token = _ignored.set(True)
    try:
        yield
    finally:
        _ignored.reset(token)


def sidecar_name(name: str, *, single: bool) -> str:
    """Return the name of the sidecar of a target, in the folder that it is in."""
    return name + SUFFIX if single else FOLDER_NAME


def find_sidecar(source: Path) -> Path | None:
    """Return the sidecar of a source, None if it has none; one look at the file system."""
    if _ignored.get():
        return None
    if source.name in CLASS_FILES:
        place = source.with_name(FOLDER_NAME)
    elif source.is_dir():
        place = source / FOLDER_NAME
    else:
        place = source.with_name(source.name + SUFFIX)
    return place if os.path.lexists(place) else None


def check_place(output: Output) -> None:
    """Refuse a target whose sidecar is there and may not be replaced.

    Raises
    ------
    OutputError
        ``output.exists``.
    """
    place = output.root / sidecar_name(output.name, single=output.single)
    if output.single and os.path.lexists(place) and not output.overwrites:
        raise OutputError(
            "exists; outputs are not overwritten unasked. Use --overwrite, or another name",
            code="output.exists",
            path=str(place),
        )


def remove_stale(output: Output) -> None:
    """Remove the sidecar of what was replaced by a target without one."""
    discard = getattr(output, "discard", None)
    if discard is not None:  # a target at an address
        discard(sidecar_name(output.name, single=output.single))
        return
    if output.dry_run or not (output.existed and output.overwrites):
        return
    place = output.root / sidecar_name(output.name, single=output.single)
    with contextlib.suppress(OSError):
        if place.is_file() and not place.is_symlink():
            place.unlink()
