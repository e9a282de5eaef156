"""The entry of the platform's JSON in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.dataloop.options import OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.dataloop.recognise import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.dataloop.reader import PlatformReader

    return PlatformReader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.dataloop.writer import PlatformWriter

    return PlatformWriter(context)


FORMAT = Format(
    name="dataloop",
    title="Dataloop JSON: one file an item, all types, video and audio",
    aliases=("dtlpy",),
    patterns=("json/**.json", "x.json"),
    kinds=(
        "box",
        "rotated box",
        "polygon",
        "holes",
        "mask",
        "polyline",
        "ellipse",
        "cube",
        "point",
        "pose",
        "class",
        "subtitle",
        "note",
        "video",
        "attributes",
        "score",
    ),
    options=OPTIONS,
    suffixes=(".json",),
    recognise=_recognise,
    open=_open,
    create=_create,
    films="yes",
)
