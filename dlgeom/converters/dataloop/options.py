"""Options of the platform's JSON."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["MOST", "OPTIONS"]

MOST = 100_000
"""Computed snapshots of one item, unless somebody allows more: about 25 MB of JSON."""

OPTIONS: tuple[Option, ...] = (
    Option(
        name="dataloop_export_version",
        help=(
            "Names of JSON files: v1 replaces the item's ending (a.jpg -> a.json), v2 appends "
            "(a.jpg -> a.jpg.json)."
        ),
        choices=("v1", "v2"),
        default="v1",
    ),
    Option(
        name="dataloop_computed",
        help=(
            "How many snapshots of an item may be computed between key frames, one for each frame "
            "in which something moves; what needs more is written with its key frames only."
        ),
        kind=int,
        default=MOST,
    ),
)
