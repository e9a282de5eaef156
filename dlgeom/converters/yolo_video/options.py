"""Options of YOLO rows of videos: light to import."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["FAR", "OPTIONS"]

FAR = 1e4
"""How far numbers may lie from 0..1."""

OPTIONS: tuple[Option, ...] = (
    Option(
        name="yolo_video_size",
        help="WIDTHxHEIGHT of all videos, where there are no video files to read sizes from.",
        use="both",
    ),
    Option(
        name="yolo_video_decimals",
        help="Digits behind the point; if not given as many as read back the same.",
        kind=int,
    ),
)
