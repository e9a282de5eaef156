"""Options and facts of MOTChallenge files: light to import."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["CLASSES", "LABEL", "OPTIONS"]

LABEL = "pedestrian"

CLASSES = (
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
    "crowd",
)
"""Names of the classes 1..13 of MOT16, MOT17 and MOT20."""

OPTIONS: tuple[Option, ...] = (
    Option(
        name="mot_origin",
        help=(
            "Number of the first column and row of pixels. The benchmark's page says 1, nearly all "
            "tools take files as 0; 1 shifts boxes by a pixel."
        ),
        choices=("0", "1"),
        default="0",
        use="both",
    ),
    Option(
        name="mot_kind",
        help=(
            "What rows are: ground truth (flag, class, visibility), detections (score, no ids) or "
            "results of a tracker (score). Read: told by the folder or the columns."
        ),
        choices=("auto", "gt", "det", "results"),
        default="auto",
        use="both",
    ),
    Option(
        name="mot_label",
        help="Label of rows without a class, which is not counted as lost when they are written.",
        default=LABEL,
        use="both",
    ),
)
