"""Options of YOLO: light to import, the command line is made from them."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["FAR_OWN", "READ_OPTIONS", "WRITE_OPTIONS"]

FAR_OWN = 1e4
"""How far numbers may lie from 0..1 in what dlgeom wrote itself."""

READ_OPTIONS: tuple[Option, ...] = (
    Option(
        name="yolo_conf",
        help="Where prediction rows have their confidence; the file cannot tell.",
        choices=("none", "last", "second"),
        default="none",
        use="read",
    ),
    Option(
        name="yolo_track_id",
        help="Whether rows end with a track id; behind a confidence at the end it is seen anyway.",
        choices=("none", "last"),
        default="none",
        use="read",
    ),
    Option(
        name="yolo_image_size",
        help="WIDTHxHEIGHT of all images, where there are no images to read sizes from.",
        use="read",
    ),
)

WRITE_OPTIONS: tuple[Option, ...] = (
    Option(
        name="yolo_layout",
        help="Files as Ultralytics has them, or as darknet (and CVAT's YOLO 1.1), for boxes only.",
        choices=("ultralytics", "darknet"),
        default="ultralytics",
    ),
    Option(
        name="decimals",
        help="Digits behind the point; 6 if not given, more for images of 200,000 px and up.",
        kind=int,
    ),
    Option(
        name="yolo_holes",
        help="Join holes to their outline by bridges without area, or fill them.",
        choices=("bridge", "fill"),
        default="bridge",
    ),
    Option(
        name="yolo_crowd",
        help="Keep crowd regions as objects, or leave them out.",
        choices=("keep", "drop"),
        default="keep",
    ),
    Option(
        name="yolo_clip",
        help="Cut boxes (tasks detect and pose) at the edges of the image.",
        choices=("none", "image"),
        default="none",
    ),
    Option(
        name="yolo_score",
        help="Put the confidence at the end of each row, as predictions have it.",
        choices=("none", "last"),
        default="none",
    ),
)
