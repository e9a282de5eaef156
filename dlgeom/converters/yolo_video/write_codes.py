"""What YOLO rows of videos cannot hold, or hold as something else."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: tuple[tuple[str, str], ...] = (
    ("ref.category", "has no label in some frame; each row names a class"),
    ("image.size", "its video has no known size; name its folder with --images"),
    ("shape.no_box", "nothing with a place in the picture; rows are boxes and polygons"),
    ("video.hidden", "is never visible; what is hidden has no row"),
    ("value.range", "reaches beyond the pixels or frames that may be read"),
    ("polygon.zero_area", "has outlines without area in some frames, or none else"),
    ("limit.points", "has an outline longer than the limit outline, or of too many points"),
    ("geometry.bridged", "parts and holes became one ring with bridges"),
    ("geometry.to_polygon", "became the polygon around it"),
    ("geometry.to_box", "became the box around it"),
)
