"""YOLO's entry in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.converters.base import Format, Option, ReadContext, Reader, WriteContext, Writer
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


_TASKS = ("detect", "segment", "pose", "obb", "classify")


def _tasks_for(options: Mapping[str, Any]) -> tuple[str, ...]:
    return ("detect",) if options.get("yolo_layout") == "darknet" else _TASKS


def _with_default(options: tuple[Option, ...], name: str, value: str) -> tuple[Option, ...]:
    return tuple(
        msgspec.structs.replace(option, default=value) if option.name == name else option
        for option in options
    )


_FORMAT = Format(
    name="yolo",
    title="YOLO text: detect, segment, pose, obb, classify; darknet",
    aliases=("ultralytics", "yolov5", "yolov8", "yolo11", "darknet"),
    patterns=("data.yaml", "obj.data", "labels/**.txt with --names"),
    kinds=("box", "rotated box", "polygon", "parts", "holes", "pose", "image class"),
    options=(*READ_OPTIONS, *WRITE_OPTIONS),
    suffixes=(".yaml", ".yml", ".data"),
    recognise=_recognise,
    open=_open,
    create=_create,
    tasks=_TASKS,
    tasks_for=_tasks_for,
)
_DARKNET = msgspec.structs.replace(
    _FORMAT, options=_with_default(_FORMAT.options, "yolo_layout", "darknet")
)
FORMAT = msgspec.structs.replace(_FORMAT, variants={"darknet": _DARKNET})
