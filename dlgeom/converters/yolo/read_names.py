"""Class names and where they are written: yaml, obj.names, classes.txt; telling class files."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path

from dlgeom.converters.base import ReadContext
from dlgeom.converters.inputs import decode_text, read_bytes, unreadable
from dlgeom.converters.yolo.class_yaml import DataYaml, read_data_yaml
from dlgeom.errors import FormatError

__all__ = [
    "NAME_FILES",
    "class_file",
    "given_names",
    "head_of",
    "is_class_yaml",
    "is_darknet",
    "name_lines",
    "told",
]

NAME_FILES = ("classes.txt", "obj.names", "labels.txt", "names.txt")
_NAMES_KEY = re.compile(rb"(?m)^(?:\xef\xbb\xbf)?['\"]?names['\"]?[ \t]*:")
_PLACE_KEY = re.compile(rb"(?m)^(?:\xef\xbb\xbf)?['\"]?(train|val|validation|path|nc)['\"]?[ \t]*:")


def head_of(path: Path, size: int = 1 << 16) -> bytes:
    """Return the first bytes of a regular file, b"" for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        with contextlib.suppress(OSError):
            return stream.read(size)
    return b""


def is_class_yaml(path: Path) -> int:
    """Return 2 for a yaml with names and places, 1 for one with names only, else 0."""
    try:
        if path.stat().st_size > 1 << 20:
            return 0
    except OSError:
        return 0
    text = head_of(path, 1 << 20)
    if not _NAMES_KEY.search(text):
        # Without names it still is a class file if it says where the images are.
        return 1 if re.search(rb"(?m)^train[ \t]*:", text) and b"nc" in text else 0
    return 2 if _PLACE_KEY.search(text) else 1


def is_darknet(path: Path) -> bool:
    """Whether a file is an ``obj.data``: lines of ``key = value``."""
    return bool(re.search(rb"(?m)^[ \t]*(train|valid|names)[ \t]*=", head_of(path)))


def class_file(folder: Path) -> Path | None:
    """Return the one class file of a folder."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise unreadable(error, str(folder)) from error
    yamls = [name for name in names if name.lower().endswith((".yaml", ".yml"))]
    for name in ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml"):
        if name in yamls:
            return folder / name
    likely = [name for name in yamls if is_class_yaml(folder / name) == 2]
    if len(likely) > 1:
        raise FormatError(
            f"has {len(likely)} class files ({', '.join(likely[:5])}); which one counts cannot be "
            "told. Name the file itself",
            code="schema.root",
            path=folder.name,
        )
    if likely:
        return folder / likely[0]
    darknet = [name for name in names if name.endswith(".data") and is_darknet(folder / name)]
    return folder / darknet[0] if darknet else None


def told(data: DataYaml, shown: str, context: ReadContext) -> DataYaml:
    """Tell the notes of a class file."""
    for note in data.notes:
        getattr(context.problems, note.status)(
            note.code, note.message, path=shown, location=note.location
        )
    return data


def given_names(context: ReadContext) -> DataYaml | None:
    """Read the file of ``--names``: a yaml, or one name a line."""
    if context.names is None:
        return None
    name = context.names.name
    if context.names.suffix.lower() in (".yaml", ".yml"):
        data = told(read_data_yaml(context.names, context.limits, shown=name), name, context)
    else:
        data = DataYaml(names=name_lines(context.names, context, name))
    if not data.names:
        raise FormatError(
            "has no names. Give one a line, or a yaml with the key names",
            code="schema.names",
            path=name,
        )
    return data


def name_lines(path: Path, context: ReadContext, shown: str) -> dict[int, str]:
    """Read one class name a line; empty lines at the end do not count."""
    data = read_bytes(path, limit_name="yaml_bytes", limits=context.limits, shown=shown)
    text, note = decode_text(data, shown)
    if note:
        context.problems.notice(note, "is UTF-16; it is read as such", path=shown)
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    while lines and not lines[-1]:
        lines.pop()
    seen: dict[str, int] = {}
    for index, name in enumerate(lines):
        if not name:
            raise FormatError(
                "is empty between names; each line names one class. Remove it, or name the class",
                code="schema.names",
                path=shown,
                location=f"line {index + 1}",
            )
        if name in seen:
            context.problems.warning(
                "ref.duplicate_name",
                f"classes {seen[name]} and {index} are both named {name!r}; both are kept. "
                "Rename one",
                path=shown,
                location=f"line {index + 1}",
            )
        seen.setdefault(name, index)
    return dict(enumerate(lines))
