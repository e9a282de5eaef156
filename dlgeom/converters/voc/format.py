"""Pascal VOC's entry in the registry."""

from __future__ import annotations

from dlgeom.converters.base import Format
from dlgeom.converters.voc.reader import READ_OPTIONS, open_reader, recognise
from dlgeom.converters.voc.writer import WRITE_OPTIONS, create_writer

__all__ = ["FORMAT"]

FORMAT = Format(
    name="voc",
    title="Pascal VOC: XML, class and object masks as palette PNG, image sets",
    aliases=("pascal", "pascalvoc", "pascal-voc", "voc2007", "voc2012"),
    patterns=("Annotations/**.xml", "SegmentationClass/*.png", "x.xml"),
    kinds=("box", "rotated box", "polygon", "mask", "parts of objects", "attributes", "score"),
    options=(*READ_OPTIONS, *WRITE_OPTIONS),
    recognise=recognise,
    open=open_reader,
    create=create_writer,
    tasks=("detect", "segment"),
)
