"""MOTChallenge's entry in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.mot.options import OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.mot.recognise import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.mot.reader import MotReader

    return MotReader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.mot.writer import MotWriter

    return MotWriter(context)


FORMAT = Format(
    name="mot",
    title="MOTChallenge: boxes of tracks and detections over frames",
    aliases=("motchallenge", "mot15", "mot16", "mot17", "mot20"),
    patterns=("<sequence>/gt/gt.txt", "<sequence>/det/det.txt", "x.txt"),
    kinds=("box over frames",),
    options=OPTIONS,
    single_file=(".txt",),
    suffixes=(".txt",),
    recognise=_recognise,
    open=_open,
    create=_create,
    films="only",
)
