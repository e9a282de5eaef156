"""Options of VOC: light to import, the command line is made from them."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["READ_OPTIONS", "WRITE_OPTIONS"]

READ_OPTIONS: tuple[Option, ...] = (
    Option(
        name="voc_base",
        help=(
            "Whether pixels count from 0 (numbers stay as they are) or from 1, inclusively "
            "(the official data: a box is [xmin - 1, ymin - 1, xmax, ymax])."
        ),
        choices=("0", "1"),
        kind=int,
        default=0,
        use="both",
    ),
)

WRITE_OPTIONS: tuple[Option, ...] = (
    Option(
        name="voc_numbers",
        help="Coordinates as they are, or rounded to whole numbers (halves up).",
        choices=("float", "int"),
        default="float",
    ),
    Option(
        name="voc_polygons",
        help=(
            "Whether outlines are also written as <polygon> of one ring, as Roboflow does; "
            "auto: with the task segment."
        ),
        choices=("auto", "yes", "no"),
        default="auto",
    ),
    Option(
        name="voc_class_sets",
        help=(
            "Lists of a class with a flag for each image, Main/<class>_<split>.txt; auto: for "
            "classes of whole images, and those that a VOC source has; yes: for all classes."
        ),
        choices=("auto", "yes", "no"),
        default="auto",
    ),
    Option(
        name="voc_robndbox",
        help="Whether rotated boxes are also written as <robndbox>, as roLabelImg does.",
        choices=("yes", "no"),
        default="yes",
    ),
)
