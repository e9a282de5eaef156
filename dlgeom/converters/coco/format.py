"""COCO's entry in the registry."""

from __future__ import annotations

from dlgeom.converters.base import Format
from dlgeom.converters.coco.reader import READ_OPTIONS, open_reader, recognise
from dlgeom.converters.coco.writer import WRITE_OPTIONS, create_writer

__all__ = ["FORMAT"]

FORMAT = Format(
    name="coco",
    title="COCO JSON: instances, keypoints, captions, panoptic, results",
    aliases=("coco-json", "mscoco", "lvis"),
    patterns=("x.json", "x.json.gz", "annotations/*.json", "<split>/_annotations.coco.json"),
    kinds=("box", "polygon", "parts", "mask", "pose", "caption", "attributes", "score"),
    options=(*READ_OPTIONS, *WRITE_OPTIONS),
    recognise=recognise,
    open=open_reader,
    create=create_writer,
    single_file=(".json", ".json.gz"),
)
