"""What MOTChallenge files cannot hold, or hold as something else."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: tuple[tuple[str, str], ...] = (
    ("shape.no_box", "nothing with a place in the picture; rows are boxes"),
    ("geometry.to_box", "became the box around it"),
    ("video.hidden", "is never visible; what is hidden has no row"),
    ("value.range", "reaches beyond the pixels or frames that may be read"),
)
