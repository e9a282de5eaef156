"""Options and facts of CVAT's XML: light to import."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["CUBOID", "IMAGES_FILE", "OPTIONS", "SHAPES"]

SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton", "tag")
"""Elements that are annotations of an image, or the states of a track."""

CUBOID: tuple[tuple[str, int], ...] = (
    ("tl1", 0),
    ("bl1", 3),
    ("tr1", 1),
    ("br1", 2),
    ("tl2", 5),
    ("bl2", 6),
    ("tr2", 4),
    ("br2", 7),
)
"""Name of each corner in the order of the file -> its place in `dlgeom.Cube.geo`.

CVAT goes round the cuboid edge by edge: front left, front right, rear right, rear left. So what
the file calls top-left of the second face is the corner behind the front's top-right.
"""

IMAGES_FILE = "annotations.xml"
"""The file of a target's images; each video has a file of its own."""

OPTIONS: tuple[Option, ...] = (
    Option(
        name="cvat_shapes",
        help=(
            "Which shapes of tracks are read: key frames, between which is interpolated, or all, "
            "also those that CVAT computed."
        ),
        choices=("keyframes", "all"),
        default="keyframes",
        use="read",
    ),
    Option(
        name="cvat_decimals",
        help=(
            "Decimals of coordinates and angles, as CVAT itself writes 2; the shortest numbers "
            "that read back the same if not given."
        ),
        kind=int,
    ),
)
