"""The entry of YOLO rows of videos in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.yolo_video.options import OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.yolo_video.recognise import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.yolo_video.reader import YoloVideoReader

    return YoloVideoReader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.yolo_video.writer import YoloVideoWriter

    return YoloVideoWriter(context)


FORMAT = Format(
    name="yolo-video",
    title="YOLO rows of videos: frame, object, class, box or polygon",
    patterns=("x.txt", "<folder>/*.txt with labels.txt"),
    kinds=("box over frames", "polygon over frames"),
    options=OPTIONS,
    suffixes=(".txt",),
    recognise=_recognise,
    open=_open,
    create=_create,
    films="only",
)
