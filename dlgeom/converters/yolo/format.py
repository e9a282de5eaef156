"""YOLO's entry in the registry."""

from __future__ import annotations

from dlgeom.converters.base import Format
from dlgeom.converters.yolo.reader import READ_OPTIONS, open_reader, recognise
from dlgeom.converters.yolo.writer import WRITE_OPTIONS, create_writer

__all__ = ["FORMAT"]

FORMAT = Format(
    name="yolo",
    title="YOLO text: detect, segment, pose, obb, classify; darknet as source",
    aliases=("ultralytics", "yolov5", "yolov8", "yolo11", "darknet"),
    patterns=("data.yaml", "obj.data", "labels/**.txt with --names"),
    kinds=("box", "rotated box", "polygon", "parts", "holes", "pose", "image class"),
    options=(*READ_OPTIONS, *WRITE_OPTIONS),
    recognise=recognise,
    open=open_reader,
    create=create_writer,
    tasks=("detect", "segment", "pose", "obb", "classify"),
)
