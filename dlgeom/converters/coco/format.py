"""COCO's entry in the registry."""

from __future__ import annotations

from pathlib import Path

from dlgeom.converters.base import Format, ReadContext, Reader, WriteContext, Writer
from dlgeom.converters.coco.options import READ_OPTIONS, WRITE_OPTIONS

__all__ = ["FORMAT"]


def _recognise(path: Path) -> int:
    from dlgeom.converters.coco.reader import recognise

    return recognise(path)


def _open(path: Path, context: ReadContext) -> Reader:
    from dlgeom.converters.coco.reader import open_reader

    return open_reader(path, context)


def _create(context: WriteContext) -> Writer:
    from dlgeom.converters.coco.writer import create_writer

    return create_writer(context)


FORMAT = Format(
    name="coco",
    title="COCO JSON: instances, keypoints, captions, panoptic, results",
    aliases=("coco-json", "mscoco", "lvis"),
    patterns=(
        "x.json",
        "x.json.gz",
        "x.json.zst",
        "annotations/*.json",
        "<split>/_annotations.coco.json",
    ),
    kinds=("box", "polygon", "parts", "mask", "pose", "caption", "attributes", "score"),
    options=(*READ_OPTIONS, *WRITE_OPTIONS),
    suffixes=(".json", ".gz", ".zst"),
    recognise=_recognise,
    open=_open,
    create=_create,
    single_file=(".json", ".json.gz", ".json.zst"),
)
