"""CVAT's entry in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.cvat.options import OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.cvat.recognise import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.cvat.reader import CvatReader

    return CvatReader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.cvat.writer import create_writer

    return create_writer(context)


FORMAT = Format(
    name="cvat",
    title="CVAT for images 1.1 and CVAT for video 1.1: XML with shapes of all kinds and tracks",
    aliases=("cvat-xml", "cvat-images", "cvat-video"),
    patterns=("annotations.xml", "**/*.xml"),
    kinds=(
        "box",
        "rotated box",
        "polygon",
        "polyline",
        "point",
        "pose",
        "ellipse",
        "cube",
        "mask",
        "class of an image",
        "attributes",
        "states over frames",
    ),
    options=OPTIONS,
    single_file=(".xml",),
    suffixes=(".xml",),
    recognise=_recognise,
    open=_open,
    create=_create,
    films="yes",
)
