"""What CVAT's XML cannot hold, or holds as something else."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: tuple[tuple[str, str], ...] = (
    ("shape.no_place", "nothing with a place in the picture, and no tag of an image"),
    ("shape.classification", "is a class without a place; in a video there are tracks only"),
    ("text.control", "label or attribute has characters that XML cannot hold"),
    ("value.range", "reaches beyond the pixels or frames that may be read"),
    ("value.rounded", "coordinates have the decimals that were asked for"),
    ("geometry.to_box", "became the box around it"),
    ("geometry.bridged", "parts and holes became one ring with bridges"),
    ("geometry.parts", "became several shapes, one for each part; holes are filled"),
    ("geometry.companion", "has several shapes; the first one is written"),
    ("video.parts", "became several tracks: one has one label and one kind of shape"),
    ("video.attributes", "has an attribute that ends; in the file it is held"),
)
