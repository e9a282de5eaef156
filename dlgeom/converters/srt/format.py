"""SRT's entry in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.srt.options import OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    # Not from the reader: nothing of it is needed to look at names.
    from dlgeom.converters.find import recognise_ending

    return recognise_ending(path, ".srt")


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.srt.reader import open_reader

    return open_reader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.srt.writer import create_writer

    return create_writer(context)


FORMAT = Format(
    name="srt",
    title="SubRip subtitles: times, text, tags, coordinates",
    aliases=("subrip",),
    patterns=("x.srt", "**/*.srt"),
    kinds=("subtitle",),
    options=OPTIONS,
    single_file=(".srt",),
    suffixes=(".srt",),
    recognise=_recognise,
    open=_open,
    create=_create,
    films="yes",
)
