"""YOLO's entry in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.yolo.options import READ_OPTIONS, WRITE_OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.yolo.reader import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.yolo.reader import open_reader

    return open_reader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.yolo.writer import create_writer

    return create_writer(context)


FORMAT = Format(
    name="yolo",
    title="YOLO text: detect, segment, pose, obb, classify; darknet as source",
    aliases=("ultralytics", "yolov5", "yolov8", "yolo11", "darknet"),
    patterns=("data.yaml", "obj.data", "labels/**.txt with --names"),
    kinds=("box", "rotated box", "polygon", "parts", "holes", "pose", "image class"),
    options=(*READ_OPTIONS, *WRITE_OPTIONS),
    suffixes=(".yaml", ".yml", ".data"),
    recognise=_recognise,
    open=_open,
    create=_create,
    tasks=("detect", "segment", "pose", "obb", "classify"),
)
