"""Options of COCO: light to import, the command line is made from them."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["READ_OPTIONS", "WRITE_OPTIONS"]

READ_OPTIONS: tuple[Option, ...] = ()

WRITE_OPTIONS: tuple[Option, ...] = (
    Option(
        name="coco_task",
        help="Kind of file: instances (also keypoints and captions), panoptic (JSON and PNG) or "
        "results (a bare list); auto keeps the kind of a COCO source.",
        default="auto",
        choices=("auto", "instances", "panoptic", "results"),
    ),
    Option(
        name="coco_category_ids",
        help="Keep the ids of the classes where they are integers, or number them from 1.",
        default="keep",
        choices=("keep", "from1"),
    ),
    Option(
        name="coco_crowd",
        help="Keep crowd regions (iscrowd 1), or leave them out.",
        default="keep",
        choices=("keep", "drop"),
    ),
    Option(
        name="coco_holes",
        help="Write polygons with holes as masks (rle), as one ring with bridges, or without.",
        default="rle",
        choices=("rle", "bridge", "drop"),
    ),
    Option(
        name="coco_recompute",
        help="Compute bbox, area or both from the geometry instead of keeping the stored ones.",
        default="none",
        choices=("none", "bbox", "area", "both"),
    ),
    Option(
        name="coco_box_polygons",
        help="Give boxes without a polygon one of four corners.",
        default=False,
        kind=bool,
    ),
    Option(
        name="coco_compress",
        help="Pack the JSON files of a folder; a single file is packed where its name ends in "
        ".gz or .zst.",
        default="none",
        choices=("none", "gz", "zst"),
    ),
)
