"""What YouTube-VIS cannot hold, or holds as something else."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: tuple[tuple[str, str], ...] = (
    ("ref.category", "has no label; each record names a category"),
    ("image.size", "its video has no known size; name its folder with --images"),
    ("shape.no_box", "nothing with a place in the picture"),
    ("video.hidden", "is never visible; what is hidden has no entry"),
    ("value.range", "reaches beyond the pixels or frames that may be read"),
    ("mask.size", "is a mask of another size than its video"),
    ("polygon.zero_area", "has outlines without area in some frames, or none else"),
    ("limit.points", "has an outline longer than the limit outline, or of too many points"),
    ("label.changes", "has other labels later; its first one counts"),
    ("geometry.to_mask", "polygon with holes became a mask"),
    ("geometry.to_polygon", "became the polygon around it"),
    ("geometry.to_box", "became the box around it"),
    ("geometry.box_only", "is a box; results hold outlines and masks, so it became its corners"),
)
