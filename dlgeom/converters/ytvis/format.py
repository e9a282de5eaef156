"""The entry of YouTube-VIS in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.ytvis.options import OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.ytvis.recognise import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.ytvis.reader import YtvisReader

    return YtvisReader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.ytvis.writer import YtvisWriter

    return YtvisWriter(context)


FORMAT = Format(
    name="ytvis",
    title="YouTube-VIS, OVIS: masks of tracks over the frames of videos; results",
    aliases=("youtube-vis", "youtubevis", "ovis", "yvis"),
    patterns=("x.json", "x.json.gz", "x.json.zst", "annotations/*.json"),
    kinds=("mask over frames", "polygon over frames", "box over frames", "attributes", "score"),
    options=OPTIONS,
    single_file=(".json", ".json.gz", ".json.zst"),
    suffixes=(".json", ".gz", ".zst"),
    recognise=_recognise,
    open=_open,
    create=_create,
    films="only",
)
