"""Options of YouTube-VIS: light to import."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["OPTIONS"]

OPTIONS: tuple[Option, ...] = (
    Option(
        name="ytvis_kind",
        help="Write a ground truth, or the list of results that evaluations take; as the source.",
        choices=("auto", "gt", "results"),
        default="auto",
    ),
    Option(
        name="ytvis_size",
        help="WIDTHxHEIGHT of the videos whose size neither the source nor their files tell.",
    ),
)
