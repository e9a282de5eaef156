"""Pascal VOC's entry in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.voc.options import READ_OPTIONS, WRITE_OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.voc.reader import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.voc.reader import open_reader

    return open_reader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.voc.writer import create_writer

    return create_writer(context)


FORMAT = Format(
    name="voc",
    title="Pascal VOC: XML, class and object masks as palette PNG, image sets",
    aliases=("pascal", "pascalvoc", "pascal-voc", "voc2007", "voc2012"),
    patterns=("Annotations/**.xml", "SegmentationClass/*.png", "x.xml"),
    kinds=("box", "rotated box", "polygon", "mask", "parts of objects", "attributes", "score"),
    options=(*READ_OPTIONS, *WRITE_OPTIONS),
    suffixes=(".xml",),
    recognise=_recognise,
    open=_open,
    create=_create,
    tasks=("detect", "segment"),
)
